"""Laws of the importance-weighted bound."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.helpers import (
    LAW,
    MODEL,
    VOCABULARY,
    log_normal,
    random_batch,
    random_sentences,
    seeded,
    signs,
    tiny_model,
)
from trainables.measure.final import evaluation_batches
from trainables.measure.importance import iw_nll
from trainables.measure.likelihood import measure_bound
from trainables.model.gaussian import Gaussian
from trainables.model.spec import ModelSpec
from trainables.model.vae import Vae
from trainables.text.batches import equal_length_batches

SEEDS = st.integers(0, 2**31)


class LinearGaussian:
    """p(z) = N(0, I), p(x|z) = N(x; w z, s²) unit by unit: p(x) and p(z|x) are known exactly."""

    def __init__(self, seed: int, sentences: int = 5, units: int = 3) -> None:
        draw = seeded(seed)
        self.slope = torch.randn(units, generator=draw).double() * 2
        self.deviation = torch.rand(units, generator=draw).double() + 0.3
        marginal = (self.slope**2 + self.deviation**2).sqrt()
        self.x = torch.randn(sentences, units, generator=draw).double() * marginal
        self.log_marginal = log_normal(self.x, 0.0, marginal).sum(-1)
        variance = (self.deviation / marginal) ** 2
        self.posterior = Gaussian(
            self.slope * self.x / marginal**2, variance.log().expand(sentences, units).contiguous()
        )

    def log_weights(self, posterior: Gaussian, noise: Tensor) -> Tensor:
        """log p(x, z) − log q(z|x) for z = posterior.sample(noise), [B, S]."""
        z = posterior.sample(noise)
        log_likelihood = log_normal(self.x.unsqueeze(1), self.slope * z, self.deviation).sum(-1)
        return posterior.log_weight_of_prior(z, noise) + log_likelihood


def log_mean_exp(log_weights: Tensor) -> Tensor:
    return log_weights.logsumexp(1) - math.log(log_weights.shape[1])


@LAW
@given(SEEDS, st.integers(1, 8))
def test_with_the_exact_posterior_every_weight_is_the_marginal(seed: int, samples: int) -> None:
    model = LinearGaussian(seed)
    noise = torch.randn(5, samples, 3, generator=seeded(seed)).double()
    weights = model.log_weights(model.posterior, noise)
    torch.testing.assert_close(weights, model.log_marginal.unsqueeze(1).expand_as(weights))


def test_with_another_posterior_the_bound_rises_to_the_marginal() -> None:
    model = LinearGaussian(1, sentences=4000)
    wrong = Gaussian(model.posterior.mean + 0.3, model.posterior.log_variance + 0.4)
    gaps = []
    for samples in (1, 4, 16, 256):
        noise = torch.randn(4000, samples, 3, generator=seeded(samples)).double()
        gap = model.log_marginal - log_mean_exp(model.log_weights(wrong, noise))
        gaps.append(float(gap.mean()))
        error = float(gap.std()) / math.sqrt(4000)
        assert gap.mean() > -4 * error, f"{samples} samples: the bound lies above the truth"
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0.1
    assert gaps[-1] < 0.01
    kl = 0.5 * ((0.3**2 / model.posterior.log_variance.exp()) + math.exp(0.4) - 0.4 - 1)
    assert gaps[0] == pytest.approx(float(kl.sum(1).mean()), abs=0.1), "with one sample the gap is KL(q || p(z|x))"


@LAW
@given(SEEDS)
def test_one_sample_has_the_mean_of_the_neg_elbo(seed: int) -> None:
    """Over the noises ±e with |e_i| = 1, which have the first two moments of a standard normal."""
    model, batch = tiny_model(seed).double(), random_batch(seed)
    posterior, noise = model.encoder(batch.tokens), signs(seed, 4, 1, 3)
    pair = torch.cat([noise, -noise], dim=1)
    nll = -model.log_weights(batch.tokens, posterior, pair).mean(1)
    reconstruction = torch.stack(
        [model.decoder.reconstruction(batch.tokens, posterior.sample(pair[:, s])) for s in (0, 1)]
    ).mean(0)
    torch.testing.assert_close(nll, reconstruction + posterior.kl_per_unit().sum(1))


def test_iw_nll_with_one_sample_is_the_neg_elbo_on_average() -> None:
    model, batches = tiny_model(), evaluation_batches(random_sentences(1, 12), "cpu")
    ones = torch.stack([iw_nll(model, batches, 1, seed).mean() for seed in range(150)])
    elbos = torch.stack([measure_bound(model, batches, 10_000 + seed).neg_elbo.mean() for seed in range(150)])
    error = math.sqrt((float(ones.var()) + float(elbos.var())) / 150)
    assert abs(float(ones.mean() - elbos.double().mean())) < 4 * error
    many = torch.stack([iw_nll(model, batches, 10, seed).mean() for seed in range(50)])
    assert float(many.mean()) < float(ones.mean()) - 4 * error, "ten samples must give a tighter bound"


@LAW
@given(SEEDS, st.integers(1, 6))
def test_samples_together_are_at_least_as_tight_as_their_halves(seed: int, half: int) -> None:
    model, batch = tiny_model(seed).double(), random_batch(seed)
    noise = torch.randn(4, 2 * half, 3, generator=seeded(seed)).double()
    weights = model.log_weights(batch.tokens, model.encoder(batch.tokens), noise)
    halves = (log_mean_exp(weights[:, :half]) + log_mean_exp(weights[:, half:])) / 2
    assert bool((log_mean_exp(weights) >= halves - 1e-12).all())


class Counting(Vae):
    """A model that notes how many samples are weighed at once."""

    def __init__(self, vocabulary: int, spec: ModelSpec) -> None:
        super().__init__(vocabulary, spec)
        self.taken: list[int] = []

    def log_weights(self, tokens: Tensor, posterior: Gaussian, noise: Tensor) -> Tensor:
        """Weigh samples of z."""
        self.taken.append(noise.shape[1])
        return super().log_weights(tokens, posterior, noise)


@pytest.mark.parametrize("budget", [1, 50, 300])
def test_the_nll_does_not_depend_on_the_chunks(budget: int) -> None:
    model, batches = Counting(VOCABULARY, MODEL), evaluation_batches(random_sentences(2, 30), "cpu")
    model.load_state_dict(tiny_model().state_dict())
    whole = iw_nll(model, batches, 9, seed=4)
    assert model.taken == [9] * len(batches)
    model.taken.clear()
    torch.testing.assert_close(iw_nll(model, batches, 9, 4, words_at_once=budget), whole, rtol=1e-5, atol=1e-5)
    assert sum(model.taken) == 9 * len(batches)
    assert len(model.taken) > len(batches), "the budget must be small enough to cut"


@pytest.mark.parametrize("size", [1, 3, 64])
def test_measured_numbers_do_not_depend_on_batches(size: int) -> None:
    model, sentences = tiny_model(), random_sentences(2, 40)
    bound = measure_bound(model, evaluation_batches(sentences, "cpu"), 7)
    nll = iw_nll(model, evaluation_batches(sentences, "cpu"), 5, 8)
    cut = equal_length_batches(sentences, size)
    mixed = [cut[i] for i in torch.randperm(len(cut), generator=seeded(0)).tolist()]
    other = measure_bound(model, mixed, 7)
    for metric in ("reconstruction", "kl", "neg_elbo"):
        torch.testing.assert_close(getattr(other, metric), getattr(bound, metric), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(other.posterior.mean, bound.posterior.mean)
    torch.testing.assert_close(other.posterior.log_variance, bound.posterior.log_variance)
    torch.testing.assert_close(iw_nll(model, mixed, 5, 8), nll, rtol=1e-5, atol=1e-5)
