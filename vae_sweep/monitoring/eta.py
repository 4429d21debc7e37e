"""How long a running sweep still takes, from its own measured epochs."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import ValidationError

from trainables.base import Spec
from trainables.training.report import SCORED
from trainables.training.spec import PhaseSpec
from vae_sweep.config.sweep_spec import Draw, SweepSpec
from vae_sweep.formatting import pluralise
from vae_sweep.journal.history import History
from vae_sweep.journal.records import SweepRecord

SECONDS = "train/seconds"


class Left(Spec):
    """Seconds until the last training ends, None where they are unknown; `why` says on what they rest."""

    seconds: float | None
    why: str


class UnknownError(Exception):
    """What has not been measured yet, so that nothing can be said."""


@dataclass
class MeasuredPace:
    """Mean seconds: of an epoch by (phase, method), a pretraining's under any method; of ends and whole trials."""

    epochs: dict[tuple[str, str], float] = field(default_factory=dict)
    end: float = 0.0
    trial: float | None = None


@dataclass(frozen=True)
class RemainingTask:
    """A trial that this launch has yet to run or to end; `done` counts its epochs by phase."""

    method: str
    phases: tuple[PhaseSpec, ...]
    done: dict[str, int] = field(default_factory=dict)


def sweep_spec(record: SweepRecord) -> SweepSpec | None:
    """Return the spec of the newest launch; None before it, or where another version wrote it."""
    try:
        return SweepSpec.model_validate(record.spec)
    except ValidationError:
        return None


def cell_count(spec: SweepSpec, known: int) -> int:
    """Return how many cells a sweep has when it is complete; `known` exist already."""
    points = spec.points()
    wanted = spec.search.trials or len(points or ())
    return max(known, wanted if points is None else min(wanted, len(points)))


def time_left(history: History, running: int) -> Left:
    """Return how long the trainings still take at most, with `running` trials at a time.

    Epochs not run yet are counted up to the most that their specs allow, each at the mean of those measured; the
    scoring of the test split is not counted.
    """
    spec = sweep_spec(history.record)
    if spec is None:
        return Left(seconds=None, why="the journal's spec is not one of this version")
    try:
        seen = measured(history)
        trained = _trained(history.record) if spec.storage.share_pretraining else None
        costs = list(_costs(seen, list(_tasks(history, spec)), trained))
        costs += [_drawn(seen) for _ in range(_undrawn(history.record, spec))]
    except UnknownError as error:
        return Left(seconds=None, why=str(error))
    if not costs:
        return Left(seconds=None, why="every training is done; how long the test scores take is not measured")
    if not running:
        return Left(seconds=None, why="no trial runs at the moment")
    why = f"at most, for {pluralise(len(costs), 'trial')}, {running} at a time, at the seconds an epoch took; "
    return Left(seconds=max(sum(costs) / running, *costs), why=why + "test scores not counted")


def measured(history: History) -> MeasuredPace:
    """Return what epochs, ends and trials took so far; epochs taken from the store took nothing."""
    found, ends, wholes = MeasuredPace(), [], []
    seconds: dict[tuple[str, str], list[float]] = {}
    for trial in history.record.trials.values():
        stored = history.timelines[trial.id].stored
        own = [one for one in trial.epochs if (one.phase, one.epoch) not in stored]
        for one in own:
            if (value := one.numbers.get(SECONDS)) is not None:
                seconds.setdefault(_kind(one.phase, trial.method), []).append(value)
        if trial.final and trial.epochs and trial.final.outcome in SCORED:
            ends.append(max(0.0, trial.final.time - trial.epochs[-1].time))
            wholes.append(ends[-1] + sum(one.numbers.get(SECONDS) or 0.0 for one in own))
    found.epochs = {kind: sum(values) / len(values) for kind, values in seconds.items()}
    found.end = sum(ends) / len(ends) if ends else 0.0
    found.trial = sum(wholes) / len(wholes) if wholes else None
    return found


