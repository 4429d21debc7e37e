"""The environment of the service: its variables, where corpora lie, which commit this is."""

import re
import subprocess
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


def git_commit(directory: Path | None = None) -> str | None:
    """Return the commit of a repository, by default of VAE_SWEEP_COMMIT or where the sweep is launched from."""
    if directory is None and (sent := Settings().commit):
        return sent
    try:
        command = ["git", "rev-parse", "HEAD"]
        found = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            cwd=directory,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() if found.returncode == 0 else None
