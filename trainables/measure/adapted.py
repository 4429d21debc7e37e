"""A proposal for each sentence, fitted to p(z|x) by samples that are then thrown away.

Adaptive importance sampling in rounds that grow. Weights are against the mixture of all rounds so far (Owen
and Zhou 2000; Cornuet et al. 2012), tempered until enough of them are effective. What ends a sentence's rounds,
and how many samples its estimate gets, is read from these rounds alone.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.measure.importance import BLOCK, batch_noise, log_joints, standard_errors
from trainables.measure.psis import UNTRUSTED_K, effective_samples, pareto_k
from trainables.model.gaussian import Correlated, Gaussian
from trainables.model.vae import Vae
from trainables.text.batches import Batch

WIDE = 2.5
"""Variance of the second round's proposal as a part of q's, which is often too narrow."""

INFLATED = 1.4
"""Variance of a fitted proposal as a part of its samples' own: a proposal's tails must not be too light."""

POOLED = 20
"""Effective samples that the variance of all units together counts for in the variance of each; half of those that
uncorrelated units count for."""

DEFENSIVE = 10
"""One of so many last samples comes from q, widened, whatever was fitted (Hesterberg 1995)."""

EVEN = 0.75
"""Share of effective samples above which the shape of the weights' tail says nothing."""

ADAPTATION = 0.6
"""Most of all passes that are spent on the proposal."""

FEWEST_PASSES = 4 * BLOCK
"""With fewer passes nothing is adapted."""

BISECTIONS = 30

MOST = BLOCK * 2**20
"""More samples than a sentence ever gets."""


@dataclass(frozen=True)
class Effort:
    """What a sentence may cost: at most `most` decoder passes in all, and the standard error that is aimed at.

    `error` in nats; None takes all passes.
    """

    most: int
    error: float | None


@dataclass(frozen=True)
class Proposal:
    """A Gaussian for each sentence, [B, n_z], and where it was fitted a wide one for every DEFENSIVE-th sample."""

    main: Gaussian | Correlated
    wide: Gaussian | None = None

    def rows(self, chosen: Tensor) -> "Proposal":
        """Return the proposals of the chosen sentences."""
        return Proposal(self.main.rows(chosen), self.wide and self.wide.rows(chosen))

    def sample(self, noise: Tensor) -> Tensor:
        """Return z for `noise`, both [B, S, n_z]."""
        z = self.main.sample(noise)
        if self.wide is None:
            return z
        return torch.where(_from_wide(noise).unsqueeze(1), self.wide.sample(noise), z)

    def log_density(self, z: Tensor) -> Tensor:
        """Return the log density of what `sample` draws from, [B, S, n_z] -> [B, S]."""
        if self.wide is None:
            return self.main.log_density(z).double()
        count = z.shape[1] // DEFENSIVE
        return mixture_density([self.main, self.wide], [z.shape[1] - count, count], z)

    def neg_elbo(self, z: Tensor, joint: Tensor) -> Tensor:
        """Return −ELBO of the best diagonal Gaussian known, by each half of `sample`'s z [B, S, n_z]: [B, 2].

        `joint` [B, S] is log p(x, z), nats. Where nothing was fitted it is q, else the mean field of the fit
        without its inflation, by the fit's samples with self-normalised weights: its bias is of the order 1/S.
        """
        main = self.main
        best = main if isinstance(main, Gaussian) else main.widened(1 / INFLATED).mean_field()
        density = best.log_density(z).double()
        ratio = density - main.log_density(z)
        if self.wide is not None:
            ratio = ratio.masked_fill(_from_wide(z), -math.inf)
        halves = [(ratio[:, i::2].softmax(1) * (density - joint)[:, i::2]).sum(1) for i in range(2)]
        return torch.stack(halves, dim=1)


@dataclass(frozen=True)
class Adapted:
    """Sentences whose rounds are over: places in the batch, proposals, samples that each wants, passes taken."""

    places: Tensor
    proposal: Proposal
    wanted: Tensor
    used: int

    def rows(self, chosen: Tensor) -> "Adapted":
        """Return the chosen sentences."""
        return Adapted(self.places[chosen], self.proposal.rows(chosen), self.wanted[chosen], self.used)


def adapted(model: Vae, batch: Batch, effort: Effort, seed: int) -> Iterator[Adapted]:
    """Adapt a proposal to each sentence; yield those that are ready, all of them in the end.

    The first round is from q, which is kept where that suffices; the second from q widened; each later one
    from a fit to all before. Where there are too few passes for that, all go to q.
    """
    posterior = model.encoder(batch.tokens)
    going = torch.arange(batch.size, device=batch.tokens.device)
    if effort.most < FEWEST_PASSES:
        yield Adapted(going, Proposal(posterior), torch.full_like(going, effort.most), 0)
        return
    wide, rounds, proposal, used = posterior.widened(WIDE), Rounds(posterior), posterior, 0
    while len(going):
        size = next_round(used)
        noise = batch_noise(seed, batch.rows[going.cpu()], used, used + size, model.spec.latent_size)
        z = proposal.sample(noise.to(going.device))
        weights = rounds.add(proposal, z, log_joints(model, batch.tokens[going], z))
        first, used = used == 0, used + size
        wanted, done = verdict(weights, effort, used)
        last = Proposal(posterior) if first else Proposal(rounds.fit(), wide)
        yield Adapted(going, last, wanted, used).rows(done)
        going, wide = going[~done], wide.rows(~done)
        rounds.keep(~done)
        proposal = wide if first else last.main.rows(~done)


