"""Whether MLflow's HTTP server answers from here, and with which credentials."""

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from vae_sweep.config.paths import sqlite_path

SEARCH = "/api/2.0/mlflow/experiments/search"
"""A call that reads, takes GET and POST, and needs to be let in."""

_TIMEOUT = 10.0
CREDENTIALS = Path(".mlflow", "credentials")


def unreachable_reason(uri: str) -> str | None:
    """Return what keeps the driver from logging to MLflow at a tracking URI, or None."""
    if uri.startswith(("http://", "https://")):
        return _unanswered(uri)
    database = sqlite_path(uri)
    return None if database is None else _unwritable(database)


def http_get(uri: str, headers: Mapping[str, str] = {}, auth: Any = None, method: str = "GET") -> httpx.Response:
    """Search one experiment; raises httpx.HTTPError where nobody answers."""
    parts = {"params": {"max_results": 1}} if method == "GET" else {"json": {"max_results": 1}}
    url = bare(uri).rstrip("/") + SEARCH
    with httpx.Client(timeout=_TIMEOUT, verify=_verify(), follow_redirects=False) as client:
        return client.request(method, url, headers=dict(headers), auth=auth, **parts)  # type: ignore[arg-type]


def credentials(uri: str) -> tuple[str, str] | None:
    """Return user and password for MLflow: those in the URI, of the environment, or of ~/.mlflow/credentials."""
    parts = urlsplit(uri)
    if parts.username:
        return httpx.URL(uri).username, httpx.URL(uri).password
    kept = _kept_credentials()
    user = os.environ.get("MLFLOW_TRACKING_USERNAME") or kept.get("mlflow_tracking_username")
    password = os.environ.get("MLFLOW_TRACKING_PASSWORD") or kept.get("mlflow_tracking_password")
    return (user, password) if user and password else None


def bare(uri: str) -> str:
    """Return a URI without user and password, fit to be shown."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else uri


def headers_of(uri: str) -> dict[str, str]:
    """Return the header with which MLflow's clients show MLFLOW_TRACKING_TOKEN, where there is no password."""
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token and not credentials(uri) else {}


def _unanswered(uri: str) -> str | None:
    shown = bare(uri)
    try:
        reply = http_get(uri, headers_of(uri), credentials(uri))
    except httpx.HTTPError as error:
        return (
            f"MLflow at {shown} does not answer ({error or type(error).__name__}); is it up, is the address right?"
        )
    if reply.status_code == httpx.codes.UNAUTHORIZED:
        return (
            f"MLflow at {shown} does not let us in; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
            "or ~/.mlflow/credentials"
        )
    if reply.status_code == httpx.codes.FORBIDDEN:
        return (
            f"MLflow at {shown} refuses us (403: {reply.text.strip()[:80]}); is this name among its "
            "--allowed-hosts, may this user read?"
        )
    if reply.status_code != httpx.codes.OK:
        return (
            f"MLflow at {shown} answers {reply.status_code} to a search for experiments; is it an MLflow server?"
        )
    return None


def _unwritable(database: Path) -> str | None:
    near = database if database.exists() else database.parent
    while not near.exists():
        near = near.parent
    if os.access(near, os.W_OK):
        return None
    return f"MLflow's database {database} cannot be written; give another with --set tracking.uri=sqlite:///PATH"


def _kept_credentials() -> Mapping[str, str]:
    kept = configparser.ConfigParser(interpolation=None)
    try:
        kept.read(Path.home() / CREDENTIALS)
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return dict(kept["mlflow"]) if kept.has_section("mlflow") else {}


def _verify() -> Any:
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        return False
    return os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True
