"""What a set of cells with replicates gives: its front, its hypervolume, and how sure both are."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from types import MappingProxyType

from scipy.special import stdtrit

from vae_sweep.statistics.front import dominates, on_front
from vae_sweep.statistics.hypervolume import hypervolume
from vae_sweep.statistics.intervals import LEVEL, Interval, half_width

Replicates = Mapping[int, Mapping[int, Sequence[float]]]
"""Cell -> seed -> objectives, all of which fall."""

Errors = Mapping[int, Sequence[float]]
"""Cell -> the standard error that sampling leaves in the mean of each objective."""

_EXACT: Errors = MappingProxyType({})
"""No objective is sampled."""

MARGIN = 0.1
"""How far the reference lies beyond the worst mean, as a share of the range of the means."""


def means(cells: Replicates) -> dict[int, list[float]]:
    """Return each cell's mean objectives over its seeds."""
    return {cell: [fmean(column) for column in zip(*seeds.values(), strict=True)] for cell, seeds in cells.items()}


def reference_point(points: Iterable[Sequence[float]]) -> tuple[float, ...]:
    """Return the reference of a hypervolume: each objective's worst among the points, and a tenth of its range.

    It depends on the points alone, so whoever compares sweeps gives those of all of them. Empty without points.
    """
    columns = zip(*points, strict=True)
    return tuple(max(column) + MARGIN * (max(column) - min(column)) for column in columns)


def front_counts(cells: Replicates) -> dict[int, tuple[int, int]]:
    """Return for each cell in how many seeds it stands on the front of that seed alone, and of how many."""
    counts = {cell: (0, len(seeds)) for cell, seeds in cells.items()}
    for seed in _seeds(cells):
        present = [cell for cell in cells if seed in cells[cell]]
        flags = on_front([cells[cell][seed] for cell in present])
        for cell, flag in zip(present, flags, strict=True):
            counts[cell] = (counts[cell][0] + flag, counts[cell][1])
    return counts


def front_hypervolume(cells: Replicates, reference: Sequence[float], errors: Errors = _EXACT) -> Interval:
    """Return the hypervolume of the front of means, with an interval over seeds.

    The interval is Tukey's jackknife (1958) with Student's t: a seed is left out of all cells at once, so that
    what seeds share is not taken for scatter of each cell. It measures the number that is shown. The mean of one
    hypervolume a seed would not: each seed's luckiest cells make its front, which lies too far out where cells
    crowd. A bootstrap of two to ten seeds resamples too few of them, and its intervals are far too narrow
    (docs/reading.md has the shares of intervals that cover the truth). It is never narrower than what sampling
    makes of the cells alone (`errors`, delta method). The reference counts as given.
    """
    found = _jackknife(lambda kept: _volume(kept[0], reference), [cells])
    return _widened(found, _sampling_error(cells, reference, errors))


def hypervolume_difference(
    ours: Replicates,
    theirs: Replicates,
    reference: Sequence[float],
    errors: tuple[Errors, Errors] = (_EXACT, _EXACT),
) -> Interval:
    """Return how much more hypervolume the front of `ours` has than that of `theirs`, with its interval.

    Where both have the same seeds these are left out on both sides at once; else the two intervals are added in
    quadrature, as of independent sweeps.
    """
    if _seeds(ours) == _seeds(theirs):
        fronts = [ours, theirs]
        found = _jackknife(
            lambda kept: _volume(kept[0], reference) - _volume(kept[1], reference),
            fronts,
        )
        sides = zip(fronts, errors, strict=True)
        return _widened(found, math.hypot(*(_sampling_error(cells, reference, own) for cells, own in sides)))
    one = front_hypervolume(ours, reference, errors[0])
    other = front_hypervolume(theirs, reference, errors[1])
    wide = None
    if one.half_width is not None and other.half_width is not None:
        wide = math.hypot(one.half_width, other.half_width)
    return Interval(one.mean - other.mean, wide, min(one.count, other.count))


def single_seeds(cells: Replicates) -> list[int]:
    """Return the cells that rest on one seed where others have more: their scatter is in no interval."""
    return [cell for cell, seeds in cells.items() if len(seeds) == 1] if len(_seeds(cells)) > 1 else []


def _sampling_error(cells: Replicates, reference: Sequence[float], errors: Errors) -> float:
    """Return the standard error that the sampling of its cells leaves in a hypervolume."""
    level = means(cells)
    front = _front(level)
    whole = hypervolume([*front.values()], reference)
    moves = []
    for cell, point in level.items():
        others = [other for number, other in front.items() if number != cell]
        for place, error in enumerate(errors.get(cell, ())):
            moved = [value - error * (other == place) for other, value in enumerate(point)]
            if error and not any(dominates(other, moved) for other in others):
                moves.append(hypervolume([*others, moved], reference) - whole)
    return math.hypot(*moves)


def _front(level: Mapping[int, Sequence[float]]) -> dict[int, Sequence[float]]:
    """Return the cells on the front, which alone make a hypervolume."""
    flags = on_front([*level.values()])
    return {cell: point for (cell, point), flag in zip(level.items(), flags, strict=True) if flag}


def _volume(cells: Replicates, reference: Sequence[float]) -> float:
    return hypervolume([*_front(means(cells)).values()], reference)


def _widened(found: Interval, error: float) -> Interval:
    if found.half_width is None:
        return found
    return Interval(found.mean, max(found.half_width, half_width(error)), found.count)


def _jackknife(measure: Callable[[list[Replicates]], float], tables: list[Replicates]) -> Interval:
    seeds = sorted({seed for table in tables for seed in _seeds(table)})
    value, count = measure(tables), len(seeds)
    if count < 2:
        return Interval(value, None, count)
    left = [measure([_without(table, seed) for table in tables]) for seed in seeds]
    centre = fmean(left)
    error = math.sqrt((count - 1) / count * sum((one - centre) ** 2 for one in left))
    return Interval(value, float(stdtrit(count - 1, (1 + LEVEL) / 2)) * error, count)


def _without(cells: Replicates, seed: int) -> Replicates:
    """Return the cells less a seed; one that has no other stays as it is."""
    return {
        cell: {other: point for other, point in seeds.items() if other != seed or len(seeds) == 1}
        for cell, seeds in cells.items()
    }


def _seeds(cells: Replicates) -> set[int]:
    return {seed for seeds in cells.values() for seed in seeds}
