"""Hypervolume: how much of the objectives' space a set of points beats."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite


def hypervolume(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """Return the volume that the points dominate up to the reference; all objectives fall.

    The measure of Zitzler and Thiele 1999, in the product of the objectives' units. A point that is not better
    than the reference in every objective adds nothing. Exact, by slices along the last objective; the time grows
    with the number of points to the power of the number of objectives. Raises ValueError where there is no
    objective, a point has more or fewer than the reference, or a number is not finite.
    """
    if not reference or any(len(point) != len(reference) for point in points):
        raise ValueError("points need one number for each objective of the reference, and it needs one at least")
    if not all(isfinite(number) for point in (*points, reference) for number in point):
        raise ValueError("points and the reference of a hypervolume are finite; leave out what has no value")
    better = [all(number < worst for number, worst in zip(point, reference, strict=True)) for point in points]
    inside = {tuple(point) for point, inner in zip(points, better, strict=True) if inner}
    return _volume(inside, tuple(reference)) if inside else 0.0


def _volume(inside: set[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    """Return the volume of points that all lie inside the reference."""
    *base, height = reference
    if not base:
        return height - min(point[0] for point in inside)
    levels = [*sorted({point[-1] for point in inside}), height]
    return sum(
        (above - below) * _volume({point[:-1] for point in inside if point[-1] <= below}, tuple(base))
        for below, above in pairwise(levels)
    )