def _kind(phase: str, method: str) -> tuple[str, str]:
    return phase, "" if phase == "pretrain" else method


def _tasks(history: History, spec: SweepSpec) -> Iterator[RemainingTask]:
    """Yield what is left of cells whose values are known: those drawn, and the rest of a grid."""
    record = history.record
    for trial in record.trials.values():
        again = trial.final is not None and history.timelines[trial.id].starts[-1].attempt < history.attempt
        if trial.settled or (trial.final is not None and not again):
            continue
        own = trial.spec.trial
        if own is None:
            raise UnknownError(f"the spec of {trial.id} in the journal is not one of this version")
        done: dict[str, int] = {}
        for one in trial.epochs:
            done[one.phase] = done.get(one.phase, 0) + 1
        yield RemainingTask(trial.method, own.phases(), done)
    fingerprint = str(record.launches[-1].corpus.get("fingerprint", ""))
    started = {(trial.cell, trial.seed) for trial in record.trials.values()}
    outcomes = {(trial.cell, trial.final.outcome) for trial in record.trials.values() if trial.final}
    for cell in record.cells.values():
        for seed in spec.seeds if (cell.number, "pruned") not in outcomes else ():
            if (cell.number, seed) not in started:
                yield RemainingTask(cell.method, spec.trial(cell.method, cell.values, seed, fingerprint).phases())
    for method, values in _rest_of_grid(record, spec):
        for seed in spec.seeds:
            yield RemainingTask(method, spec.trial(method, values, seed, fingerprint).phases())


def _rest_of_grid(record: SweepRecord, spec: SweepSpec) -> list[tuple[str, Draw]]:
    points = spec.points()
    if points is None or cell_count(spec, 0) < len(points):
        return []
    known = [(cell.method, cell.values) for cell in record.cells.values()]
    return [point for point in points if point not in known]


def _undrawn(record: SweepRecord, spec: SweepSpec) -> int:
    """Return how many trials belong to cells that a search has yet to draw."""
    cells = cell_count(spec, len(record.cells)) - len(record.cells) - len(_rest_of_grid(record, spec))
    return max(0, cells) * len(spec.seeds)


def _drawn(seen: MeasuredPace) -> float:
    if seen.trial is None:
        raise UnknownError("cells are drawn as the search goes, and no trial has ended yet")
    return seen.trial


def _trained(record: SweepRecord) -> set[str]:
    """Return the keys of the pretrainings that some trial of the sweep has behind it."""
    keys = set()
    for trial in record.trials.values():
        over = trial.settled or any(one.phase == "vae" for one in trial.epochs)
        if over and (own := trial.spec.trial) is not None:
            keys |= {phase.key() for phase in own.phases() if phase.name == "pretrain"}
    return keys


def _costs(seen: MeasuredPace, tasks: list[RemainingTask], shared: set[str] | None) -> Iterator[float]:
    """Yield the seconds that each task still takes; pretrainings in `shared` take none, others come there.

    Where it is None, each trial trains its own.
    """
    for task in sorted(tasks, key=lambda task: -sum(task.done.values())):
        total = seen.end
        for phase in task.phases:
            if phase.name == "pretrain" and shared is not None:
                if phase.key() in shared:
                    continue
                shared.add(phase.key())
            total += _phase_cost(seen, task, phase)
        yield total


def _phase_cost(seen: MeasuredPace, task: RemainingTask, phase: PhaseSpec) -> float:
    if phase.name == "pretrain" and task.done.get("vae"):
        return 0.0
    left = phase.training.epochs - task.done.get(phase.name, 0)
    seconds = seen.epochs.get(_kind(phase.name, task.method))
    if left > 0 and seconds is None:
        raise UnknownError(f"no epoch of phase {phase.name} of {task.method} is measured yet")
    return max(0, left) * (seconds or 0.0)
