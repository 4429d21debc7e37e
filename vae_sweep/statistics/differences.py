"""Differences between two cells over their seeds, and what may be said of many at once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import NormalDist, fmean, variance
from typing import Literal

from scipy.special import stdtr, stdtrit

from vae_sweep.statistics.intervals import LEVEL, half_width

Pairing = Literal["paired", "welch", "none"]


class Answer(StrEnum):
    """What a difference says."""

    BETTER = "better"
    WORSE = "worse"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one cell lies above another: the mean difference and half the width of its 95 % interval.

    `p_value` is the probability of a difference as large where there is none. `paired` took the `seeds` that both
    cells have, `welch` all of theirs, of which the smaller side has `seeds`; `none` had too few for either, so
    that half width and p-value are None.
    """

    mean: float
    half_width: float | None
    p_value: float | None
    pairing: Pairing
    seeds: int


def difference(
    ours: Mapping[int, float], theirs: Mapping[int, float], level: float = LEVEL, error: float = 0.0
) -> Difference:
    """Return ours − theirs, both as seed -> value.

    Student's paired t over the seeds that both have, from two on: equal seeds share their pretraining, order of
    batches and evaluated sentences, so part of their scatter cancels. Else Welch's t, from two seeds on either
    side on. Neither interval nor p-value says more than `error` allows, the standard error that sampling leaves in
    the difference; values that are equal in all seeds are equal. Raises ValueError where a side has no value.
    """
    if not ours or not theirs:
        raise ValueError("no value, no difference")
    shared = sorted(ours.keys() & theirs.keys())
    if len(shared) > 1:
        steps = [ours[seed] - theirs[seed] for seed in shared]
        found = _judged(fmean(steps), variance(steps) / len(steps), len(steps) - 1, "paired", len(steps), level)
        return _widened(found, error, level) if any(steps) else found
    sides = [list(ours.values()), list(theirs.values())]
    mean, seeds = fmean(sides[0]) - fmean(sides[1]), min(map(len, sides))
    if seeds == 1:
        return Difference(mean, None, None, "none", 1)
    parts = [variance(side) / len(side) for side in sides]
    spread = sum(part**2 / (len(side) - 1) for part, side in zip(parts, sides, strict=True))
    degrees = sum(parts) ** 2 / spread if spread else seeds - 1
    return _widened(_judged(mean, sum(parts), degrees, "welch", seeds, level), error, level)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values as they stand after Holm's step-down correction (Holm 1979).

    Whoever believes all that lie below 5 % errs anywhere in the family at most once in twenty families.
    """
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected


def answers(family: Sequence[Difference], level: float = LEVEL) -> list[tuple[Answer, float | None]]:
    """Return the answer to each difference of a family and its corrected p-value, None without a p-value.

    What is compared is an objective: less of it is better.
    """
    known = [one.p_value for one in family if one.p_value is not None]
    corrected = iter(holm(known))
    found: list[tuple[Answer, float | None]] = []
    for one in family:
        p_value = None if one.p_value is None else next(corrected)
        if p_value is None or p_value > 1 - level:
            found.append((Answer.CANNOT_TELL, p_value))
        else:
            found.append((Answer.BETTER if one.mean < 0 else Answer.WORSE, p_value))
    return found


def _judged(
    mean: float, mean_variance: float, degrees: float, pairing: Pairing, seeds: int, level: float
) -> Difference:
    error = math.sqrt(mean_variance)
    half_width = float(stdtrit(degrees, (1 + level) / 2)) * error
    exact = 0.0 if mean else 1.0
    p_value = 2 * float(stdtr(degrees, -abs(mean) / error)) if error else exact
    return Difference(mean, half_width, p_value, pairing, seeds)


def _widened(found: Difference, error: float, level: float) -> Difference:
    """Return a difference that claims no more than a normal difference with this standard error."""
    if not error or found.half_width is None or found.p_value is None:
        return found
    p_value = 2 * NormalDist().cdf(-abs(found.mean) / error)
    wider = max(found.half_width, half_width(error, level))
    return replace(found, half_width=wider, p_value=max(found.p_value, p_value))
