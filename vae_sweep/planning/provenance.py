"""Where the numbers of a launch come from: versions, commit, corpus, spec."""

import importlib.metadata
from dataclasses import asdict

from trainables.training.spec import VERSION
from vae_sweep.config.environment import git_commit
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
