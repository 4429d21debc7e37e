"""The tight estimate: −log p(x) from a proposal adapted to each sentence, by fresh samples alone."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.base import DivergedError, derived_seed
from trainables.measure.adapted import Adapted, Effort, adapted
from trainables.measure.importance import ImportanceEstimate, batch_noise, log_joints, standard_errors
from trainables.measure.likelihood import per_sentence
from trainables.measure.psis import FEWEST_SAMPLES, effective_samples, pareto_k
from trainables.model.vae import Vae
from trainables.text.batches import Batch


@dataclass(frozen=True)
class Tight(ImportanceEstimate):
    """A tight estimate of each sentence, [N]; `samples` are all its decoder passes, adaptation included.

    `fit_neg_elbo` [N, 2], nats: −ELBO of the best diagonal Gaussian known, by each half of the last samples.
    """

    fit_neg_elbo: Tensor


@torch.inference_mode()
def tight(model: Vae, batches: Sequence[Batch], effort: Effort, seed: int) -> Tight:
    """Estimate every sentence's −log p(x) from samples that decided nothing, so p̂(x) is unbiased.

    Its noise depends on `seed`, its row and the sample's number alone. Raises DivergedError where an estimate is
    not finite.
    """
    nll, samples, effective, k, errors, neg_elbo = torch.full(
        (6, per_sentence(batches)), math.nan, dtype=torch.float64
    )
    fits = torch.full((per_sentence(batches), 2), math.nan, dtype=torch.float64)
    for batch in batches:
        for group, count in _groups(model, batch, effort, derived_seed(seed, "adaptation")):
            sentences, tokens = batch.rows[group.places.cpu()], batch.tokens[group.places]
            noise = batch_noise(derived_seed(seed, "last"), sentences, 0, count, model.spec.latent_size)
            z = group.proposal.sample(noise.to(tokens.device))
            joint = log_joints(model, tokens, z)
            weights = joint - group.proposal.log_density(z)
            nll[sentences] = math.log(count) - weights.logsumexp(1).cpu()
            samples[sentences] = float(group.used + count)
            effective[sentences] = effective_samples(weights).cpu()
            errors[sentences] = standard_errors(weights).cpu()
            neg_elbo[sentences] = -weights.mean(1).cpu()
            fits[sentences] = group.proposal.neg_elbo(z, joint).cpu()
            if count >= FEWEST_SAMPLES:
                k[sentences] = pareto_k(weights).cpu()
    if not bool(torch.isfinite(nll).all()):
        raise DivergedError("a sentence's likelihood is not finite")
    return Tight(nll, samples, effective, k if effort.most >= FEWEST_SAMPLES else None, errors, neg_elbo, fits)


def _groups(model: Vae, batch: Batch, effort: Effort, seed: int) -> Iterator[tuple[Adapted, int]]:
    """Yield groups of sentences that want equally many samples, and that number."""
    for group in adapted(model, batch, effort, seed):
        for count in sorted(set(group.wanted.tolist())):
            yield group.rows(group.wanted == count), count
