"""The cells of a sweep on the axes of its objectives, and which of them stand on the front."""

from trainables.methods import METHODS
from vae_sweep.statistics.front import on_front
from vae_sweep.statistics.replicates import means
from vae_sweep.tracking.records import SweepRecord, TrialRecord


def objectives_by_seed(
    record: SweepRecord, words: tuple[str, ...], split: str = "validation"
) -> dict[int, dict[int, list[float]]]:
    """Return the objectives of each complete cell by seed; without reference rows and missing numbers."""
    found: dict[int, dict[int, list[float]]] = {}
    broken = set()
    for trial in record.trials.values():
        if METHODS[trial.method].reference:
            continue
        known = _known(trial, words, split)
        if len(known) < len(words):
            broken.add(trial.cell)
        else:
            found.setdefault(trial.cell, {})[trial.seed] = known
    return {cell: seeds for cell, seeds in found.items() if cell not in broken}


def objectives_of(record: SweepRecord, words: tuple[str, ...]) -> dict[int, list[float]]:
    """Return each complete cell's mean objectives over its seeds."""
    return means(objectives_by_seed(record, words))


def front_cells(record: SweepRecord, words: tuple[str, ...]) -> set[int]:
    """Return the numbers of the cells that no other beats on every objective."""
    values = objectives_of(record, words)
    flags = on_front(list(values.values()))
    return {cell for cell, flag in zip(values, flags, strict=True) if flag}


def _known(trial: TrialRecord, words: tuple[str, ...], split: str) -> list[float]:
    ended = trial.final.numbers if trial.final else {}
    values = [(trial.scored if split == "test" else ended).get(f"{split}/{word}") for word in words]
    return [value for value in values if value is not None]
