"""The environment that Ray reads when it is imported, and the token of a cluster."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from vae_sweep.errors import LaunchError

_DEFAULTS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
OURS = {
    "RAY_enable_metrics_collection": "0",
    "REPORTER_UPDATE_INTERVAL_MS": "60000",
    "RAY_gcs_pull_resource_loads_period_milliseconds": "10000",
}
"""What a Ray of our own is spared: figures of its processes, which nobody reads there."""

TOKEN_FILE = Path("~/.ray/auth_token")


@dataclass(frozen=True)
class Token:
    """A cluster's token, which no text shows, and where it was found."""

    value: str = field(repr=False)
    source: str


def prepare_environment() -> None:
    """Set what the user has not set; call it before the first import of ray, which reads the token mode once.

    A Ray of our own gets a token. A cluster that is joined may have none: it hears of one only where one is here.
    """
    ours = os.environ.get("RAY_ADDRESS", "local") == "local"
    for key, value in (_DEFAULTS | (OURS if ours else {})).items():
        os.environ.setdefault(key, value)
    if "RAY_AUTH_MODE" not in os.environ and (ours or find_token() is not None):
        os.environ["RAY_AUTH_MODE"] = "token"


def find_token() -> Token | None:
    """Return the token where Ray looks for it. Raises LaunchError where it cannot be read or is none."""
    if value := os.environ.get("RAY_AUTH_TOKEN"):
        return _token(value, "RAY_AUTH_TOKEN")
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(named or TOKEN_FILE).expanduser()
    source = f"RAY_AUTH_TOKEN_PATH={path}" if named else str(path)
    try:
        return _token(path.read_text(), source)
    except FileNotFoundError:
        if named is None:
            return None
        raise LaunchError(f"{source}: no such file; copy the head's token there, or unset the variable") from None
    except (OSError, UnicodeDecodeError) as error:
        raise LaunchError(f"{source}: the token cannot be read ({type(error).__name__}); chmod 600 it") from None


def _token(value: str, source: str) -> Token | None:
    value = value.strip()
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise LaunchError(
            f"{source}: holds no token: expected one word of ASCII text; copy ~/.ray/auth_token of the head"
        )
    return Token(value, source) if value else None
