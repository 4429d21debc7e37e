"""Which cells of a sweep stand on the front of its objectives."""

from trainables.methods import METHODS
from vae_sweep.statistics.front import on_front
from vae_sweep.tracking.records import SweepRecord


def objectives_of(record: SweepRecord, words: tuple[str, ...]) -> dict[int, list[float]]:
    """Return each complete cell's mean objectives over its seeds; without reference rows and missing numbers."""
    sums: dict[int, list[list[float]]] = {}
    broken = set()
    for trial in record.trials.values():
        if METHODS[trial.method].reference:
            continue
        numbers = trial.final.numbers if trial.final else {}
        values = [numbers.get(f"validation/{word}") for word in words]
        known = [value for value in values if value is not None]
        if len(known) < len(words):
            broken.add(trial.cell)
        else:
            sums.setdefault(trial.cell, []).append(known)
    return {
        cell: [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        for cell, rows in sums.items()
        if cell not in broken
    }


def front_cells(record: SweepRecord, words: tuple[str, ...]) -> set[int]:
    """Return the numbers of the cells that no other beats on every objective."""
    values = objectives_of(record, words)
    flags = on_front(list(values.values()))
    return {cell for cell, flag in zip(values, flags, strict=True) if flag}
