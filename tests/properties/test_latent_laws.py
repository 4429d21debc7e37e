"""Laws of mutual information and active units."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.helpers import LAW, seeded, signs
from trainables.measure.latent import (
    active_units,
    authors_mutual_information,
    mutual_information,
    pointwise_information,
    unit_variance,
)
from trainables.model.gaussian import Gaussian

SEEDS = st.integers(0, 2**31)
COUNTS = st.integers(1, 40)


def some_posterior(seed: int, count: int, spread: float, log_variance: float) -> Gaussian:
    draw = seeded(seed)
    mean = torch.randn(count, 3, generator=draw) * spread
    return Gaussian(mean.double(), torch.randn(count, 3, generator=draw).double() + log_variance)


def excess(noise: Tensor) -> float:
    """½ (mean ‖noise‖² − units): what a finite draw adds to the authors' estimate; 0 in expectation."""
    return 0.5 * (float(noise.double().pow(2).sum(1).mean()) - noise.shape[1])


@LAW
@given(SEEDS, COUNTS, st.floats(0.0, 50.0), st.floats(-12.0, 4.0))
def test_information_is_at_most_the_log_of_the_sentences(
    seed: int, count: int, spread: float, log_variance: float
) -> None:
    posterior = some_posterior(seed, count, spread, log_variance)
    for noise in (signs(seed, count, 3), torch.randn(count, 3, generator=seeded(seed))):
        assert float(pointwise_information(posterior, noise).max()) <= math.log(count)
        assert authors_mutual_information(posterior, noise) <= math.log(count) + excess(noise) + 1e-6


@LAW
@given(SEEDS, COUNTS, st.floats(-3.0, 3.0), st.floats(-6.0, 3.0))
def test_information_of_a_collapsed_posterior_is_zero(
    seed: int, count: int, mean: float, log_variance: float
) -> None:
    """All sentences share one posterior, the prior or any other."""
    shared = Gaussian(*(torch.full((count, 3), value).double() for value in (mean, log_variance)))
    noise = torch.randn(count, 3, generator=seeded(seed))
    assert pointwise_information(shared, noise).abs().max() < 1e-6
    assert authors_mutual_information(shared, noise) == pytest.approx(excess(noise), abs=1e-6)


@LAW
@given(SEEDS, st.integers(2, 40))
def test_information_does_not_depend_on_the_order(seed: int, count: int) -> None:
    posterior, noise = some_posterior(seed, count, 2.0, -1.0), signs(seed, count, 3)
    order = torch.randperm(count, generator=seeded(seed))
    mixed = Gaussian(posterior.mean[order], posterior.log_variance[order])
    found = mutual_information(mixed, noise[order])
    assert found == pytest.approx(mutual_information(posterior, noise), abs=1e-9)


@LAW
@given(SEEDS, st.integers(2, 20))
def test_telling_twice_adds_no_information(seed: int, count: int) -> None:
    posterior, noise = some_posterior(seed, count, 2.0, -1.0), signs(seed, count, 3)
    twice = Gaussian(posterior.mean.repeat(2, 1), posterior.log_variance.repeat(2, 1))
    found = mutual_information(twice, noise.repeat(2, 1))
    assert found == pytest.approx(mutual_information(posterior, noise), abs=1e-9)


@LAW
@given(SEEDS, st.integers(2, 40), st.floats(-100.0, 100.0))
def test_activity_is_the_spread_of_the_means_about_their_own_mean(seed: int, count: int, shift: float) -> None:
    mean = torch.randn(count, 3, generator=seeded(seed)).double() * torch.tensor([1.0, 0.01, 0.0])
    torch.testing.assert_close(unit_variance(mean + shift), unit_variance(mean), rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(unit_variance(3 * mean), 9 * unit_variance(mean))
    assert unit_variance(mean)[2] == 0.0
    assert active_units(mean) <= 2
    assert active_units(mean, threshold=1e9) == 0
