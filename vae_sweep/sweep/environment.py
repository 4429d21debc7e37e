"""The environment that Ray reads when it is imported."""

import os

DEFAULTS = {
    "RAY_AUTH_MODE": "token",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


def prepare_environment() -> None:
    """Set what the user has not set; call it before the first import of ray, which reads the token mode once."""
    for key, value in DEFAULTS.items():
        os.environ.setdefault(key, value)
