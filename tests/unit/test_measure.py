"""Measures worked out by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.helpers import LAW, log_normal, random_sentences, seeded, signs, tiny_corpus, tiny_model, tiny_trial
from trainables.base import DivergedError, derived_seed
from trainables.measure.adapted import Effort
from trainables.measure.final import entropy_bound_numbers, evaluation_batches, measure_split, standard_error
from trainables.measure.importance import BLOCK, iw_nll, sentence_noise
from trainables.measure.latent import (
    active_units,
    authors_mutual_information,
    mutual_information,
    pointwise_information,
    unit_variance,
)
from trainables.measure.likelihood import measure_bound, perplexity
from trainables.measure.tight import tight
from trainables.model.gaussian import Gaussian
from trainables.model.vae import Vae
from trainables.text.corpus import Split

FEW = Effort(3, None)


def gaussian(mean: list[list[float]], log_variance: float = 0.0) -> Gaussian:
    means = torch.tensor(mean, dtype=torch.float64)
    return Gaussian(means, torch.full_like(means, log_variance))


def test_perplexity_by_hand() -> None:
    nll = torch.tensor([2 * math.log(10), 4 * math.log(10)])
    assert perplexity(nll, 6) == pytest.approx(10.0, rel=1e-6)
    assert perplexity(torch.zeros(3), 9) == 1.0


def test_a_perplexity_beyond_floating_point() -> None:
    assert perplexity(torch.tensor([6990.0]), 10) > 1e303
    with pytest.raises(DivergedError, match="beyond floating point"):
        perplexity(torch.tensor([7010.0]), 10)


def test_active_units_by_hand() -> None:
    mean = torch.tensor([[0.0, 5.0, 0.1], [0.2, 5.0, -0.1], [0.4, 5.0, 0.0]])
    assert unit_variance(mean).tolist() == pytest.approx([0.04, 0.0, 0.01])
    assert active_units(mean, 0.009) == 2
    assert active_units(mean, 0.011) == 1
    half = torch.tensor([[0.0, 0.0], [1.0, 1.1]])  # variances 0.5 and 0.605
    assert [active_units(half, 0.5, boundary) for boundary in ("above", "at_least")] == [1, 2]
    assert active_units(torch.empty(4, 0)) == 0
    assert unit_variance(torch.ones(1, 2)).tolist() == [0.0, 0.0]
    assert active_units(torch.tensor([[0.0], [0.14]])) == 0  # variance 0.0098
    assert active_units(torch.tensor([[0.0], [0.15]])) == 1  # variance 0.01125


def test_mutual_information_of_posteriors_far_apart_is_the_log_of_their_number() -> None:
    far = gaussian([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0], [100.0, 100.0]])
    assert mutual_information(far, signs(0, 4, 2)) == pytest.approx(math.log(4), abs=1e-9)
    pairs = gaussian([[0.0, 0.0], [100.0, 0.0], [0.0, 0.0], [100.0, 0.0]])
    assert mutual_information(pairs, signs(0, 4, 2)) == pytest.approx(math.log(2), abs=1e-9)


def test_mutual_information_of_two_overlapping_posteriors() -> None:
    """z = m ± 1 with means 0 and 2: both see themselves at distance 1, the other at 1 or 3."""
    found = mutual_information(gaussian([[0.0], [2.0]]), torch.tensor([[1.0], [1.0]]))
    near, far = math.exp(-0.5), math.exp(-4.5)
    aggregate = [math.log((near + near) / 2), math.log((near + far) / 2)]
    assert found == pytest.approx(-0.5 - sum(aggregate) / 2, abs=1e-9)


def direct_information(posterior: Gaussian, noise: Tensor) -> float:
    mean, scale = posterior.mean.double(), (0.5 * posterior.log_variance.double()).exp()
    z = mean + scale * noise.double()
    pairs = log_normal(z.unsqueeze(1), mean, scale).sum(-1)
    log_aggregate = pairs.logsumexp(1) - math.log(len(z))
    entropy = (0.5 * math.log(2 * math.pi * math.e) + scale.log()).sum(1)
    return float(-entropy.mean() - log_aggregate.mean())


@pytest.mark.parametrize("chunk", [1024, 7])
def test_mutual_information_is_the_sum_over_all_pairs(chunk: int) -> None:
    mean, log_variance, noise = (torch.randn(30, 4, generator=seeded(seed)) for seed in range(3))
    for dtype, error in ((torch.float64, 1e-9), (torch.float32, 1e-6)):
        posterior = Gaussian(mean.to(dtype), log_variance.to(dtype) - 2)
        expected = direct_information(posterior, noise)
        assert authors_mutual_information(posterior, noise, chunk) == pytest.approx(expected, abs=error)


@LAW
@given(st.integers(0, 2**31), st.floats(0.0, 2.0))
def test_both_estimates_of_the_information_have_the_same_mean(seed: int, spread: float) -> None:
    """Over 200 draws of the same posteriors, within 5 standard errors of the mean difference."""
    draw = seeded(seed)
    posterior = gaussian((spread * torch.randn(20, 4, generator=draw)).tolist())
    pairs = torch.tensor(
        [
            [estimate(posterior, noise) for estimate in (mutual_information, authors_mutual_information)]
            for noise in torch.randn(200, 20, 4, generator=draw)
        ]
    )
    apart = pairs[:, 0] - pairs[:, 1]
    assert abs(float(apart.mean())) <= 5 * standard_error(apart)


def test_an_exactly_collapsed_posterior_has_no_information() -> None:
    """N = 200, n_z = 32: the authors' estimate is spread by √(n_z/2N) = 0.28 nats, ours by rounding."""
    prior = Gaussian(torch.zeros(200, 32), torch.zeros(200, 32))
    draws = [torch.randn(200, 32, generator=seeded(seed)) for seed in range(100)]
    assert max(abs(mutual_information(prior, noise)) for noise in draws) < 1e-6
    theirs = torch.tensor([authors_mutual_information(prior, noise) for noise in draws])
    assert 0.22 < float(theirs.std()) < 0.34
    assert int((theirs >= 0.2).sum()) > 10


