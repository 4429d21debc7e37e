"""Intervals of a mean over seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.special import stdtrit

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of `count` values and half the width of its interval, None for a single value."""

    mean: float
    half_width: float | None
    count: int


def mean_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """Return the mean with Student's t interval. Raises ValueError where there is no value."""
    if not values:
        raise ValueError("no value, no mean")
    count = len(values)
    if count == 1:
        return Interval(float(values[0]), None, 1)
    quantile = float(stdtrit(count - 1, (1 + level) / 2))
    return Interval(fmean(values), quantile * stdev(values) / math.sqrt(count), count)
