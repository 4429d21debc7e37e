"""What the latent code holds: active units and mutual information."""

import math

import torch
from torch import Tensor

from trainables.base import DivergedError
from trainables.measure.spec import Boundary
from trainables.model.gaussian import LOG_2PI, Gaussian

ACTIVITY_THRESHOLD = 0.01
CHUNK = 1024


def unit_variance(mean: Tensor) -> Tensor:
    """Return Var_x(E_q[z_i]) of each unit over a split, unbiased: [N, latent_size] -> [latent_size]."""
    return mean.double().var(0, correction=1) if mean.shape[1] else mean.double().sum(0)


def active_units(mean: Tensor, threshold: float = ACTIVITY_THRESHOLD, boundary: Boundary = "above") -> int:
    """Count the units with Var_x(E_q[z_i]) > threshold (Burda et al. 2016; paper, section 4.1).

    With boundary `at_least` a variance equal to the threshold counts too (authors' code, section 7).
    """
    variance = unit_variance(mean)
    return int((variance >= threshold if boundary == "at_least" else variance > threshold).sum())


def mutual_information(posterior: Gaussian, noise: Tensor) -> float:
    """Return E_x E_q [log q(z|x)] − E_q [log q(z)], nats, with q(z) aggregated over the whole split.

    `noise` [N, latent_size] draws one z a sentence; the estimate is bounded by log N (Hoffman and Johnson
    2016; authors' code, section 7). log q(z_i|x_j) for all pairs is one product of matrices, in float64.
    """
    mean, log_variance = posterior.mean.double(), posterior.log_variance.double()
    count, latent_size = mean.shape
    z = mean + (0.5 * log_variance).exp() * noise.double()
    precision = (-log_variance).exp()
    right = torch.cat([precision, mean * precision], dim=1).T
    own = noise.double().pow(2).sum(1)
    normaliser = log_variance.sum(1) + latent_size * LOG_2PI
    parts = []
    for start in range(0, count, CHUNK):
        part = z[start : start + CHUNK]
        distance = torch.cat([part.pow(2), -2 * part], dim=1) @ right + (mean.pow(2) * precision).sum(1)
        distance = distance.clamp_min(0)
        distance.diagonal(start)[: len(part)] = own[start : start + CHUNK]
        parts.append((-0.5 * (distance + normaliser)).logsumexp(1))
    log_aggregate = torch.cat(parts) - math.log(count)
    negative_entropy = -0.5 * (latent_size * LOG_2PI + (1 + log_variance).sum(1))
    information = float(negative_entropy.mean() - log_aggregate.mean())
    if not math.isfinite(information):
        raise DivergedError(
            "the mutual information is not finite: a posterior's variance is beyond floating point"
        )
    return information
