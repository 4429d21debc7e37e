"""The estimate: from measured rates and a plan's work to hours, memory and bytes; pure arithmetic."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from trainables.methods import METHODS
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.planning.allocation import SLACK, TrialResources
from vae_sweep.planning.estimate.costs import TaskCosts, TrialTask, score_of, task_of
from vae_sweep.planning.estimate.rates import NOTHING, Span
from vae_sweep.planning.estimate.work import Work, is_exact
from vae_sweep.planning.plan import Plan, gpu_count

KEPT = 2
"""Checkpoints of a trial that lie in storage; one more is written aside."""


@dataclass(frozen=True)
class Estimate:
    """What a sweep will take: seconds of all `trials`, of all test `scores`, of a trial of each method.

    `at_once` are the fewest and the most trials that run together; `peak_memory_mb` is a trial's; bytes in storage
    `running`, at most, and at the `end`; `exact` says whether the cells are known; `load` is the machine's
    before it was measured, in running processes.
    """

    trials: Span
    scores: Span
    methods: dict[str, Span]
    at_once: tuple[int, int]
    peak_memory_mb: float
    running_bytes: int
    end_bytes: int
    exact: bool
    load: float

    @property
    def seconds(self) -> Span:
        return self.trials + self.scores


def estimate(costs: TaskCosts, work: Sequence[Work]) -> Estimate:
    """Return what a plan's `work` will take on a machine whose costs these are."""
    plan = costs.plan
    tasks = [task_of(costs, one) for one in work]
    fewest, most = at_once(plan)
    trials = costs.start() + Span(
        makespan([(task.own.low, task.pretraining.low, task.shared) for task in tasks], most),
        makespan([(task.own.high, task.pretraining.high, task.shared) for task in tasks], fewest),
    )
    running, end = _bytes(costs, work, most)
    return Estimate(
        trials=trials,
        scores=_scores(costs, work),
        methods=_by_method(work, tasks),
        at_once=(fewest, most),
        peak_memory_mb=max(one.peak_memory_mb for one in costs.measured),
        running_bytes=running,
        end_bytes=end,
        exact=is_exact(plan),
        load=costs.load,
    )


def makespan(tasks: Sequence[tuple[float, float, str | None]], slots: int) -> float:
    """Return when the last task ends, each (own seconds, pretraining seconds, shared name) started in order.

    Whoever comes first under a name trains, and those that come meanwhile wait in their slots.
    """
    free = [0.0] * slots
    ready: dict[str, float] = {}
    for own, pretraining, shared in tasks:
        begin = heappop(free)
        trained = begin + pretraining
        if shared is not None:
            trained = max(begin, ready.setdefault(shared, trained))
        heappush(free, trained + own)
    return max(free)


def at_once(plan: Plan) -> tuple[int, int]:
    """Return the fewest and the most trials that run together here, by the largest and the smallest share."""
    fits = [fit_on(share, cores(), gpu_count(), plan.spec) for share in plan.shares.values()]
    most = plan.spec.resources.max_concurrent or plan.trial_count
    least, best = (max(1, min(most, plan.trial_count, found)) for found in (min(fits), max(fits)))
    return least, best


def cores() -> int:
    return os.cpu_count() or 1


def fit_on(share: TrialResources, cpus: int, cards: int, spec: SweepSpec) -> int:
    """Return how many trials of a share fit on a machine; GPUs count where it has any."""
    by_cores = cpus // share.threads
    if not (share.gpus and cards):
        return by_cores
    most = spec.resources.max_gpus
    on_cards = int(1 / share.gpus + SLACK) * cards if share.gpus < 1 else int(cards / share.gpus)
    return min(by_cores, on_cards, on_cards if most is None else int(most / share.gpus + SLACK))


def _scores(costs: TaskCosts, work: Sequence[Work]) -> Span:
    """Return the seconds in which the test split is scored; of a front, one cell at least and all at most.

    Ray may have a process at hand, or start one.
    """
    final = costs.plan.spec.final
    front = [one for one in work if final == "all" or not METHODS[one.trial.method.name].reference]
    if final == "none" or not front:
        return NOTHING
    scores = [score_of(costs, one) for one in front]
    few = len(scores) if final == "all" else len(costs.plan.spec.seeds)
    fewest, most = (min(len(scores), slots) for slots in at_once(costs.plan))
    low = makespan([(low, 0.0, None) for low in sorted(score.low for score in scores)[:few]], most)
    high = makespan([(score.high, 0.0, None) for score in scores], fewest)
    return Span(low, costs.start().high + high)


def _bytes(costs: TaskCosts, work: Sequence[Work], slots: int) -> tuple[int, int]:
    """Return the bytes in storage while trials run, at most, and at the end.

    What stays of a trial is its last epoch's state and its best weights, twice; of a pretraining its weights.
    """
    states, ends = [], []
    for one in work:
        [step, *_] = costs.step(one.trial.phases()[-1], costs.threads(one))
        [model, *_] = costs.model(one)
        states.append(step.state_bytes)
        ends.append(step.state_bytes + 2 * model.weights_bytes)
    entries = {one.shared: costs.model(one)[0].weights_bytes for one in work if one.shared and not one.stored}
    end = sum(ends) + sum(entries.values())
    running = sum(sorted(states, reverse=True)[:slots]) * (KEPT + 1)
    return end + running, end


def _by_method(work: Sequence[Work], tasks: Sequence[TrialTask]) -> dict[str, Span]:
    found: dict[str, Span] = {}
    for one, task in zip(work, tasks, strict=True):
        name = one.trial.method.name
        old = found.get(name, task.alone)
        found[name] = Span(min(old.low, task.alone.low), max(old.high, task.alone.high))
    return found
