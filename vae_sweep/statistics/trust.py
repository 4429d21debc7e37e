"""Whether a likelihood may rank: how its importance weights look, and what sampling alone leaves open."""

import math
from collections.abc import Collection, Iterable, Mapping
from statistics import fmean

TIGHT = frozenset({"perplexity", "nll"})
"""Metrics of the tight estimate of −log p(x)."""

MOST_BAD = 0.5
"""The largest share of sentences with Pareto k > 0.7 with which a likelihood still ranks.

With a share of a third the mean was found within 1.2 % PPL of a long run (docs/reading.md, What cannot be told). k
itself is read off a few dozen weights in a search, so that a smaller share says little of the mean.
"""

Metrics = Mapping[str, float | None]
"""The numbers of one replicate on one split, by metric."""


def bad_share(replicates: Iterable[Metrics]) -> float:
    """Return the share of sentences with Pareto k > 0.7 behind a mean over replicates.

    A likelihood without k counts as known: it is exact, or rests on too few samples for one.
    """
    return fmean([numbers.get("pareto_k_bad") or 0.0 for numbers in replicates] or [0.0])


def cannot_tell(replicates: Iterable[Metrics], objectives: Collection[str]) -> bool:
    """Say whether one of the objectives is a likelihood that is not known well enough to rank a cell."""
    return not TIGHT.isdisjoint(objectives) and bad_share(replicates) > MOST_BAD


def sampling_error(replicates: Collection[Metrics], metric: str) -> float:
    """Return the standard error that sampling alone gives the mean of a metric; 0 unless it is one of TIGHT.

    That is the standard error e of the mean over N sentences, and beside it the bias of the logarithm of a sampled
    mean, which neither sentences nor seeds average out: N e². The delta method has half of it; heavy tails hide
    some of their variance, and 1.2 to 1.3 N e² were measured (docs/reading.md, What cannot be told).
    """
    if metric not in TIGHT or not replicates:
        return 0.0
    scale = [_per_nat(numbers, metric) for numbers in replicates]
    errors = [numbers.get("nll_sampling_error") or 0.0 for numbers in replicates]
    counts = [numbers.get("sentences") or 0.0 for numbers in replicates]
    biases = [rate * count * error**2 for rate, count, error in zip(scale, counts, errors, strict=True)]
    spread = math.hypot(*(rate * error for rate, error in zip(scale, errors, strict=True))) / len(errors)
    return math.hypot(spread, fmean(biases))


def _per_nat(numbers: Metrics, metric: str) -> float:
    """Return by how much a metric rises with a nat of NLL: PPL ln(PPL)/NLL for PPL = exp(NLL/tokens)."""
    nll, perplexity = numbers.get("nll"), numbers.get("perplexity")
    if metric == "nll":
        return 1.0
    return perplexity * math.log(perplexity) / nll if nll and perplexity else 0.0
