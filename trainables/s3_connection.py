"""The connection to S3-compatible object storage, as the environment says."""

import math
import os
from functools import cache
from typing import TYPE_CHECKING

from trainables.base import PlaceError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

CONNECT_TIMEOUT, REQUEST_TIMEOUT = 3.0, 10.0
"""Seconds until a connection must stand, and for which a server may say nothing; three attempts are made."""

TIMEOUT_VARIABLE = "VAE_SWEEP_S3_TIMEOUT"
"""Sets REQUEST_TIMEOUT from the environment."""


def filesystem() -> "FileSystem":
    """Return the file system of the environment's endpoint and region. Raises PlaceError."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return _connected(endpoint(), region, request_timeout())


def endpoint() -> str | None:
    """Return the address of the server, None for AWS itself."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def without_secrets(address: str | None) -> str:
    """Return an endpoint as messages may show it."""
    return address.rpartition("@")[2].rpartition("://")[2] if address else "AWS"


def request_timeout() -> float:
    """Return the seconds for which a server may say nothing. Raises PlaceError."""
    given = os.environ.get(TIMEOUT_VARIABLE) or REQUEST_TIMEOUT
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise PlaceError(f"{TIMEOUT_VARIABLE}={given}: expected seconds above 0, such as {REQUEST_TIMEOUT:g}")
    return seconds


@cache
def _connected(endpoint: str | None, region: str | None, request_timeout: float) -> "FileSystem":
    """Return the S3 file system; its credentials it finds itself, so that they are in no pickle of it."""
    from pyarrow.fs import S3FileSystem

    scheme, _, address = endpoint.rpartition("://") if endpoint else ("https", "", None)
    return S3FileSystem(
        endpoint_override=address.rstrip("/") if address else None,
        scheme=scheme or "https",
        region=region or ("us-east-1" if endpoint else None),
        connect_timeout=CONNECT_TIMEOUT,
        request_timeout=request_timeout,
        allow_delayed_open=True,
    )
