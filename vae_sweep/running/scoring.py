"""Scoring what ended trials left, as tasks of their own that can be resumed."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from trainables.base import VaeSweepError
from trainables.measure.spec import EvaluationSpec
from trainables.ray_trainable import WeightsError, score_weights
from trainables.text.spec import SplitName
from vae_sweep.journal.events import JournalEvent, LostEvent, ScoredEvent, UnscoredEvent
from vae_sweep.journal.journal import JournalError
from vae_sweep.journal.records import SweepRecord, TrialRecord
from vae_sweep.planning.allocation import fits_gpu_limit
from vae_sweep.planning.plan import Plan
from vae_sweep.results.retention import missing_scores
from vae_sweep.running.nodes.placement import Placement
from vae_sweep.running.stop_controller import StopController, outage_of

_LOOK = 2.0
"""Seconds between two looks at the StopController while scores are computed."""


@dataclass(frozen=True)
class Scoring:
    """A trial whose weights are to be measured on some splits, under an evaluation or else its own."""

    trial: TrialRecord
    splits: tuple[SplitName, ...] = ("test",)
    evaluation: EvaluationSpec | None = None


def score_missing(
    plan: Plan,
    placement: Placement,
    record: SweepRecord,
    stop_controller: StopController,
    write: Callable[[JournalEvent], None],
) -> bool:
    """Score what is missing on the good nodes until the sweep stops; return whether all wanted is scored.

    A trial whose weights are lost is journaled so, and thereby open again.
    """
    trials = missing_scores(plan.spec, record)
    left = [Scoring(trial) for trial in trials if trial.final is not None and trial.final.checkpoint is not None]
    scored = 0
    for scoring, came in run_scorings(plan, placement, stop_controller, left):
        trial = scoring.trial
        if isinstance(came, VaeSweepError):
            failed = LostEvent if isinstance(came, WeightsError) else UnscoredEvent
            write(failed(trial=trial.id, reason=str(came)))
            continue
        try:
            write(ScoredEvent(trial=trial.id, numbers={**came}, evaluation=trial.spec.evaluation_key))
            scored += 1
        except JournalError as error:
            stop_controller.stop(str(error))
    return scored == len(trials)


def run_scorings(
    plan: Plan, placement: Placement, stop_controller: StopController, scorings: Sequence[Scoring]
) -> Iterator[tuple[Scoring, dict[str, float] | VaeSweepError]]:
    """Measure on the good nodes until the sweep stops; yield the numbers of each as it is done, or its error.

    An outage stops the sweep.
    """
    left, waiting = deque(scorings), dict[Any, Scoring]()
    while (left or waiting) and stop_controller.reason is None:
        while left and _fits(plan, [each.trial for each in waiting.values()], left[0].trial):
            scoring = left.popleft()
            waiting[_started(plan, placement, scoring)] = scoring
        ready, _ = ray.wait(list(waiting), num_returns=1, timeout=_LOOK)
        for task in ready:
            scoring = waiting.pop(task)
            try:
                numbers = ray.get(task)
            except RayError as error:
                cause = getattr(error, "cause", error)
                if isinstance(error, RayTaskError) and not isinstance(cause, VaeSweepError):
                    raise
                yield scoring, cause if isinstance(cause, VaeSweepError) else VaeSweepError(str(cause))
                if (outage := outage_of(cause)) is not None:
                    stop_controller.stop_for(outage, cause)
            else:
                yield scoring, numbers


def _started(plan: Plan, placement: Placement, scoring: Scoring) -> Any:
    trial = scoring.trial
    share = plan.shares[trial.method]
    options: dict[str, Any] = {"num_cpus": share.threads, "num_gpus": share.gpus, "max_retries": 3}
    if placement.selector:
        options["label_selector"] = placement.selector
    weights = str(trial.final.checkpoint) if trial.final else ""
    other = scoring.evaluation.model_dump(mode="json") if scoring.evaluation else None
    task = ray.remote(score_weights).options(**options)
    spec = trial.spec.plain | {"corpus": plan.spec.corpus.model_dump(mode="json")}
    return task.remote(spec, str(plan.data_directory), weights, share.threads, scoring.splits, other)


def _fits(plan: Plan, running: Sequence[TrialRecord], wanted: TrialRecord) -> bool:
    held = [plan.shares[trial.method].gpus for trial in running]
    return fits_gpu_limit(held, plan.shares[wanted.method].gpus, plan.spec.resources.max_gpus)
