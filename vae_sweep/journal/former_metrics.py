"""What journals of before the tight estimate call their likelihoods, under today's names."""

from collections.abc import Iterator, Mapping

_SPLITS = ("validation", "test")
RENAMED = {"perplexity": "iw_perplexity", "pareto_k": "iw_pareto_k", "pareto_k_bad": "iw_pareto_k_bad"}
"""Metrics that were of the samples from q, and are the tight estimate's today."""

AGAINST_Q = frozenset({"elbo_gap", "elbo_gap_error", "floor_gap", "floor_gap_error"})
"""Differences from the likelihood by samples from q, which today are from the tight one."""

_EXACT = {"iw_nll": "nll", "iw_nll_error": "nll_error", "iw_perplexity": "perplexity", "iw_samples": "samples"}
"""Both estimates of a language model are one: it has no z to sample."""


def former_splits(numbers: Mapping[str, float | None]) -> list[str]:
    """Return the prefixes of the splits whose likelihood was measured before there was a tight estimate."""
    prefixes = (f"{split}/" for split in _SPLITS)
    return [prefix for prefix in prefixes if f"{prefix}iw_nll" in numbers and f"{prefix}nll" not in numbers]


def in_todays_metrics(numbers: Mapping[str, float | None], language_model: bool) -> dict[str, float | None]:
    """Return the numbers of a line with likelihoods as they are called today.

    Those of a former split were measured with samples from q alone and called `perplexity`; there is no tight one.
    A language model's number is exact and has both names. All other numbers stay as they are.
    """
    prefixes = former_splits(numbers)
    found: dict[str, float | None] = {}
    for key, value in numbers.items():
        prefix = next((each for each in prefixes if key.startswith(each)), None)
        metrics = [key] if prefix is None else _metrics(key.removeprefix(prefix), language_model)
        found |= {f"{prefix or ''}{metric}": value for metric in metrics}
    return found


def _metrics(metric: str, language_model: bool) -> Iterator[str]:
    name = RENAMED.get(metric, metric)
    if language_model and name in _EXACT:
        yield _EXACT[name]
    if language_model or metric not in AGAINST_Q:
        yield name
