"""Can an importance-weighted estimate be trusted? Effective samples, and the tail of its weights."""

import math

import torch
from torch import Tensor

FEWEST_SAMPLES = 25
"""Below this number of samples the tail has less than 5 weights and no k is given."""

LARGEST_K = 10.0
"""No k is larger; also that of a sentence whose tail lies beyond floating point."""

UNTRUSTED_K = 0.7
"""Above it an importance-weighted mean cannot be trusted (Vehtari et al. 2024, section 3.2.4)."""

FEWEST_IN_TAIL = 5
LOWEST_LOG_WEIGHT = math.log(torch.finfo(torch.float64).tiny)
PRIOR_SAMPLES, PRIOR_K = 10, 0.5
PRIOR_SCALE = 3.0


def effective_samples(log_weights: Tensor) -> Tensor:
    """Return (Σ w)² / Σ w² of each row, between 1 and S: [N, S] -> [N] (Kish 1965)."""
    weights = log_weights.double()
    return (2 * weights.logsumexp(1) - (2 * weights).logsumexp(1)).exp()


def tail_length(samples: int) -> int:
    """Return how many of S weights make the tail: min(0.2 S, 3 √S), rounded up (Vehtari et al. 2024)."""
    return math.ceil(min(0.2 * samples, 3 * math.sqrt(samples)))


def pareto_k(log_weights: Tensor) -> Tensor:
    """Return the shape k of a generalised Pareto fitted to the largest weights of each row: [N, S] -> [N].

    The tail are the weights above the largest weight outside it (Vehtari et al. 2024, section 3). k is at most
    LARGEST_K. A row whose largest weights are all equal has no tail to fit and gets 0. Raises ValueError below
    FEWEST_SAMPLES samples.
    """
    samples = log_weights.shape[1]
    if samples < FEWEST_SAMPLES:
        raise ValueError(f"{samples} samples have no tail to fit; give at least {FEWEST_SAMPLES}")
    length = tail_length(samples)
    largest = log_weights.double().topk(length + 1, dim=1).values
    relative = (largest - largest[:, :1]).clamp_min(LOWEST_LOG_WEIGHT)
    cutoff = relative[:, -1:]
    excess = (relative[:, :-1].exp() - cutoff.exp()).clamp_min(0).flip(1)
    count = (excess > 0).sum(1)
    enough = count >= FEWEST_IN_TAIL
    no_fit = torch.where(cutoff.squeeze(1) > LOWEST_LOG_WEIGHT, 0.0, LARGEST_K).double()
    k = no_fit.clone()
    k[enough] = generalised_pareto_k(excess[enough], count[enough])
    return k.clamp_max(LARGEST_K)


def generalised_pareto_k(excess: Tensor, count: Tensor) -> Tensor:
    """Return the posterior mean shape k of each row of excesses, ascending: [N, M], [N] -> [N].

    A row holds `count` positive excesses behind zeros that do not count. Zhang and Stephens 2009, in the form
    of Vehtari et al. 2024, appendix C: θ on a grid that the data set, weighted by the profile likelihood; k is
    drawn to 0.5 as by 10 further observations.
    """
    if not len(excess):
        return excess.new_empty(0)
    number = count.double().unsqueeze(1)
    grid_size = (30 + number.sqrt().floor()).long()
    steps = torch.arange(1, int(grid_size.max()) + 1, dtype=torch.float64, device=excess.device)
    quartile_place = excess.shape[1] - count + (count.double() / 4 + 0.5).long() - 1
    quartile = excess.gather(1, quartile_place.unsqueeze(1))
    theta = 1 / excess[:, -1:] + (1 - (grid_size / (steps - 0.5)).sqrt()) / (PRIOR_SCALE * quartile)
    shape = (-theta.unsqueeze(2) * excess.unsqueeze(1)).log1p().sum(2) / number
    likelihood = number * ((-theta / shape).log() - shape - 1)
    likelihood = likelihood.masked_fill(steps > grid_size, -math.inf)
    mean_theta = (likelihood.softmax(1) * theta).sum(1, keepdim=True)
    k = (-mean_theta * excess).log1p().sum(1) / number.squeeze(1)
    return (k * count + PRIOR_K * PRIOR_SAMPLES) / (count + PRIOR_SAMPLES)
