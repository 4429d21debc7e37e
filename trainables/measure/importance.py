"""The importance-weighted NLL of a split, by samples from q as it was trained: the paper's protocol."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from trainables.base import DivergedError, derived_seed
from trainables.measure.likelihood import per_sentence
from trainables.measure.psis import FEWEST_SAMPLES, effective_samples, pareto_k
from trainables.model.vae import Vae
from trainables.text.batches import Batch

BLOCK = 50
"""Samples that are drawn from one seed; also the fewest of a round of adaptation."""

WORDS_AT_ONCE = {"cpu": 2**13, "cuda": 2**17}
"""Most words, of all samples together, whose hidden states are held at once."""


@dataclass(frozen=True)
class ImportanceEstimate:
    """An importance-weighted estimate of each sentence, [N], and how far it can be trusted.

    `nll` in nats; `samples` taken; `effective_samples` between 1 and those; `pareto_k` of the weights' tail, None
    where they are too few for one; `errors` are the standard errors that come from sampling, nats; `neg_elbo` is
    −ELBO of the proposal by the same samples, nats.
    """

    nll: Tensor
    samples: Tensor
    effective_samples: Tensor
    pareto_k: Tensor | None
    errors: Tensor
    neg_elbo: Tensor


def iw_nll(
    model: Vae, batches: Sequence[Batch], samples: int, seed: int, words_at_once: int | None = None
) -> Tensor:
    """Return −log (1/S) Σ_s p(x, z_s)/q(z_s|x) of every sentence, [N], nats (Burda et al. 2016, eq. 8)."""
    return importance(model, batches, samples, seed, words_at_once).nll


@torch.inference_mode()
def importance(
    model: Vae, batches: Sequence[Batch], samples: int, seed: int, words_at_once: int | None = None
) -> ImportanceEstimate:
    """Estimate every sentence's −log p(x) from S weights of samples from q, and look at the weights.

    Its noise depends on `seed`, its row and the sample's number alone, so neither chunks nor other sentences
    change the result; `words_at_once` is WORDS_AT_ONCE of the device by default.
    Raises DivergedError where an estimate is not finite.
    """
    nll, neg_elbo, effective, k, errors = (
        torch.empty(per_sentence(batches), dtype=torch.float64) for _ in range(5)
    )
    for batch in batches:
        noise = batch_noise(seed, batch.rows, 0, samples, model.spec.latent_size)
        weights = log_weights(model, batch, noise, words_at_once)
        nll[batch.rows] = math.log(samples) - weights.logsumexp(1).cpu()
        neg_elbo[batch.rows] = -weights.mean(1).cpu()
        effective[batch.rows], errors[batch.rows] = (
            effective_samples(weights).cpu(),
            standard_errors(weights).cpu(),
        )
        if samples >= FEWEST_SAMPLES:
            k[batch.rows] = pareto_k(weights).cpu()
    if not bool(torch.isfinite(nll).all()):
        raise DivergedError("a sentence's importance-weighted NLL is not finite")
    taken = torch.full_like(nll, float(samples))
    return ImportanceEstimate(nll, taken, effective, k if samples >= FEWEST_SAMPLES else None, errors, neg_elbo)


def standard_errors(log_weights: Tensor) -> Tensor:
    """Return the standard error of each row's log mean weight, by the delta method: [N, S] -> [N], nats."""
    return (1 / effective_samples(log_weights) - 1 / log_weights.shape[1]).clamp_min(0).sqrt()


def sentence_noise(seed: int, row: int, first: int, last: int, latent_size: int) -> Tensor:
    """Return the standard normal noise of a sentence's samples `first` to before `last`, [., latent_size]."""
    blocks = range(first // BLOCK, -(-last // BLOCK))
    drawn = [
        torch.randn(BLOCK, latent_size, generator=Generator().manual_seed(derived_seed(seed, row, block)))
        for block in blocks
    ]
    return torch.cat(drawn)[first - blocks.start * BLOCK :][: last - first]


def batch_noise(seed: int, per_sentence: Tensor, first: int, last: int, latent_size: int) -> Tensor:
    """Return `sentence_noise` of each of the rows, [B, last - first, latent_size]."""
    return torch.stack([sentence_noise(seed, row, first, last, latent_size) for row in per_sentence.tolist()])


def log_joints(model: Vae, tokens: Tensor, z: Tensor, words_at_once: int | None = None) -> Tensor:
    """Return log p(x, z) of z [B, S, latent_size], nats, [B, S] in float64, a few samples at a time."""
    parts = [model.log_joint(tokens, part) for part in torch.split(z, _at_once(tokens, words_at_once), dim=1)]
    return torch.cat(parts, dim=1).double()


def log_weights(model: Vae, batch: Batch, noise: Tensor, words_at_once: int | None = None) -> Tensor:
    """Return the log weights of q's samples by `noise` [B, S, latent_size]: [B, S] in float64, a few at a time."""
    tokens, posterior = batch.tokens, model.encoder(batch.tokens)
    parts = [
        model.log_weights(tokens, posterior, part.to(tokens.device))
        for part in torch.split(noise, _at_once(tokens, words_at_once), dim=1)
    ]
    return torch.cat(parts, dim=1).double()


def _at_once(tokens: Tensor, words: int | None) -> int:
    words = WORDS_AT_ONCE[tokens.device.type] if words is None else words
    return max(1, words // (len(tokens) * (tokens.shape[1] - 1)))
