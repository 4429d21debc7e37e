"""How well a model explains a split: −ELBO and its two parts, and the perplexity of an NLL."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from trainables.base import DivergedError
from trainables.model.gaussian import Gaussian
from trainables.model.vae import Vae
from trainables.text.batches import Batch


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


def per_sentence(batches: Sequence[Batch]) -> int:
    """Return the number of sentences in all batches."""
    return sum(batch.size for batch in batches)


def token_count(batches: Sequence[Batch]) -> int:
    """Return the number of scored words in all batches: with `</s>`, without `<s>`."""
    return sum(batch.words for batch in batches)


@torch.inference_mode()
def measure_bound(model: Vae, batches: Sequence[Batch], seed: int) -> Bound:
    """Return reconstruction (one sample of z a sentence) and KL of every sentence, without dropout."""
    count, latent_size = per_sentence(batches), model.spec.latent_size
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


def perplexity(nll: Tensor, word_count: int) -> float:
    """Return exp(Σ nll / words); a perplexity beyond floating point raises DivergedError."""
    exponent = float(nll.double().sum()) / word_count
    if exponent > 700:
        raise DivergedError(f"perplexity exp({exponent:.4g}) is beyond floating point")
    return math.exp(exponent)
