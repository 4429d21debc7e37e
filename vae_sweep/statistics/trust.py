"""Whether a likelihood may rank: how its importance weights look, and what sampling alone leaves open."""

import math
from collections.abc import Collection, Iterable, Mapping
from statistics import fmean

TIGHT = frozenset({"perplexity", "nll"})
"""Words of the tight estimate of −log p(x)."""

MOST_BAD = 0.02
"""The largest share of sentences with Pareto k > 0.7 with which a likelihood still ranks.

A sentence that k calls untrustworthy was found 1.1 to 1.7 nats too high at worst (docs/explanation/likelihood.md),
so that this share of them moves the mean by 0.03 nats at most: less than seeds scatter.
"""

Words = Mapping[str, float | None]
"""The numbers of one replicate on one split, by their plain words."""


def bad_share(replicates: Iterable[Words]) -> float:
    """Return the share of sentences with Pareto k > 0.7 behind a mean over replicates.

    A likelihood without k counts as known: it is exact, or rests on too few samples for one.
    """
    return fmean([numbers.get("pareto_k_bad") or 0.0 for numbers in replicates] or [0.0])


def cannot_tell(replicates: Iterable[Words], objectives: Collection[str]) -> bool:
    """Say whether one of the objectives is a likelihood that is not known well enough to rank a cell."""
    return not TIGHT.isdisjoint(objectives) and bad_share(replicates) > MOST_BAD


def sampling_error(numbers: Words, word: str) -> float:
    """Return the standard error that sampling alone leaves in a word; 0 for a word that is not of TIGHT.

    That of PPL is PPL ln(PPL) / NLL times that of NLL, nats (delta method).
    """
    error, nll, perplexity = (numbers.get(known) for known in ("nll_sampling_error", "nll", "perplexity"))
    if word not in TIGHT or not error:
        return 0.0
    if word == "nll":
        return error
    if not nll or not perplexity:
        return 0.0
    return error * perplexity * math.log(perplexity) / nll


def mean_error(errors: Collection[float]) -> float:
    """Return the standard error of a mean of independent values with these."""
    return math.hypot(*errors) / len(errors)
