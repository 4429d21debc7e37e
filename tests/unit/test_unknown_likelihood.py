"""A likelihood that is not known ranks nothing: limits, errors and intervals by hand."""

import math

import pytest

from vae_sweep.statistics.differences import Answer, answers, difference
from vae_sweep.statistics.intervals import Interval, mean_interval
from vae_sweep.statistics.trust import MOST_BAD, bad_share, cannot_tell, sampling_error

BOTH = ("perplexity", "reconstruction")


def test_a_cell_is_not_known_by_the_sentences_behind_its_mean() -> None:
    good, bad = {"pareto_k_bad": 0.1}, {"pareto_k_bad": 0.9}
    assert MOST_BAD == bad_share([good, bad]) == pytest.approx(0.5)
    assert not cannot_tell([good, bad], BOTH), "half of the sentences may"
    assert cannot_tell([good, bad, bad], BOTH)
    assert not cannot_tell([bad], ("reconstruction", "neg_elbo")), "neither is a likelihood by importance sampling"
    assert cannot_tell([bad], ("nll",))


def test_a_likelihood_without_k_is_known() -> None:
    assert not cannot_tell([{"nll": 20.0}], BOTH)
    assert not cannot_tell([], BOTH)


def test_the_sampling_error_of_a_perplexity_is_that_of_its_nll() -> None:
    """10 words a sentence: PPL = exp(NLL / 10), so that dPPL = PPL / 10 dNLL."""
    numbers = {"nll": 42.0, "nll_sampling_error": 0.05, "perplexity": math.exp(4.2)}
    assert sampling_error([numbers], "nll") == 0.05
    assert sampling_error([numbers], "perplexity") == pytest.approx(0.05 * math.exp(4.2) / 10)
    moved = math.exp(4.2001) - math.exp(4.2)
    assert sampling_error([numbers], "perplexity") == pytest.approx(0.05 * moved / 0.001, rel=1e-4)
    assert sampling_error([numbers], "reconstruction") == 0.0
    assert sampling_error([{"nll": 42.0, "perplexity": 66.7}], "nll") == 0.0


def test_the_bias_of_a_logarithm_is_not_averaged_out() -> None:
    """500 sentences of standard error 0.2 each: e = 0.2 / √500, and a bias of 0.2² = 0.04 at most in every one."""
    numbers = {"nll": 42.0, "sentences": 500.0, "nll_sampling_error": 0.2 / 500**0.5}
    assert sampling_error([numbers], "nll") == pytest.approx(math.hypot(0.2 / 500**0.5, 0.04))
    assert sampling_error([numbers] * 4, "nll") == pytest.approx(math.hypot(0.1 / 500**0.5, 0.04))


def test_the_error_of_a_mean_over_seeds() -> None:
    seeds = [{"nll": 42.0, "nll_sampling_error": error} for error in (0.3, 0.4)]
    assert sampling_error(seeds, "nll") == pytest.approx(0.25)


def test_an_interval_is_never_narrower_than_sampling_alone() -> None:
    assert mean_interval([5.0, 5.0], error=0.1) == Interval(5.0, pytest.approx(0.1959964), 2)
    wide = mean_interval([1.0, 2.0, 3.0])
    assert mean_interval([1.0, 2.0, 3.0], error=0.1) == wide
    assert mean_interval([5.0], error=0.1) == Interval(5.0, None, 1)


def test_a_difference_says_no_more_than_sampling_allows() -> None:
    """Three seeds that agree to the last digit on −0.1 where sampling alone scatters by 0.1: z = 1, p = 0.317."""
    ours, theirs = {0: 3.0, 1: 4.0, 2: 5.0}, {0: 3.1, 1: 4.1, 2: 5.1}
    sure, found = difference(ours, theirs), difference(ours, theirs, error=0.1)
    assert answers([sure])[0][0] is Answer.BETTER
    assert answers([found])[0][0] is Answer.CANNOT_TELL
    assert found.p_value == pytest.approx(0.3173105, rel=1e-4)
    assert found.half_width == pytest.approx(0.1959964, rel=1e-5)
    assert difference(ours, ours, error=0.1).half_width == 0.0, "the same trials are equal, whatever was sampled"
    apart = difference({0: 3.0, 1: 3.0}, {2: 3.1, 3: 3.1}, error=0.1)
    assert (apart.pairing, apart.p_value) == ("welch", pytest.approx(0.3173105, rel=1e-4))
