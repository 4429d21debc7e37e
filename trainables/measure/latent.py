"""What the latent code holds: active units and mutual information."""

import math

import torch
from torch import Tensor

from trainables.base import DivergedError
from trainables.measure.spec import Boundary
from trainables.model.gaussian import LOG_2PI, Gaussian

ACTIVITY_THRESHOLD = 0.01
CHUNK = 128
"""Sentences whose densities under all posteriors are held at once; few, so that they stay in the cache."""


def unit_variance(mean: Tensor) -> Tensor:
    """Return Var_x(E_q[z_i]) of each unit over a split, unbiased: [N, latent_size] -> [latent_size].

    Over a single sentence nothing varies: 0.
    """
    if len(mean) < 2 or not mean.shape[1]:
        return torch.zeros(mean.shape[1], dtype=torch.float64, device=mean.device)
    return mean.double().var(0, correction=1)


def active_units(mean: Tensor, threshold: float = ACTIVITY_THRESHOLD, boundary: Boundary = "above") -> int:
    """Count the units with Var_x(E_q[z_i]) > threshold (Burda et al. 2016; paper, section 2.1).

    With boundary `at_least` a variance equal to the threshold counts too (authors' code).
    """
    variance = unit_variance(mean)
    return int((variance >= threshold if boundary == "at_least" else variance > threshold).sum())


def mutual_information(posterior: Gaussian, noise: Tensor, chunk: int = CHUNK) -> float:
    """Return E_x E_q [log q(z|x) − log q(z)], nats, with q(z) aggregated over the whole split.

    The mean of `pointwise_information`, at most log N (Hoffman and Johnson 2016). For posteriors that are all
    the same it is 0 up to rounding, whatever was drawn.
    """
    return float(pointwise_information(posterior, noise, chunk).mean())


def authors_mutual_information(posterior: Gaussian, noise: Tensor, chunk: int = CHUNK) -> float:
    """Return −E_x H(q(z|x)) − E_q [log q(z)] with the entropy H exact (authors' code).

    The same expectation as `mutual_information`, from which it differs by ½ (mean ‖noise‖² − n_z): noise of
    variance n_z/2N that has nothing to do with the code.
    """
    excess = float(noise.double().pow(2).sum(1).mean()) - noise.shape[1]
    return mutual_information(posterior, noise, chunk) + 0.5 * excess


def pointwise_information(posterior: Gaussian, noise: Tensor, chunk: int = CHUNK) -> Tensor:
    """Return log q(z|x) − log q(z) of every sentence, [N], nats, float64, each at most log N.

    `noise` [N, latent_size] draws one z a sentence; q(z) is the mean of all N posteriors. log q(z_i|x_j) for all
    pairs is one product of matrices, in float64; its sums are in the precision of the posteriors, by log-softmax,
    which is much quicker than exponentials. Raises DivergedError where a value is not finite.
    """
    mean, log_variance, dtype = posterior.mean.double(), posterior.log_variance.double(), posterior.mean.dtype
    count, latent_size = mean.shape
    if not latent_size:
        return torch.zeros(count, dtype=torch.float64)
    z = mean + (0.5 * log_variance).exp() * noise.double()
    precision = (-log_variance).exp()
    largest = -0.5 * (log_variance.sum(1) + latent_size * LOG_2PI)
    own = (largest - 0.5 * noise.double().pow(2).sum(1)).to(dtype)
    constant = largest - 0.5 * (mean.pow(2) * precision).sum(1)
    left = torch.cat([z.pow(2), z, z.new_ones(count, 1)], dim=1)
    right = torch.cat([-0.5 * precision, mean * precision, constant.unsqueeze(1)], dim=1).T
    shares = []
    for start in range(0, count, chunk):
        density = (left[start : start + chunk] @ right).to(dtype).minimum(largest.to(dtype))
        density.diagonal(start)[:] = own[start : start + chunk]
        shares.append(density.log_softmax(1).diagonal(start))
    information = math.log(count) + torch.cat(shares).double()
    if not bool(information.isfinite().all()):
        raise DivergedError(
            "the mutual information is not finite: a posterior's variance is beyond floating point"
        )
    return information
