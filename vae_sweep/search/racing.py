"""Racing: which cells near the front get another seed."""

import math
from collections.abc import Collection, Mapping, Sequence
from statistics import NormalDist

from scipy.special import stdtrit

from vae_sweep.statistics.front import on_front
from vae_sweep.statistics.replicates import Errors, Replicates, means

_LEVEL = 0.95
"""One-sided confidence with which a cell must lie behind another on every objective to get no further seed."""


def contenders(values: Replicates, errors: Errors) -> list[int]:
    """Return the cells that may yet stand on the front: no cell of it is better on every objective beyond chance.

    How far seeds scatter is pooled over the cells that have several; the shared part of paired seeds is not taken
    out, so that the intervals are rather too wide: a cell gets a seed too many rather than one too few. As long as
    no cell has two seeds only the front contends, and cells that sampling (`errors`) does not separate from it.
    """
    middle = means({cell: rows for cell, rows in values.items() if rows})
    front = [cell for cell, flag in zip(middle, on_front(list(middle.values())), strict=True) if flag]
    freedom = sum(len(values[cell]) - 1 for cell in middle)
    scatter = _pooled(values, middle, freedom) if freedom else []

    def behind(cell: int, other: int) -> bool:
        rows = zip(middle[cell], middle[other], width(cell, other), strict=True)
        return all(mine - theirs > wide if freedom or wide else mine >= theirs for mine, theirs, wide in rows)

    def width(cell: int, other: int) -> list[float]:
        sampled = [_sampled(errors, cell, other, place) for place in range(len(middle[cell]))]
        if not scatter:
            return sampled
        seeds = float(stdtrit(freedom, _LEVEL)) * math.sqrt(1 / len(values[cell]) + 1 / len(values[other]))
        return [max(seeds * sigma, least) for sigma, least in zip(scatter, sampled, strict=True)]

    rivals = {cell: [other for other in front if other != cell] for cell in middle}
    return [cell for cell in middle if cell in front or not any(behind(cell, other) for other in rivals[cell])]


def next_seed(
    seeds: Sequence[int], values: Replicates, errors: Errors, taken: Collection[tuple[int, int]]
) -> tuple[int, int] | None:
    """Return the contender and its seed to run next, those with the fewest seeds first; None where all have all.

    Seeds are taken in order, so that cells are paired; a contender waits for the seed that runs (`taken`).
    """
    busy = {cell for cell, _ in taken}
    lacking = [
        (len(values[cell]), cell)
        for cell in contenders(values, errors)
        if cell not in busy and any(seed not in values[cell] for seed in seeds)
    ]
    if not lacking:
        return None
    _, cell = min(lacking)
    return cell, next(seed for seed in seeds if seed not in values[cell])


def _sampled(errors: Errors, cell: int, other: int, place: int) -> float:
    """Return how far two means of an objective may lie apart by sampling alone."""
    sides = [errors[each][place] for each in (cell, other) if each in errors]
    return NormalDist().inv_cdf(_LEVEL) * math.hypot(*sides)


def _pooled(values: Replicates, middle: Mapping[int, Sequence[float]], freedom: int) -> list[float]:
    """Return the standard deviation over seeds of each objective, pooled over cells."""
    objectives = len(next(iter(middle.values())))
    return [
        math.sqrt(
            sum((row[place] - middle[cell][place]) ** 2 for cell in middle for row in values[cell].values())
            / freedom
        )
        for place in range(objectives)
    ]