def test_words_carry_standard_errors_over_sentences() -> None:
    model, split = corpus_model(), tiny_corpus().splits["validation"]
    numbers = measure_split(model, split, None, None, seed=2)
    bound = measure_bound(model, evaluation_batches(split.sentences, "cpu"), derived_seed(2, "final", "bound"))
    for word, values in (("reconstruction", bound.reconstruction), ("kl", bound.kl)):
        assert numbers[f"{word}_error"] == pytest.approx(float(values.double().std()) / 4)
    noise = torch.randn(16, 3, generator=seeded(derived_seed(2, "final", "mutual_information")))
    information = pointwise_information(bound.posterior, noise)
    assert numbers["mutual_information_error"] == pytest.approx(float(information.std()) / 4)


def test_a_variance_beyond_floating_point_is_a_divergence() -> None:
    with pytest.raises(DivergedError, match="mutual information"):
        mutual_information(gaussian([[1.0], [2.0]], log_variance=-800.0), torch.ones(2, 1))


def test_bound_by_hand() -> None:
    model, sentences = tiny_model(), random_sentences(3, 20)
    bound = measure_bound(model, evaluation_batches(sentences, "cpu"), seed=11)
    noise = torch.randn(20, 3, generator=seeded(11))
    for row, sentence in enumerate(sentences):
        tokens = torch.from_numpy(sentence).unsqueeze(0)
        posterior = model.encoder(tokens)
        reconstruction = model.decoder.reconstruction(tokens, posterior.sample(noise[row : row + 1]))
        torch.testing.assert_close(bound.reconstruction[row], reconstruction.squeeze())
        torch.testing.assert_close(bound.kl[row], posterior.kl_per_unit().sum())
        torch.testing.assert_close(bound.posterior.mean[row], posterior.mean.squeeze())
    torch.testing.assert_close(bound.neg_elbo, bound.reconstruction + bound.kl)


def test_measuring_needs_no_gradient_and_has_no_dropout() -> None:
    bound = measure_bound(tiny_model(), evaluation_batches(random_sentences(3, 20), "cpu"), seed=11)
    again = measure_bound(tiny_model(), evaluation_batches(random_sentences(3, 20), "cpu"), seed=11)
    assert not bound.kl.requires_grad
    assert torch.equal(bound.reconstruction, again.reconstruction)


