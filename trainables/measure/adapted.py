"""A proposal for each sentence, fitted to p(z|x) by samples that are then thrown away.

Adaptive importance sampling in rounds that double. Weights are against the mixture of all rounds so far (Owen and
Zhou 2000; Cornuet et al. 2012), tempered until enough of them are effective. What ends a sentence's rounds, and how
many samples its estimate gets, is read from these rounds alone.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

from trainables.measure.importance import BLOCK, batch_noise, log_joints, standard_errors
from trainables.measure.psis import UNTRUSTED_K, effective_samples, pareto_k
from trainables.model.gaussian import Gaussian
from trainables.model.vae import Vae
from trainables.text.batches import Batch

WIDE = 1.5
"""Variance of the second round's proposal as a part of q's, which is often too narrow."""

INFLATED = 1.2
"""Variance of a fitted proposal as a part of its samples' own: a proposal's tails must not be too light."""

DEFENSIVE = 10
"""One of so many last samples comes from q, widened, whatever was fitted (Hesterberg 1995)."""

BISECTIONS = 30


@dataclass(frozen=True)
class Effort:
    """What a sentence may cost: at most `most` decoder passes in all; `error`, nats, is what is aimed at."""

    most: int
    error: float


@dataclass(frozen=True)
class Proposal:
    """A fitted Gaussian for each sentence and a wide one that every DEFENSIVE-th sample comes from, [B, n_z]."""

    fit: Gaussian
    wide: Gaussian

    def rows(self, chosen: Tensor) -> "Proposal":
        """Return the proposals of the chosen sentences."""
        return Proposal(self.fit.rows(chosen), self.wide.rows(chosen))

    def sample(self, noise: Tensor) -> Tensor:
        """Return z for `noise`, both [B, S, n_z]."""
        from_wide = _from_wide(noise).unsqueeze(1)
        return torch.where(from_wide, self.wide.sample(noise), self.fit.sample(noise))

    def log_density(self, z: Tensor) -> Tensor:
        """Return the log density of the mixture that `sample` draws from, [B, S, n_z] -> [B, S]."""
        wide = int(_from_wide(z).sum())
        return mixture_density([self.fit, self.wide], [z.shape[1] - wide, wide], z)


def adapted(
    model: Vae, batch: Batch, posterior: Gaussian, effort: Effort, seed: int
) -> Iterator[tuple[Tensor, Proposal, Tensor, int]]:
    """Yield the sentences whose rounds are over: places in the batch, proposals, samples wanted, passes taken.

    The first round is from q, which is kept where that suffices; the second from q widened; each later one
    from a fit to all before. With fewer than two rounds' passes all go to q.
    """
    going = torch.arange(batch.size, device=batch.tokens.device)
    if effort.most < 2 * BLOCK:
        yield going, Proposal(posterior, posterior), torch.full_like(going, effort.most), 0
        return
    wide = posterior.widened(WIDE)
    rounds, proposal, used = Rounds.none(posterior), posterior, 0
    for number in count():
        size = max(BLOCK, used)
        noise = batch_noise(seed, batch.rows[going.cpu()], used, used + size, model.spec.latent_size)
        z = proposal.sample(noise.to(going.device))
        weights = rounds.add(proposal, z, log_joints(model, batch.tokens[going], z))
        used += size
        wanted = samples_for(weights, effort.error)
        done = (wanted <= max(size, BLOCK)) & (pareto_k(weights) <= trusted_k(size))
        if 4 * used > effort.most:
            wanted, done = torch.where(done, wanted, effort.most), torch.ones_like(done)
        last = Proposal(posterior, posterior) if number == 0 else Proposal(rounds.fit(), wide)
        if bool(done.any()):
            yield going[done], last.rows(done), wanted[done].clamp(BLOCK, effort.most - used), used
        if bool(done.all()):
            return
        going, wide, posterior = going[~done], wide.rows(~done), posterior.rows(~done)
        rounds.keep(~done)
        proposal = wide if number == 0 else last.fit.rows(~done)


class Rounds:
    """All samples so far of the sentences still going: z [G, S, n_z], log p(x, z) [G, S], and their proposals."""

    def __init__(self, z: Tensor, joint: Tensor) -> None:
        self.z, self.joint = z, joint
        self.proposals: list[Gaussian] = []
        self.counts: list[int] = []

    @staticmethod
    def none(posterior: Gaussian) -> "Rounds":
        """Return no samples of so many sentences."""
        size, units = posterior.mean.shape
        return Rounds(posterior.mean.new_empty(size, 0, units), posterior.mean.new_empty(size, 0).double())

    def add(self, proposal: Gaussian, z: Tensor, joint: Tensor) -> Tensor:
        """Append a round; return its log weights against its own proposal, [G, S]."""
        self.z, self.joint = torch.cat([self.z, z], 1), torch.cat([self.joint, joint], 1)
        self.proposals.append(proposal)
        self.counts.append(z.shape[1])
        return joint - proposal.log_density(z)

    def keep(self, chosen: Tensor) -> None:
        """Keep the chosen sentences alone."""
        self.z, self.joint = self.z[chosen], self.joint[chosen]
        self.proposals = [one.rows(chosen) for one in self.proposals]

    def fit(self) -> Gaussian:
        """Return a Gaussian with the mean of the weighted samples and INFLATED times their variance."""
        weights = self.joint - mixture_density(self.proposals, self.counts, self.z)
        shares = tempered(weights, 2 * self.z.shape[2]).softmax(1).to(self.z.dtype).unsqueeze(2)
        mean = (shares * self.z).sum(1)
        variance = (shares * (self.z - mean.unsqueeze(1)).pow(2)).sum(1)
        return Gaussian(mean, variance.log()).widened(INFLATED)


def mixture_density(parts: Sequence[Gaussian], counts: Sequence[int], z: Tensor) -> Tensor:
    """Return the log density at z [B, S, n_z] of Gaussians mixed in proportion to `counts`, in float64, [B, S]."""
    total = sum(counts)
    densities = [
        one.log_density(z).double() + math.log(number / total)
        for one, number in zip(parts, counts, strict=True)
        if number
    ]
    return torch.stack(densities).logsumexp(0)


def tempered(log_weights: Tensor, least: float) -> Tensor:
    """Return each row times the largest power, at most 1, that leaves `least` samples effective (or half of all).

    [N, S] -> [N, S]; rows may be scaled by different powers.
    """
    wanted = min(least, log_weights.shape[1] / 2)
    low = log_weights.new_zeros(len(log_weights), 1)
    high = torch.ones_like(low)
    power = high
    for _ in range(BISECTIONS):
        enough = effective_samples(power * log_weights).unsqueeze(1) >= wanted
        low, high = torch.where(enough, power, low), torch.where(enough, high, power)
        power = (low + high) / 2
    return low * log_weights


def samples_for(log_weights: Tensor, error: float) -> Tensor:
    """Return how many samples of rows like these [N, S] have a standard error of `error` nats: [N], whole blocks."""
    spread = standard_errors(log_weights).pow(2) * log_weights.shape[1]
    blocks = (spread / (error**2 * BLOCK)).ceil().clamp(max=2**20)
    return blocks.long() * BLOCK


def trusted_k(samples: int) -> float:
    """Return the largest k at which a mean of so many weights is reliable (Vehtari et al. 2024, section 3.2.4)."""
    return min(UNTRUSTED_K, 1 - 1 / math.log10(samples))


def _from_wide(z: Tensor) -> Tensor:
    """Return which samples of z [B, S, n_z] come from the wide Gaussian, [S]."""
    return torch.arange(z.shape[1], device=z.device) % DEFENSIVE == DEFENSIVE - 1
