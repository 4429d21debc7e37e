"""Scoring the test split of ended trials, as tasks of their own that can be resumed."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from trainables.base import VaeSweepError
from trainables.ray_trainable import WeightsError, score_test
from vae_sweep.sweep.folder import JOURNAL_FILE
from vae_sweep.sweep.nodes.preflight import Ground
from vae_sweep.sweep.plan import Plan
from vae_sweep.sweep.shares import gpus_fit
from vae_sweep.sweep.wanted import missing_scores
from vae_sweep.tracking.brake import Brake, outage_of
from vae_sweep.tracking.journal import Journal, JournalError
from vae_sweep.tracking.ledger import read_sweep
from vae_sweep.tracking.records import TrialRecord

LOOK = 2.0
"""Seconds between two looks at the brake while scores are computed."""


def score_missing(plan: Plan, ground: Ground, folder: Path, journal: Journal, brake: Brake, note: Any) -> bool:
    """Score what is missing on the good nodes until the brake is pulled; return whether all wanted is scored.

    A trial whose weights are lost is journaled so, and thereby open again.
    """
    trials = missing_scores(plan.spec, read_sweep(folder / JOURNAL_FILE))
    left = deque(trial for trial in trials if trial.final is not None and trial.final.checkpoint is not None)
    good = len(left) == len(trials)
    waiting: dict[Any, TrialRecord] = {}
    while (left or waiting) and brake.reason is None:
        while left and _fits(plan, list(waiting.values()), left[0]):
            trial = left.popleft()
            waiting[_started(plan, ground, trial)] = trial
        ready, _ = ray.wait(list(waiting), num_returns=1, timeout=LOOK)
        for task in ready:
            trial = waiting.pop(task)
            try:
                note(journal.append("scored", trial=trial.id, numbers=ray.get(task)))
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
                    brake.stop_for(outage, cause)
    return good and not waiting


def _started(plan: Plan, ground: Ground, trial: TrialRecord) -> Any:
    share = plan.shares[trial.method]
    options: dict[str, Any] = {"num_cpus": share.threads, "num_gpus": share.gpus, "max_retries": 3}
    if ground.selector:
        options["label_selector"] = ground.selector
    weights = str(trial.final.checkpoint) if trial.final else ""
    task = ray.remote(score_test).options(**options)
    return task.remote(trial.spec, str(plan.data_directory), weights, share.threads)


def _fits(plan: Plan, running: Sequence[TrialRecord], wanted: TrialRecord) -> bool:
    held = [plan.shares[trial.method].gpus for trial in running]
    return gpus_fit(held, plan.shares[wanted.method].gpus, plan.spec.resources.max_gpus)