def test_weights_that_are_not_finite_are_a_divergence() -> None:
    model, batches = tiny_model(), evaluation_batches(random_sentences(3, 20), "cpu")
    with torch.no_grad():
        model.decoder.output.weight[0, 0] = float("nan")
    with pytest.raises(DivergedError, match="reconstruction"):
        measure_bound(model, batches, 0)
    with pytest.raises(DivergedError, match="importance"):
        iw_nll(model, batches, 2, 0)


def test_sentence_noise_depends_on_seed_and_row() -> None:
    first = sentence_noise(1, 5, 0, 4, 3)
    assert first.shape == (4, 3)
    assert torch.equal(sentence_noise(1, 5, 0, 4, 3), first)
    assert not torch.equal(sentence_noise(2, 5, 0, 4, 3), first)
    assert not torch.equal(sentence_noise(1, 6, 0, 4, 3), first)


@LAW
@given(st.integers(0, 3 * BLOCK), st.integers(1, 2 * BLOCK))
def test_a_sample_has_the_same_noise_however_many_are_asked_for(first: int, count: int) -> None:
    whole = sentence_noise(1, 5, 0, 6 * BLOCK, 2)
    assert torch.equal(sentence_noise(1, 5, first, first + count, 2), whole[first : first + count])


def test_floor_numbers_by_hand() -> None:
    nll, exact = torch.tensor([3.0, 5.0]).double(), torch.tensor([2.0, 1.0]).double()
    assert entropy_bound_numbers(nll, exact, 4) == {
        "floor": 1.5,
        "floor_perplexity": pytest.approx(math.exp(0.75)),
        "floor_gap": 2.5,
        "floor_gap_error": pytest.approx(1.5),
    }
    assert entropy_bound_numbers(nll, None, 4) == {}


def test_standard_error_of_a_single_sentence_is_zero() -> None:
    assert standard_error(torch.tensor([3.0])) == 0.0


def corpus_model() -> Vae:
    model = Vae(len(tiny_corpus().vocabulary), tiny_trial().model)
    model.initialise(seeded(0))
    return model


def test_a_split_is_measured_on_the_chosen_sentences() -> None:
    model, split = corpus_model(), tiny_corpus().splits["validation"]
    numbers = measure_split(model, split, 5, FEW, seed=2)
    rows = [0, 3, 6, 9, 12]
    assert split.exact_nll is not None
    chosen = Split([split.sentences[row] for row in rows], exact_nll=split.exact_nll[np.array(rows)])
    assert measure_split(model, chosen, None, FEW, seed=2) == numbers
    assert (numbers["sentences"], numbers["tokens"], numbers["samples"]) == (5.0, chosen.words, 3.0)
    assert numbers["floor"] == pytest.approx(float(split.exact_nll[rows].mean()))
    assert numbers["neg_elbo"] == pytest.approx(numbers["reconstruction"] + numbers["kl"])
    assert numbers["perplexity"] == pytest.approx(math.exp(5 * numbers["nll"] / numbers["tokens"]))
    assert numbers["elbo_perplexity"] == pytest.approx(math.exp(5 * numbers["neg_elbo"] / numbers["tokens"]))


def test_a_split_is_measured_by_its_parts() -> None:
    model, split = corpus_model(), tiny_corpus().splits["validation"]
    batches = evaluation_batches(split.sentences, "cpu")
    numbers = measure_split(model, split, None, FEW, seed=2, samples=3)
    bound = measure_bound(model, batches, derived_seed(2, "final", "bound"))
    noise = torch.randn(16, 3, generator=seeded(derived_seed(2, "final", "mutual_information")))
    assert numbers["reconstruction"] == float(bound.reconstruction.double().mean())
    assert numbers["mutual_information"] == mutual_information(bound.posterior, noise)
    assert numbers["active_units"] == active_units(bound.posterior.mean)
    nll = iw_nll(model, batches, 3, derived_seed(2, "final", "importance"))
    assert numbers["iw_nll"] == float(nll.mean())
    found = tight(model, batches, FEW, derived_seed(2, "final", "tight"))
    assert numbers["nll"] == float(found.nll.mean())
    assert not {"nll", "iw_nll"} & measure_split(model, split, None, None, seed=2).keys()
