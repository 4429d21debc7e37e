"""`vae-sweep --version`."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vae_sweep.config.environment import Settings, git_commit


def version_line() -> str:
    """Return the version of the package, and the commit where the code is a checkout or was sent from one."""
    try:
        number = version("vae-sweep")
    except PackageNotFoundError:
        number = "not installed"
    checkout = Path(__file__).parents[2]
    commit = git_commit(checkout) if (checkout / ".git").exists() else Settings().commit
    return f"vae-sweep {number}" + (f", commit {commit}" if commit else "")
