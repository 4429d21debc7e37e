"""The doctor's look at Ray: its token, its dashboard, whether a cluster lets strangers in."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from vae_sweep.doctor.finding import Finding, is_loopback, outward_addresses
from vae_sweep.running.nodes.auth_probe import auth_probe

SHORTEST = 32
"""Characters that a token has at least: 128 bits in hexadecimal."""

DASHBOARD_PORT = 8265
_TIMEOUT = 3.0
MAKE = "make one with: python -c 'import secrets; print(secrets.token_hex(32), end=\"\")', mode 600, on every node"


def examine_mode(environment: Mapping[str, str]) -> Finding:
    """Return whether Ray's token mode is on."""
    mode = environment.get("RAY_AUTH_MODE", "").lower()
    fix = "export RAY_AUTH_MODE=token on every node and client"
    if mode == "token":
        return Finding("ok", "Ray's token mode", "RAY_AUTH_MODE", "token")
    if not mode:
        text = "not set: vae-sweep asks for tokens itself, ray start and ray job may not"
        return Finding("warning", "Ray's token mode", "RAY_AUTH_MODE", text, fix)
    text = f"{mode}: whoever reaches a port of the cluster can run code there"
    return Finding("problem", "Ray's token mode", "RAY_AUTH_MODE", text, fix)


def examine_token(home: Path, environment: Mapping[str, str], needed: bool) -> Finding:
    """Return whether there is a token, and a long one; `needed` where a cluster is to be joined."""
    try:
        where, token = _token(home, environment)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        where = environment.get("RAY_AUTH_TOKEN_PATH") or str(home / ".ray" / "auth_token")
        if isinstance(error, FileNotFoundError) and not needed:
            return Finding("ok", "Ray's token", where, "none yet: Ray on one machine makes it at its first start")
        return Finding("problem", "Ray's token", where, f"cannot be read ({reason})", MAKE)
    if len(token.strip()) < SHORTEST:
        text = f"a token of {len(token.strip())} characters can be guessed"
        return Finding("problem", "Ray's token", where, text, MAKE)
    return Finding("ok", "Ray's token", where, f"{len(token.strip())} characters")


def examine_cluster(address: str) -> tuple[bool, Finding]:
    """Return whether the cluster at host:port lets us in, and what a finding says of it."""
    own = auth_probe(address, stranger=False)
    if own == "absent":
        fix = "is it up, is the address that of its head, host:port?"
        return False, Finding("problem", "cluster", address, "no Ray cluster answers there", fix)
    if own == "refused":
        fix = "copy the head's token to ~/.ray/auth_token and export RAY_AUTH_MODE=token"
        return False, Finding("problem", "cluster", address, "it refuses our token", fix)
    if auth_probe(address, stranger=True) == "open":
        fix = "start every node with RAY_AUTH_MODE=token and one token"
        text = "it lets in whoever reaches its port, without a token"
        return True, Finding("problem", "cluster", address, text, fix)
    return True, Finding("ok", "cluster", address, "lets us in, refuses who has no token")


def examine_dashboards(given: Iterable[str]) -> Iterator[Finding]:
    """Yield what strangers find at dashboards: those given as host:port or URL, and at this machine's usual port.

    Where one answers on loopback, this machine's other addresses are tried as well.
    """
    asked: dict[str, None] = {}
    for each in (*given, f"127.0.0.1:{DASHBOARD_PORT}"):
        parts = urlsplit(each if "//" in each else f"http://{each}")
        host, port = parts.hostname or "127.0.0.1", parts.port or DASHBOARD_PORT
        asked[f"{parts.scheme}://{host}:{port}"] = None
        if is_loopback(host):
            asked |= {f"{parts.scheme}://{address}:{port}": None for address in outward_addresses()}
    found = [finding for url in asked if (finding := examine_dashboard(url)) is not None]
    yield from found or [Finding("ok", "Ray's dashboard", ", ".join(asked), "none answers")]


def examine_dashboard(url: str) -> Finding | None:
    """Return what a stranger finds at a dashboard's URL, None where no Ray dashboard answers."""
    try:
        with httpx.Client(timeout=_TIMEOUT, trust_env=False) as client:
            version, jobs = client.get(f"{url}/api/version"), client.get(f"{url}/api/jobs/")
    except httpx.HTTPError:
        return None
    if "ray_version" not in version.text and "authentication token" not in version.text:
        return None
    outward = not is_loopback(urlsplit(url).hostname or "")
    if jobs.status_code == httpx.codes.OK:
        text = "answers job requests without a token: whoever reaches it can run code"
        fix = "start the head with RAY_AUTH_MODE=token and --dashboard-host 127.0.0.1"
        return Finding("problem", "Ray's dashboard", url, text, fix)
    if outward:
        text = "asks for a token, but answers other machines, without encryption"
        fix = "start the head with --dashboard-host 127.0.0.1 and go there by an SSH tunnel"
        return Finding("warning", "Ray's dashboard", url, text, fix)
    return Finding("ok", "Ray's dashboard", url, "on loopback, asks for a token")


def _token(home: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return where Ray takes its token from, in its order, and the token."""
    if token := environment.get("RAY_AUTH_TOKEN"):
        return "RAY_AUTH_TOKEN", token
    path = Path(environment.get("RAY_AUTH_TOKEN_PATH") or home / ".ray" / "auth_token")
    return str(path), path.read_text()
