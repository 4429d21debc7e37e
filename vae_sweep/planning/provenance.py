"""Where the numbers of a launch come from: versions, commit, corpus, spec."""

import importlib.metadata
import subprocess
from dataclasses import asdict
from pathlib import Path

from trainables.training.spec import VERSION
from vae_sweep.config.environment import Settings
from vae_sweep.journal.events import LaunchEvent
from vae_sweep.planning.plan import Plan

LIBRARIES = ("vae-sweep", "torch", "ray", "optuna", "mlflow", "pydantic")


def provenance(plan: Plan, attempt: int, lease: str | None = None) -> LaunchEvent:
    """Return what the journal is to say of a launch, made under the lease of this nonce."""
    return LaunchEvent(
        sweep=plan.spec.name,
        attempt=attempt,
        spec=plan.spec.model_dump(mode="json", by_alias=True),
        versions={name: importlib.metadata.version(name) for name in LIBRARIES},
        git_commit=git_commit(),
        corpus=plan.corpus.describe(),
        remarks=[asdict(remark) for remark in plan.remarks],
        data_directory=str(plan.data_directory),
        keys_version=VERSION,
        lease=lease,
    )


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
