"""Rates: what a pass over batches costs, as a straight line over their number, steps and words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from trainables.base import Spec

Lengths = NDArray[np.int64]
"""Scored words of each sentence of a split."""


@dataclass(frozen=True)
class Span:
    """Seconds between a low and a high estimate."""

    low: float
    high: float

    def __add__(self, other: "Span") -> "Span":
        return Span(self.low + other.low, self.high + other.high)

    def times(self, fewest: float, most: float) -> "Span":
        """Return the span of at least `fewest` and at most `most` repetitions."""
        return Span(self.low * fewest, self.high * most)


NOTHING = Span(0.0, 0.0)


class Load(Spec):
    """What decides the cost of a pass: `batches`, `steps` (their scored lengths, summed), scored `words`."""

    batches: int
    steps: int
    words: int


class Rate(Spec):
    """Seconds for each batch, step and word (medians); `fastest` and `slowest` round as factors of them."""

    per_batch: float
    per_step: float
    per_word: float
    fastest: float = 1.0
    slowest: float = 1.0

    def seconds(self, load: Load) -> Span:
        """Return what a pass takes at the fastest and at the slowest round."""
        usual = self.per_batch * load.batches + self.per_step * load.steps + self.per_word * load.words
        return Span(usual * self.fastest, usual * self.slowest)


def load_of(lengths: Lengths, batch_size: int, samples: int = 1) -> Load:
    """Return the load of equal-length batches of sentences of these lengths; words count for each sample."""
    distinct, counts = np.unique(lengths, return_counts=True)
    batches = -(-counts // batch_size)
    words = samples * int(distinct @ counts)
    return Load(batches=int(batches.sum()), steps=int(distinct @ batches), words=words)


def fit(loads: Sequence[Load], rounds: Sequence[Sequence[float]]) -> Rate:
    """Fit a rate to seconds [rounds][loads]: no coefficient below 0, relative errors least in squares."""
    seconds = np.asarray(rounds, dtype=np.float64)
    usual = np.median(seconds, axis=0)
    features = np.array([[load.batches, load.steps, load.words] for load in loads], dtype=np.float64)
    scale = features.max(axis=0)
    coefficients, _ = nnls(features / scale / usual[:, None], np.ones(len(loads)))
    per_batch, per_step, per_word = (float(value) for value in coefficients / scale)
    pace = seconds.sum(axis=1) / usual.sum()
    return Rate(
        per_batch=per_batch,
        per_step=per_step,
        per_word=per_word,
        fastest=float(pace.min()),
        slowest=float(pace.max()),
    )


def widest(rates: Sequence[Rate], load: Load) -> Span:
    """Return the span of a pass over several measurements of the same rate."""
    spans = [rate.seconds(load) for rate in rates]
    return Span(min(span.low for span in spans), max(span.high for span in spans))