def next_round(used: int) -> int:
    """Return the size of the round after so many passes: half of them, in whole blocks."""
    return BLOCK * max(1, -(-used // (2 * BLOCK)))


def verdict(log_weights: Tensor, effort: Effort, used: int) -> tuple[Tensor, Tensor]:
    """Return how many samples sentences want, and whether their rounds are over, [N], from the newest one, [N, S].

    They are over where the error is reached with no more samples than have been spent and the tail can be
    trusted, or the weights hardly differ; and where another round would leave too few passes for the estimate.
    """
    wanted, size = samples_for(log_weights, effort.error), log_weights.shape[1]
    trusted = (pareto_k(log_weights) <= trusted_k(size)) | (effective_samples(log_weights) >= EVEN * size)
    good = (wanted <= used) & trusted
    if used + next_round(used) > ADAPTATION * effort.most:
        return torch.where(good, wanted, MOST).clamp(BLOCK, effort.most - used), torch.ones_like(good)
    return wanted.clamp(BLOCK, effort.most - used), good


class Rounds:
    """All samples so far of the sentences still going: z [G, S, n_z], log p(x, z) [G, S], and their proposals."""

    def __init__(self, q: Gaussian) -> None:
        size, units = q.mean.shape
        self.q, self.z, self.joint = q, q.mean.new_empty(size, 0, units), q.mean.new_empty(size, 0).double()
        self.proposals: list[Gaussian | Correlated] = []
        self.counts: list[int] = []

    def add(self, proposal: Gaussian | Correlated, z: Tensor, joint: Tensor) -> Tensor:
        """Append a round; return its log weights against its own proposal, [G, S]."""
        self.z, self.joint = torch.cat([self.z, z], 1), torch.cat([self.joint, joint], 1)
        self.proposals.append(proposal)
        self.counts.append(z.shape[1])
        return joint - proposal.log_density(z)

    def keep(self, chosen: Tensor) -> None:
        """Keep the chosen sentences alone."""
        self.q, self.z, self.joint = self.q.rows(chosen), self.z[chosen], self.joint[chosen]
        self.proposals = [one.rows(chosen) for one in self.proposals]

    def fit(self) -> Correlated:
        """Return a Gaussian with the mean of the weighted samples and INFLATED times their covariance.

        Each unit's variance is drawn towards that of q times the ratio that all units together have, as by POOLED
        samples more: a few effective samples say little of one unit, and much of all. The covariance in turn is
        drawn towards these variances alone, as by twice as many.
        """
        weights = self.joint - mixture_density(self.proposals, self.counts, self.z)
        shares = tempered(weights, self.z.shape[2]).softmax(1).to(self.z.dtype).unsqueeze(2)
        mean = (shares * self.z).sum(1)
        away = self.z - mean.unsqueeze(1)
        covariance = (shares * away).transpose(1, 2) @ away
        variance = covariance.diagonal(dim1=1, dim2=2)
        of_q = self.q.log_variance
        pooled = (of_q + (variance.log() - of_q).mean(1, keepdim=True)).exp()
        effective = 1 / shares.squeeze(2).pow(2).sum(1, keepdim=True)
        variance = (effective * variance + POOLED * pooled) / (effective + POOLED)
        effective, alone = effective.unsqueeze(2), torch.diag_embed(variance)
        covariance = (effective * covariance + 2 * POOLED * alone) / (effective + 2 * POOLED)
        return Correlated(mean, torch.linalg.cholesky_ex(covariance).L).widened(INFLATED)


def mixture_density(parts: Sequence[Gaussian | Correlated], counts: Sequence[int], z: Tensor) -> Tensor:
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


def samples_for(log_weights: Tensor, error: float | None) -> Tensor:
    """Return how many samples of rows like these [N, S] have a standard error of `error` nats: [N], whole blocks.

    Without an error that is more than anybody has.
    """
    if error is None:
        return torch.full((len(log_weights),), MOST, device=log_weights.device)
    spread = standard_errors(log_weights).pow(2) * log_weights.shape[1]
    blocks = (spread / (error**2 * BLOCK)).ceil().clamp(max=MOST / BLOCK)
    return blocks.long() * BLOCK


def trusted_k(samples: int) -> float:
    """Return the largest k at which a mean of so many weights is reliable (Vehtari et al. 2024, section 3.2.4)."""
    return min(UNTRUSTED_K, 1 - 1 / math.log10(samples))


def _from_wide(z: Tensor) -> Tensor:
    """Return which samples of z [B, S, n_z] come from the wide one, [S]."""
    return torch.arange(z.shape[1], device=z.device) % DEFENSIVE == DEFENSIVE - 1
