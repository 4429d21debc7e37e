"""What the environment says."""

from pathlib import Path

import platformdirs
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Environment variables of the service."""

    model_config = SettingsConfigDict(env_prefix="VAE_SWEEP_", env_ignore_empty=True)

    data: Path | None = None
    commit: str | None = None
    """The commit of code that was sent without its repository."""


def data_directory(explicit: Path | None) -> Path:
    """Return where corpora lie: `explicit`, else VAE_SWEEP_DATA, else the user's cache directory."""
    found = explicit or Settings().data or platformdirs.user_cache_path("vae-sweep") / "data"
    return found.expanduser().absolute()
