"""The environment variables of the service, and where corpora lie."""

import re
from pathlib import Path

import platformdirs
from pydantic_settings import BaseSettings, SettingsConfigDict

from trainables.base import CorpusError


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="VAE_SWEEP_", env_ignore_empty=True)

    data: Path | None = None
    commit: str | None = None
    """The commit of code that was sent without its repository."""


def data_directory(explicit: Path | None) -> Path:
    """Return where corpora lie: `explicit`, else VAE_SWEEP_DATA, else the user's cache directory.

    Raises CorpusError where that is a URL.
    """
    found = explicit or Settings().data or platformdirs.user_cache_path("vae-sweep") / "data"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(found)):
        raise CorpusError(
            f"{found}: expected a directory, not a URL; corpora lie where every machine can read them"
        )
    return found.expanduser().absolute()
