"""The importance-weighted NLL of a split, exact or sampled until each sentence is known well enough."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from trainables.base import DivergedError, derived_seed
from trainables.measure.likelihood import rows
from trainables.measure.psis import FEWEST_SAMPLES, effective_samples, pareto_k
from trainables.model.gaussian import Gaussian
from trainables.model.vae import Vae
from trainables.text.batches import Batch

BLOCK = 50
"""Samples that are drawn from one seed; also the fewest that an adaptive estimate takes."""

WORDS_AT_ONCE = {"cpu": 2**13, "cuda": 2**17}
"""Most words, of all samples together, whose hidden states are held at once."""


@dataclass(frozen=True)
class Importance:
    """An importance-weighted estimate of each sentence, [N], and how far it can be trusted.

    `nll` in nats; `samples` taken; `effective_samples` between 1 and those; `pareto_k` of the weights' tail, None
    where they are too few for one.
    """

    nll: Tensor
    samples: Tensor
    effective_samples: Tensor
    pareto_k: Tensor | None


def iw_nll(model: Vae, batches: Sequence[Batch], samples: int, seed: int) -> Tensor:
    """Return −log (1/S) Σ_s p(x, z_s)/q(z_s|x) of every sentence, [N], nats (Burda et al. 2016, eq. 8)."""
    return importance(model, batches, samples, seed).nll


@torch.inference_mode()
def importance(
    model: Vae, batches: Sequence[Batch], samples: int, seed: int, error: float | None = None
) -> Importance:
    """Estimate every sentence's −log p(x) from S weights, and look at the weights while they are there.

    With an `error` a sentence doubles its samples until the standard error of its estimate is at most that, in
    nats, or S are taken. Its noise depends on `seed`, its row and the sample's number alone, so neither chunks
    nor other sentences change the result. Raises DivergedError where an estimate is not finite.
    """
    nll, taken, effective, k = (torch.empty(rows(batches), dtype=torch.float64) for _ in range(4))
    for batch in batches:
        for places, weights in _sampled(model, batch, samples, seed, error):
            count = weights.shape[1]
            nll[places], taken[places] = math.log(count) - weights.logsumexp(1), float(count)
            if not bool(torch.isfinite(nll[places]).all()):
                raise DivergedError("a sentence's importance-weighted NLL is not finite")
            effective[places] = effective_samples(weights)
            if count >= FEWEST_SAMPLES:
                k[places] = pareto_k(weights)
    return Importance(nll, taken, effective, k if samples >= FEWEST_SAMPLES else None)


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


def _sampled(
    model: Vae, batch: Batch, samples: int, seed: int, error: float | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the rows of sentences that are known well enough, with their log weights [., S], in float64."""
    posterior, going = model.encoder(batch.tokens), torch.arange(batch.size)
    weights = torch.empty(batch.size, 0, dtype=torch.float64)
    while len(going):
        first = weights.shape[1]
        last = samples if error is None else min(samples, max(BLOCK, 2 * first))
        drawn = [
            sentence_noise(seed, row, first, last, model.spec.latent_size) for row in batch.rows[going].tolist()
        ]
        weights = torch.cat([weights, _log_weights(model, batch.tokens, posterior, going, torch.stack(drawn))], 1)
        done = standard_errors(weights) <= error if error is not None else torch.full((len(going),), True)
        done |= last == samples
        yield batch.rows[going[done]], weights[done]
        going, weights = going[~done], weights[~done]


def _log_weights(model: Vae, tokens: Tensor, posterior: Gaussian, going: Tensor, noise: Tensor) -> Tensor:
    """Return the log weights of the sentences `going`, in float64 on the CPU, a few samples at a time."""
    device = tokens.device
    going = going.to(device)
    tokens, posterior = tokens[going], Gaussian(posterior.mean[going], posterior.log_variance[going])
    size = max(1, WORDS_AT_ONCE[device.type] // (len(tokens) * (tokens.shape[1] - 1)))
    parts = [
        model.log_weights(tokens, posterior, part.to(device)).cpu() for part in torch.split(noise, size, dim=1)
    ]
    return torch.cat(parts, dim=1).double()
