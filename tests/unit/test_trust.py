"""The words that say how far a likelihood can be trusted."""

import pytest
import torch

from tests.helpers import random_sentences, tiny_model
from trainables.measure.final import measure_split, trust_numbers
from trainables.measure.importance import Importance
from trainables.measure.invariants import violations
from trainables.text.corpus import Split
from vae_sweep.tracking.names import METRICS

SPLIT = Split(random_sentences(3, 20))
TRUST = {"elbo_gap", "elbo_gap_error", "iw_ess", "pareto_k", "pareto_k_bad"}


def test_trust_numbers_by_hand() -> None:
    nll = torch.tensor([3.0, 4.0, 5.0]).double()
    k = torch.tensor([0.2, 0.71, 0.5]).double()
    estimate = Importance(nll, torch.full((3,), 50.0), torch.tensor([10.0, 20.0, 30.0]).double(), k)
    assert trust_numbers(estimate, torch.tensor([4.0, 6.0, 8.0])) == {
        "elbo_gap": 2.0,
        "elbo_gap_error": pytest.approx(1 / 3**0.5),
        "iw_ess": 20.0,
        "pareto_k": 0.5,
        "pareto_k_bad": pytest.approx(1 / 3),
    }


def test_a_split_is_measured_with_its_trust() -> None:
    numbers = measure_split(tiny_model(), SPLIT, None, samples=30, seed=2)
    assert numbers.keys() >= TRUST
    assert numbers.keys() <= METRICS.keys()
    assert numbers["elbo_gap"] == pytest.approx(numbers["neg_elbo"] - numbers["iw_nll"], abs=1e-5)
    assert 1 <= numbers["iw_ess"] <= 30
    assert violations(numbers, latent_size=3) == []


def test_few_samples_give_no_k() -> None:
    few = measure_split(tiny_model(), SPLIT, None, samples=3, seed=2)
    assert few.keys() & TRUST == {"elbo_gap", "elbo_gap_error", "iw_ess"}
    assert not measure_split(tiny_model(), SPLIT, None, samples=None, seed=2).keys() & TRUST


def test_a_collapsed_posterior_has_perfect_weights() -> None:
    """q(z|x) near p(z) and a decoder that sees little of z: nearly equal weights."""
    numbers = measure_split(tiny_model(scale=0.05), SPLIT, None, samples=100, seed=2)
    assert numbers["iw_ess"] == pytest.approx(100, abs=1.0)
    assert numbers["pareto_k_bad"] < 0.1
