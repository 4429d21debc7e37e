"""How well a model explains a split: −ELBO, its two parts, and the importance-weighted NLL."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from trainables.base import DivergedError, derived_seed
from trainables.measure.psis import FEWEST_SAMPLES, effective_samples, pareto_k
from trainables.model.gaussian import Gaussian
from trainables.model.vae import Vae
from trainables.text.batches import Batch

LOGIT_BUDGET = 2**23
"""Most logits that an importance-weighted chunk may hold at once (32 MiB in float32)."""


@dataclass(frozen=True)
class Bound:
    """−ELBO's parts for each sentence of a split, [N], nats, and the posterior of each, [N, latent_size]."""

    reconstruction: Tensor
    kl: Tensor
    posterior: Gaussian

    @property
    def neg_elbo(self) -> Tensor:
        """Reconstruction + KL for each sentence, [N], nats, always at weight 1."""
        return self.reconstruction + self.kl


@dataclass(frozen=True)
class Importance:
    """An importance-weighted estimate of each sentence, [N], and how far it can be trusted.

    `nll` in nats; `effective_samples` between 1 and S; `pareto_k` of the weights' tail, None where S is too
    small for one.
    """

    nll: Tensor
    effective_samples: Tensor
    pareto_k: Tensor | None


def rows(batches: Sequence[Batch]) -> int:
    """Return the number of sentences in all batches."""
    return sum(batch.size for batch in batches)


def words(batches: Sequence[Batch]) -> int:
    """Return the number of scored words in all batches: with `</s>`, without `<s>`."""
    return sum(batch.words for batch in batches)


def sentence_noise(seed: int, row: int, samples: int, latent_size: int) -> Tensor:
    """Return standard normal noise [samples, latent_size] that depends on the seed and the sentence alone."""
    generator = Generator().manual_seed(derived_seed(seed, row))
    return torch.randn(samples, latent_size, generator=generator)


@torch.inference_mode()
def measure_bound(model: Vae, batches: Sequence[Batch], seed: int) -> Bound:
    """Return reconstruction (one sample of z a sentence) and KL of every sentence, without dropout."""
    count, latent_size = rows(batches), model.spec.latent_size
    noise = torch.randn(count, latent_size, generator=Generator().manual_seed(seed))
    device = next(model.parameters()).device
    reconstruction = torch.empty(count, device=device)
    kl = torch.empty(count, device=device)
    mean = torch.empty(count, latent_size, device=device)
    log_variance = torch.empty(count, latent_size, device=device)
    for batch in batches:
        posterior = model.encoder(batch.tokens)
        z = posterior.sample(noise[batch.rows].to(device))
        reconstruction[batch.rows] = model.decoder.reconstruction(batch.tokens, z)
        kl[batch.rows] = posterior.kl_per_unit().sum(-1)
        mean[batch.rows], log_variance[batch.rows] = posterior.mean, posterior.log_variance
    if not bool(torch.isfinite(reconstruction + kl).all()):
        raise DivergedError("a sentence's reconstruction or KL is not finite")
    return Bound(reconstruction.cpu(), kl.cpu(), Gaussian(mean.cpu(), log_variance.cpu()))


def iw_nll(model: Vae, batches: Sequence[Batch], samples: int, seed: int) -> Tensor:
    """Return −log (1/S) Σ_s p(x, z_s)/q(z_s|x) of every sentence, [N], nats (Burda et al. 2016, eq. 8)."""
    return importance(model, batches, samples, seed).nll


@torch.inference_mode()
def importance(model: Vae, batches: Sequence[Batch], samples: int, seed: int) -> Importance:
    """Estimate every sentence's −log p(x) from S weights, and look at the weights while they are there.

    The noise of a sentence depends on `seed` and its row alone, so chunking cannot change the result. Weights
    are held for one batch at a time. Raises DivergedError where an estimate is not finite.
    """
    nll, effective, k = (torch.empty(rows(batches), dtype=torch.float64) for _ in range(3))
    vocabulary_size = model.decoder.output.out_features
    device = next(model.parameters()).device
    for batch in batches:
        posterior = model.encoder(batch.tokens)
        noise = torch.stack(
            [sentence_noise(seed, int(row), samples, model.spec.latent_size) for row in batch.rows]
        ).to(device)
        per_row = vocabulary_size * (batch.tokens.shape[1] - 1) * batch.size
        chunks = torch.split(noise, max(1, LOGIT_BUDGET // per_row), dim=1)
        parts = [model.log_weights(batch.tokens, posterior, c).cpu() for c in chunks]
        weights = torch.cat(parts, dim=1).double()
        nll[batch.rows] = math.log(samples) - weights.logsumexp(1)
        if not bool(torch.isfinite(nll[batch.rows]).all()):
            raise DivergedError("a sentence's importance-weighted NLL is not finite")
        effective[batch.rows] = effective_samples(weights)
        if samples >= FEWEST_SAMPLES:
            k[batch.rows] = pareto_k(weights)
    return Importance(nll, effective, k if samples >= FEWEST_SAMPLES else None)


def perplexity(nll: Tensor, word_count: int) -> float:
    """Return exp(Σ nll / words); a perplexity beyond floating point raises DivergedError."""
    exponent = float(nll.double().sum()) / word_count
    if exponent > 700:
        raise DivergedError(f"perplexity exp({exponent:.4g}) is beyond floating point")
    return math.exp(exponent)
