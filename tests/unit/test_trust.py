"""The words that say what a likelihood is and how far it can be trusted."""

import pytest
import torch

from tests.helpers import MODEL, VOCABULARY, random_sentences, seeded, tiny_model
from trainables.measure.adapted import Effort
from trainables.measure.final import gap_numbers, likelihood_numbers, measure_split
from trainables.measure.invariants import violations
from trainables.measure.tight import Tight
from trainables.model.vae import Vae
from trainables.text.corpus import Split
from vae_sweep.journal.metrics import METRICS

SPLIT = Split(random_sentences(3, 20))
EFFORT = Effort(400, 0.1)
TIGHT = {"nll", "nll_error", "nll_sampling_error", "perplexity", "samples"}
PAPER = {"iw_nll", "iw_nll_error", "iw_perplexity", "iw_samples"}
TRUST = {"ess", "pareto_k", "pareto_k_bad"}
GAPS = {"elbo_gap", "elbo_gap_error"}
PARTS = {f"{part}_gap{end}" for part in ("amortisation", "approximation") for end in ("", "_error")}


def estimate(fits: list[list[float]] | None = None) -> Tight:
    """Three sentences of 3, 4 and 5 nats."""
    nll = torch.tensor([3.0, 4.0, 5.0]).double()
    k, effective = torch.tensor([0.2, 0.71, 0.5]).double(), torch.tensor([10.0, 20.0, 30.0]).double()
    errors = torch.tensor([0.1, 0.2, 0.2]).double()
    fit = torch.tensor(fits or [[9.0, 9.0]] * 3).double()
    return Tight(nll, torch.full((3,), 50.0), effective, k, errors, nll + 1, fit)


def test_likelihood_numbers_by_hand() -> None:
    expected = {
        "nll": 4.0,
        "nll_error": pytest.approx(1 / 3**0.5),
        "perplexity": pytest.approx(2.718281828**2),
        "samples": 50.0,
        "ess": 20.0,
        "pareto_k": 0.5,
        "pareto_k_bad": pytest.approx(1 / 3),
    }
    assert likelihood_numbers(estimate(), 6) == expected | {"nll_sampling_error": pytest.approx(0.1)}
    assert likelihood_numbers(estimate(), 6, "iw_") == {
        f"iw_{metric}": value for metric, value in expected.items()
    }


def test_the_gap_in_two_parts_by_hand() -> None:
    """The first half of the samples chooses between q and the fit, the other half gives the value."""
    numbers = gap_numbers(torch.tensor([4.0, 6.0, 8.0]).double(), estimate([[3.5, 3.7], [7.0, 1.0], [6.5, 6.8]]))
    assert numbers["elbo_gap"] == 2.0
    assert numbers["amortisation_gap"] == pytest.approx((0.3 + 0.0 + 1.2) / 3)
    assert numbers["approximation_gap"] == pytest.approx((0.7 + 2.0 + 1.8) / 3)
    assert numbers.keys() == GAPS | PARTS


def test_a_split_is_measured_with_its_trust() -> None:
    numbers = measure_split(tiny_model(), SPLIT, None, EFFORT, seed=2)
    assert numbers.keys() >= TIGHT | TRUST | GAPS
    assert not numbers.keys() & (PAPER | PARTS)
    assert numbers.keys() <= METRICS.keys()
    assert numbers["elbo_gap"] == pytest.approx(numbers["neg_elbo"] - numbers["nll"], abs=1e-5)
    assert 100 <= numbers["samples"] <= 400
    assert violations(numbers, latent_size=3) == []


def test_the_papers_protocol_stands_beside() -> None:
    numbers = measure_split(tiny_model(), SPLIT, None, EFFORT, seed=2, samples=30)
    assert numbers.keys() >= TIGHT | TRUST | GAPS | PAPER | PARTS | {f"iw_{metric}" for metric in TRUST}
    assert numbers.keys() <= METRICS.keys()
    assert numbers["iw_samples"] == 30
    assert numbers["elbo_gap"] == pytest.approx(numbers["amortisation_gap"] + numbers["approximation_gap"])
    alone = measure_split(tiny_model(), SPLIT, None, EFFORT, seed=2)
    assert {metric: numbers[metric] for metric in TIGHT} == {metric: alone[metric] for metric in TIGHT}
    assert violations(numbers, latent_size=3) == []


def test_few_samples_give_no_k() -> None:
    few = measure_split(tiny_model(), SPLIT, None, Effort(3, None), seed=2, samples=3)
    assert few.keys() >= TIGHT | PAPER | GAPS | PARTS
    assert not few.keys() & (TRUST | {f"iw_{metric}" for metric in TRUST})
    assert not measure_split(tiny_model(), SPLIT, None, None, seed=2).keys() & (TIGHT | PAPER | TRUST | GAPS)


def test_a_collapsed_posterior_has_perfect_weights() -> None:
    """q(z|x) near p(z) and a decoder that sees little of z: q is kept, with as few samples as there are."""
    numbers = measure_split(tiny_model(scale=0.05), SPLIT, None, EFFORT, seed=2)
    assert numbers["samples"] == 100.0
    assert numbers["ess"] == pytest.approx(50, abs=1.0)
    assert numbers["pareto_k_bad"] < 0.1


def test_a_language_model_is_exact() -> None:
    model = Vae(VOCABULARY, MODEL.without_latent())
    model.initialise(seeded(0))
    numbers = measure_split(model, SPLIT, None, EFFORT, seed=2, samples=30)
    assert numbers["nll"] == numbers["iw_nll"] == pytest.approx(numbers["neg_elbo"], rel=1e-6)
    assert numbers["samples"] == numbers["iw_samples"] == 1.0
    assert numbers["nll_sampling_error"] == 0.0
    assert not numbers.keys() & (TRUST | GAPS | PARTS)
