"""A cluster's job server, which is its dashboard: its address, its token, and what is wrong with them in words."""

import os
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httpx

from vae_sweep.errors import LaunchError
from vae_sweep.running.ray_environment import TOKEN_FILE, Token, find_token

PATIENCE = 15.0
"""Seconds in which a dashboard answers."""

GCS_PORT, CLIENT_PORT = 6379, 10001
USUAL = "the job server is the head's dashboard, http://HEAD:8265"


@dataclass(frozen=True)
class Dashboard:
    """A job server that answered, and the token that it took; `shell` stands before commands of Ray's own."""

    url: str
    ray_version: str
    token: Token | None
    shell: str

    @property
    def headers(self) -> dict[str, str]:
        """The headers that carry the token."""
        return _headers(self.token)


def find_dashboard(address: str, patience: float = PATIENCE) -> Dashboard:
    """Ask the job server at an address for its version. Raises LaunchError saying what is wrong and what helps."""
    url = checked_url(address)
    token = None if os.environ.get("RAY_AUTH_MODE") == "disabled" else find_token()
    try:
        answer = httpx.get(f"{url}/api/version", headers=_headers(token), timeout=patience)
    except httpx.RequestError as error:
        raise LaunchError(f"{url}: {_silence(error, patience)}") from None
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise LaunchError(f"{url}: {_no_token(token)}")
    if answer.status_code == httpx.codes.FORBIDDEN:
        raise LaunchError(f"{url}: {_wrong_token(token)}")
    shell = "RAY_AUTH_MODE=token " if token and os.environ.get("RAY_AUTH_MODE") != "token" else ""
    return Dashboard(url, _version(url, answer), token, shell)


def checked_url(address: str) -> str:
    """Return the URL of a job server. Raises LaunchError where the address cannot be one."""
    text = address.strip()
    if "@" in text:
        raise LaunchError("--address: holds a user or a password; leave them out, Ray takes a token only")
    parts, port = _parts(text if "://" in text else f"http://{text}", address)
    if "://" in text and parts.scheme not in ("http", "https"):
        raise LaunchError(f"--address {address}: {parts.scheme}:// is no address of a job server; {USUAL}")
    if not parts.hostname or parts.query or parts.fragment or text in ("auto", "local"):
        raise LaunchError(f"--address {address}: expected host and port; {USUAL}")
    if port in (GCS_PORT, CLIENT_PORT):
        what = "where Ray's nodes meet" if port == GCS_PORT else "of Ray's client"
        raise LaunchError(f"--address {address}: port {port} is the one {what}; {USUAL}")
    return parts.geturl().rstrip("/")


def _parts(url: str, address: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError as error:
        raise LaunchError(f"--address {address}: not an address ({error}); {USUAL}") from None


def _headers(token: Token | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.value}"} if token else {}


def _silence(error: httpx.RequestError, patience: float) -> str:
    said = str(error) or type(error).__name__
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return f"what answers there speaks no HTTP ({said}), as Ray's other ports do not; {USUAL}"
    if isinstance(error, httpx.ReadTimeout):
        return (
            f"takes the connection but says nothing for {patience:.3g} s; is the head alive, and is it that port?"
        )
    if "WRONG_VERSION_NUMBER" in said or "record layer" in said:
        return "speaks no https; give http://, or the address of the proxy that does"
    if "CERTIFICATE" in said.upper():
        return f"its certificate is not trusted here ({said}); point SSL_CERT_FILE at your authority's"
    return (
        f"nothing answers there ({said}); is the head up, and is its dashboard reachable from here: started with "
        "--dashboard-host 0.0.0.0, or by a tunnel such as ssh -L 8265:localhost:8265 HEAD and "
        "--address http://localhost:8265?"
    )


def _no_token(token: Token | None) -> str:
    if os.environ.get("RAY_AUTH_MODE") == "disabled":
        return "the cluster asks for a token and RAY_AUTH_MODE=disabled sends none; export RAY_AUTH_MODE=token"
    if token is None:
        return (
            f"the cluster asks for a token and none is here; copy {TOKEN_FILE} of the head to {TOKEN_FILE}, or to "
            "another file and export RAY_AUTH_TOKEN_PATH=FILE; Ray's own commands also need RAY_AUTH_MODE=token"
        )
    return (
        f"the cluster asks for a token and does not see the one of {token.source}; a proxy on the way may drop "
        "the Authorization header"
    )


def _wrong_token(token: Token | None) -> str:
    if token is None:
        return (
            "refuses without asking for a token (403): no Ray dashboard, or one behind a proxy with its own rules"
        )
    return (
        f"the token of {token.source} is not the cluster's; copy {TOKEN_FILE} of the head, which holds another "
        "after a new start unless it is kept there"
    )


def _version(url: str, answer: httpx.Response) -> str:
    status = answer.status_code
    if answer.is_redirect:
        where = answer.headers.get("location", "?")
        raise LaunchError(f"{url}: sends on to {where}: no Ray dashboard, or one behind a sign-in; {USUAL}")
    if answer.is_server_error:
        raise LaunchError(f"{url}: answers with error {status}; the head, or a proxy before it, is in trouble")
    try:
        known = answer.json()
    except ValueError:
        known = None
    if not answer.is_success or not isinstance(known, dict) or "ray_version" not in known:
        kind = answer.headers.get("content-type", "nothing").partition(";")[0]
        raise LaunchError(f"{url}: is no Ray dashboard (/api/version gives {status}, {kind}); {USUAL}")
    return str(known["ray_version"])
