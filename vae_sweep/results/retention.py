"""Which trials keep their weights: those on the front, the best of each cell, those not scored yet."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Literal

from trainables.methods import METHODS
from trainables.outputs import WEIGHTS_FILE
from trainables.storage_paths import is_file
from trainables.training.report import SCORED
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.invariants import metrics_of
from vae_sweep.journal.records import SweepRecord, TrialRecord
from vae_sweep.results.front import cells_of, front_cells
from vae_sweep.statistics.trust import TIGHT, cannot_tell

COLLECTED_FILE = "weights.collected"
"""Stands in a trial's final checkpoint where its weights were."""

Why = Literal["front", "best", "unscored"]
HasWeights = Callable[[TrialRecord], bool]


def missing_scores(spec: SweepSpec, record: SweepRecord) -> list[TrialRecord]:
    """Return the ended trials whose test split the spec wants scored and which have no score in the journal."""
    if spec.final == "front":
        return _unscored(record, front_cells(record, spec.search.objectives))
    return _unscored(record, set(record.cells)) if spec.final == "all" else []


def front_to_be(spec: SweepSpec, record: SweepRecord) -> set[int]:
    """Return the cells on the front, and all that may yet come there.

    Those are cells whose replicates are missing, and cells whose likelihood is not known: measured anew it may be.
    """
    settled = {(trial.cell, trial.seed) for trial in record.trials.values() if trial.settled}
    open_cells = {
        number
        for number, cell in record.cells.items()
        if not METHODS[cell.method].reference and _is_open(spec, record, number, settled)
    }
    known = {name: trial for name, trial in record.trials.items() if trial.cell not in open_cells}
    rest, metrics = replace(record, trials=known), spec.search.objectives
    return open_cells | front_cells(rest, metrics) | cells_of(rest, metrics).unknown_likelihood.keys()


def _is_open(spec: SweepSpec, record: SweepRecord, cell: int, settled: Collection[tuple[int, int]]) -> bool:
    """Say whether a cell may yet get replicates; in a complete sweep it has all that it gets."""
    return record.ended != "complete" and any((cell, seed) not in settled for seed in spec.seeds)


def best_replicates(spec: SweepSpec, record: SweepRecord, has_weights: HasWeights) -> dict[int, str]:
    """Return each cell's trial with weights that is best on validation.

    It is that of the lowest perplexity, one that is known before one that is not; in a cell that has none, of the
    lowest first objective that it has.
    """
    cells: dict[int, list[TrialRecord]] = {}
    for trial in record.trials.values():
        if _ended(trial) and has_weights(trial):
            cells.setdefault(trial.cell, []).append(trial)
    metrics = dict.fromkeys(("perplexity", *spec.search.objectives, "reconstruction"))
    found = {}
    for cell, trials in cells.items():
        for metric in metrics:
            values = [
                (_unknown(trial, metric), value, trial.seed, trial.id)
                for trial in trials
                if (value := _number(trial, metric)) is not None
            ]
            if values:
                found[cell] = min(values)[3]
                break
    return found


def wanted_weights(spec: SweepSpec, record: SweepRecord, has_weights: HasWeights) -> dict[str, Why]:
    """Return the ended trials whose weights are to be kept, and why; the strongest reason of several."""
    best = set(best_replicates(spec, record, has_weights).values())
    front = front_to_be(spec, record)
    awaited = {trial.id for trial in missing_scores(spec, record)}
    if spec.final == "front":
        awaited |= {trial.id for trial in _unscored(record, front)}
    found: dict[str, Why] = {}
    for name, trial in record.trials.items():
        if not _ended(trial):
            continue
        if name in awaited:
            found[name] = "unscored"
        elif trial.cell in front:
            found[name] = "front"
        elif name in best:
            found[name] = "best"
    return found


def why_collected(spec: SweepSpec, record: SweepRecord, trial: TrialRecord) -> str | None:
    """Return in words that a trial's weights were collected and which are kept, None where they were not."""
    place = trial.final.checkpoint if trial.final else None
    if place is None or stored_weights(trial) or not is_file(place / COLLECTED_FILE):
        return None
    twins = {name: twin for name, twin in record.trials.items() if twin.cell == trial.cell}
    best = best_replicates(spec, replace(record, trials=twins), stored_weights).get(trial.cell)
    kept = f"; the best replicate of cell {trial.cell} has its weights: {best}" if best else ""
    return f"its weights were collected by vae-sweep gc{kept}"


def stored_weights(trial: TrialRecord) -> bool:
    """Say whether a trial's weights lie where the journal says."""
    place = trial.final.checkpoint if trial.final else None
    return place is not None and is_file(place / WEIGHTS_FILE)


def _unscored(record: SweepRecord, cells: set[int]) -> list[TrialRecord]:
    return [
        trial
        for trial in record.trials.values()
        if trial.cell in cells and trial.final is not None and trial.final.outcome in SCORED and not trial.scored
    ]


def _ended(trial: TrialRecord) -> bool:
    return trial.settled and trial.final is not None and trial.final.checkpoint is not None


def _unknown(trial: TrialRecord, metric: str) -> bool:
    """Say whether a trial's metric is a likelihood that is not known."""
    numbers = metrics_of(trial.final.numbers if trial.final else {}, "validation")
    return metric in TIGHT and cannot_tell([numbers], [metric])


def _number(trial: TrialRecord, metric: str) -> float | None:
    return trial.final.numbers.get(f"validation/{metric}") if trial.final else None
