"""The doctor's look at an MLflow server: what it shows to strangers, foreign host names and foreign pages."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from vae_sweep.doctor.finding import Finding, is_loopback, outward_addresses
from vae_sweep.running.nodes.mlflow_reachability import bare, credentials, headers_of, http_get, unreachable_reason

DEFAULTS = (("admin", "password1234"), ("admin", "password"))
"""Users and passwords that stand in public pages."""

FOREIGN = "foreign.example"
WHAT = "MLflow"


def examine_mlflow(uri: str) -> Iterator[Finding]:
    """Yield what is wrong with the MLflow server at an HTTP URI; nothing is written there."""
    shown = bare(uri)
    if (text := unreachable_reason(uri)) is not None:
        yield Finding("warning", WHAT, shown, text, "a sweep runs without it: vae-sweep sync sends the rest later")
    else:
        yield Finding("ok", WHAT, shown, "lets us in")
    try:
        closed = http_get(bare(uri)).status_code == httpx.codes.UNAUTHORIZED
        yield _stranger(uri, closed)
        if closed:
            yield from _default_passwords(uri)
        yield from _foreign(uri, closed)
    except httpx.HTTPError:
        return
    if closed and urlsplit(uri).scheme == "http" and not is_loopback(urlsplit(uri).hostname or ""):
        text = "passwords cross the network without encryption"
        yield Finding("warning", WHAT, shown, text, "put it behind https, or go there by an SSH tunnel")


def _stranger(uri: str, closed: bool) -> Finding:
    shown, fix = bare(uri), "start it with --app-name basic-auth, or on 127.0.0.1 alone"
    if closed:
        return Finding("ok", WHAT, shown, "asks strangers for a password")
    parts = urlsplit(uri)
    if not is_loopback(parts.hostname or ""):
        return Finding("problem", WHAT, shown, "shows and takes everything without a password", fix)
    for address in outward_addresses():
        outward = f"{parts.scheme}://{address}:{parts.port or 80}"
        try:
            if http_get(outward).status_code == httpx.codes.OK:
                return Finding("problem", WHAT, outward, "shows other machines everything without a password", fix)
        except httpx.HTTPError:
            continue
    return Finding("ok", WHAT, shown, "no password, but on loopback alone")


def _default_passwords(uri: str) -> Iterator[Finding]:
    for user, password in DEFAULTS:
        if http_get(uri, auth=(user, password)).status_code == httpx.codes.OK:
            text = f"the user {user} has a password that stands in public pages"
            yield Finding(
                "problem", WHAT, bare(uri), text, "change it, in the file of MLFLOW_AUTH_CONFIG_PATH too"
            )
            return
    yield Finding("ok", WHAT, bare(uri), "no password from public pages opens it")


def _foreign(uri: str, closed: bool) -> Iterator[Finding]:
    """Yield whether a foreign Host header, and a POST from a foreign page, are taken."""
    fixes = {
        "a foreign Host header": "--allowed-hosts with the names that it is reached by",
        "a POST from a foreign page": "no '*' in --cors-allowed-origins",
    }
    own = headers_of(uri)
    replies = [
        http_get(uri, own | {"Host": FOREIGN}, credentials(uri)),
        http_get(uri, own | {"Origin": f"http://{FOREIGN}"}, credentials(uri), method="POST"),
    ]
    for (what, fix), reply in zip(fixes.items(), replies, strict=True):
        if reply.status_code == httpx.codes.OK:
            text = f"takes {what}: a page in a browser can reach it" + (
                " with the user's password" if closed else ""
            )
            yield Finding("problem", WHAT, bare(uri), text, f"start it with {fix}")
        elif reply.status_code == httpx.codes.UNAUTHORIZED:
            yield Finding("warning", WHAT, bare(uri), f"whether it takes {what} is not known without a password")
        else:
            yield Finding("ok", WHAT, bare(uri), f"refuses {what}")
