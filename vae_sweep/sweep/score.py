"""Scoring the test split of ended trials, as tasks of their own that can be resumed."""

from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from trainables.base import VaeSweepError
from trainables.ray_trainable import WeightsError, score_test
from vae_sweep.sweep.folder import JOURNAL_FILE
from vae_sweep.sweep.plan import Plan
from vae_sweep.sweep.wanted import missing_scores
from vae_sweep.tracking.brake import Brake, outage_of
from vae_sweep.tracking.journal import Journal, JournalError
from vae_sweep.tracking.records import read_sweep

LOOK = 2.0
"""Seconds between two looks at the brake while scores are computed."""


def score_missing(plan: Plan, folder: Path, journal: Journal, brake: Brake, note: Any) -> bool:
    """Score what is missing on the cluster until the brake is pulled; return whether all that is wanted is scored.

    A trial whose weights are lost is journaled so, and thereby open again.
    """
    trials = missing_scores(plan.spec, read_sweep(folder / JOURNAL_FILE))
    task = ray.remote(score_test).options(num_cpus=plan.threads, num_gpus=plan.gpus, max_retries=3)
    waiting = {
        task.remote(trial.spec, str(plan.data_directory), str(trial.final.checkpoint), plan.threads): trial
        for trial in trials
        if trial.final is not None and trial.final.checkpoint is not None
    }
    good = len(waiting) == len(trials)
    while waiting and brake.reason is None:
        ready, _ = ray.wait(list(waiting), num_returns=1, timeout=LOOK)
        for task_id in ready:
            trial = waiting.pop(task_id)
            try:
                note(journal.append("scored", trial=trial.id, numbers=ray.get(task_id)))
            except JournalError as error:
                brake.pull(str(error))
            except RayError as error:
                cause = getattr(error, "cause", error)
                if isinstance(error, RayTaskError) and not isinstance(cause, VaeSweepError):
                    raise
                good = False
                kind = "lost" if isinstance(cause, WeightsError) else "unscored"
                note(journal.append(kind, trial=trial.id, reason=str(cause)))
                if (outage := outage_of(cause)) is not None:
                    brake.out(outage, cause)
    return good and not waiting
