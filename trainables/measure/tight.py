"""The tight estimate: −log p(x) from a proposal adapted to each sentence, by fresh samples alone."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.base import DivergedError, derived_seed
from trainables.measure.adapted import INFLATED, Effort, Proposal, adapted
from trainables.measure.importance import Importance, batch_noise, log_joints, standard_errors
from trainables.measure.likelihood import rows
from trainables.measure.psis import FEWEST_SAMPLES, effective_samples, pareto_k
from trainables.model.vae import Vae
from trainables.text.batches import Batch


@dataclass(frozen=True)
class Tight(Importance):
    """A tight estimate of each sentence, [N]; `samples` are all its decoder passes, adaptation included.

    `fit_neg_elbo` [N, 2], nats: −ELBO of the fitted Gaussian, by one half of the last samples and by the other.
    """

    fit_neg_elbo: Tensor


@torch.inference_mode()
def tight(model: Vae, batches: Sequence[Batch], effort: Effort, seed: int) -> Tight:
    """Estimate every sentence's −log p(x) from samples that decided nothing, so p̂(x) is unbiased.

    Its noise depends on `seed`, its row and the sample's number alone. Raises DivergedError where an estimate is
    not finite.
    """
    numbers = {name: torch.full((rows(batches),), math.nan, dtype=torch.float64) for name in
        ("nll", "samples", "effective_samples", "pareto_k", "errors")}
    fits = torch.full((rows(batches), 2), math.nan, dtype=torch.float64)
    for batch in batches:
        for chosen, proposal, count, used in _by_count(model, batch, effort, derived_seed(seed, "adaptation")):
            places = batch.rows[chosen.cpu()]
            noise = batch_noise(derived_seed(seed, "estimate"), places, 0, count, model.spec.latent_size)
            z = proposal.sample(noise.to(chosen.device))
            joint = log_joints(model, batch.tokens[chosen], z)
            weights = joint - proposal.log_density(z)
            numbers["nll"][places] = math.log(count) - weights.logsumexp(1).cpu()
            numbers["samples"][places] = float(used + count)
            numbers["effective_samples"][places] = effective_samples(weights).cpu()
            numbers["errors"][places] = standard_errors(weights).cpu()
            if count >= FEWEST_SAMPLES:
                numbers["pareto_k"][places] = pareto_k(weights).cpu()
            fits[places] = _neg_elbo(proposal, z, joint).cpu()
    if not bool(torch.isfinite(numbers["nll"]).all()):
        raise DivergedError("a sentence's likelihood is not finite")
    if effort.most < FEWEST_SAMPLES:
        return Tight(**numbers | {"pareto_k": None}, fit_neg_elbo=fits)
    return Tight(**numbers, fit_neg_elbo=fits)


def _by_count(
    model: Vae, batch: Batch, effort: Effort, seed: int
) -> Iterator[tuple[Tensor, Proposal, int, int]]:
    """Yield sentences that want equally many samples: places in the batch, proposals, that number, passes taken."""
    for going, proposal, wanted, used in adapted(model, batch, model.encoder(batch.tokens), effort, seed):
        for count in wanted.unique().tolist():
            chosen = wanted == count
            yield going[chosen], proposal.rows(chosen), count, used


def _neg_elbo(proposal: Proposal, z: Tensor, joint: Tensor) -> Tensor:
    """Return −ELBO of the fit, its inflation taken out, by each half of the last samples, [B, 2], nats.

    Self-normalised weights, which are at most INFLATED^(n_z/2): the bias is of the order 1/S.
    """
    own = proposal.fit if proposal.fit is proposal.wide else proposal.fit.widened(1 / INFLATED)
    density = own.log_density(z).double()
    ratio = density - proposal.log_density(z)
    halves = [(ratio[:, i::2].softmax(1) * (density - joint)[:, i::2]).sum(1) for i in range(2)]
    return torch.stack(halves, dim=1)
