"""Effective samples and Pareto k against arviz, against scipy's Pareto samples, and by hand."""

import numpy as np
import pytest
import torch
from scipy.stats import genpareto
from torch import Tensor

from tests.helpers import random_sentences, seeded, tiny_model
from trainables.measure.final import evaluation_batches
from trainables.measure.importance import importance, iw_nll
from trainables.measure.psis import (
    FEWEST_SAMPLES,
    LARGEST_K,
    effective_samples,
    generalised_pareto_k,
    pareto_k,
    tail_length,
)


def pareto_log_weights(k: float, rows: int, samples: int) -> Tensor:
    """Log weights whose tail is exactly generalised Pareto of shape k."""
    drawn = genpareto.rvs(k, size=(rows, samples), random_state=np.random.default_rng(5))
    return torch.from_numpy(drawn).log()


@pytest.mark.parametrize("samples", [25, 100, 1000])
@pytest.mark.parametrize("spread", [1e-3, 0.5, 2.0, 8.0])
def test_pareto_k_is_that_of_arviz(samples: int, spread: float) -> None:
    stats = pytest.importorskip("arviz.stats.stats", reason="arviz is a check of developers")
    weights = spread * torch.randn(30, samples, generator=seeded(1), dtype=torch.float64)
    _, expected = stats.psislw(weights.numpy())
    assert (expected < LARGEST_K).all()
    np.testing.assert_allclose(pareto_k(weights).numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("k", [0.1, 0.3, 0.5, 0.7, 1.0, 1.5])
def test_pareto_k_finds_the_shape_it_was_made_with(k: float) -> None:
    """Mean of 200 fits of 379 tail weights: within 0.03 of k, once drawn to 0.5 by 10 observations."""
    samples = 16_000
    length = tail_length(samples)
    assert length == 380
    expected = (length * k + 5) / (length + 10)
    assert float(pareto_k(pareto_log_weights(k, 200, samples)).mean()) == pytest.approx(expected, abs=0.03)


def test_the_fit_agrees_with_maximum_likelihood() -> None:
    excess = np.sort(genpareto.rvs(0.6, size=3000, random_state=np.random.default_rng(2)))
    likeliest, _, _ = genpareto.fit(excess, floc=0)
    fitted = generalised_pareto_k(torch.from_numpy(excess).unsqueeze(0), torch.tensor([3000]))
    assert float(fitted[0]) == pytest.approx(likeliest, abs=0.01)


def test_tail_length_by_hand() -> None:
    assert [tail_length(samples) for samples in (25, 100, 225, 400, 1000)] == [5, 20, 45, 60, 95]


def test_too_few_samples_have_no_tail() -> None:
    with pytest.raises(ValueError, match="at least 25"):
        pareto_k(torch.zeros(2, 24))


def test_equal_weights_have_no_tail_and_weights_beyond_floating_point_the_largest() -> None:
    assert pareto_k(torch.full((2, 400), -7.0)).tolist() == [0.0, 0.0]
    apart = -2000.0 * torch.arange(400.0).unsqueeze(0)
    assert pareto_k(apart).tolist() == [LARGEST_K]
    assert pareto_k(1e4 * torch.randn(3, 400, generator=seeded(0))).tolist() == [LARGEST_K] * 3


def test_rows_do_not_see_one_another_and_a_constant_changes_nothing() -> None:
    weights = 2 * torch.randn(4, 100, generator=seeded(3), dtype=torch.float64)
    mixed = torch.cat([weights, torch.zeros(1, 100)])
    torch.testing.assert_close(pareto_k(mixed)[:4], pareto_k(weights))
    torch.testing.assert_close(pareto_k(weights - 300), pareto_k(weights), rtol=1e-6, atol=1e-6)


def test_effective_samples_by_hand() -> None:
    weights = torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0], [2.0, 1.0, 1.0, 0.0]]).log() - 500
    assert effective_samples(weights).tolist() == pytest.approx([4.0, 1.0, 16 / 6], rel=1e-6)


def test_an_estimate_comes_with_the_trust_in_it() -> None:
    model, batches = tiny_model(), evaluation_batches(random_sentences(3, 20), "cpu")
    found = importance(model, batches, 30, seed=4)
    assert found.pareto_k is not None
    assert torch.equal(found.nll, iw_nll(model, batches, 30, seed=4))
    assert bool(((found.effective_samples >= 1) & (found.effective_samples <= 30)).all())
    chunked = importance(model, batches, 30, seed=4, words_at_once=1)
    torch.testing.assert_close(chunked.effective_samples, found.effective_samples, rtol=1e-4, atol=1e-4)
    assert importance(model, batches, FEWEST_SAMPLES - 1, seed=4).pareto_k is None


def test_a_known_proposal_gives_a_known_k() -> None:
    """Weights N(0, 1) over N(0, s²): with s < 1 the tail has k = 1 - s², with s > 1 they are bounded."""
    z = 0.3 * torch.randn(50, 4000, generator=seeded(9), dtype=torch.float64)
    narrow = -0.5 * z**2 + 0.5 * (z / 0.3) ** 2
    wide = -0.5 * (4 * z / 0.3) ** 2 * (1 - 1 / 16)
    assert float(pareto_k(narrow).mean()) > 0.7 > float(pareto_k(wide).mean())
