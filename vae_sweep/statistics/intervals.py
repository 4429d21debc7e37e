"""Intervals of a mean over seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from scipy.special import stdtrit

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of `count` values and half the width of its interval, None for a single value."""

    mean: float
    half_width: float | None
    count: int


def mean_interval(values: Sequence[float], level: float = LEVEL, error: float = 0.0) -> Interval:
    """Return the mean with Student's t interval, which is never narrower than that of `error` alone.

    `error` is the standard error that sampling leaves in the mean. Each value has such noise of its own, so that
    their scatter holds it already; few values may happen to lie closer. Raises ValueError where there is no value.
    """
    if not values:
        raise ValueError("no value, no mean")
    count = len(values)
    if count == 1:
        return Interval(float(values[0]), None, 1)
    quantile = float(stdtrit(count - 1, (1 + level) / 2))
    scatter = quantile * stdev(values) / math.sqrt(count)
    return Interval(fmean(values), max(scatter, half_width(error, level)), count)


def half_width(error: float, level: float = LEVEL) -> float:
    """Return half the width of the normal interval of a standard error."""
    return NormalDist().inv_cdf((1 + level) / 2) * error
