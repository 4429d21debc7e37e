"""Gaussians: the diagonal posterior q(z|x), the prior p(z) = N(0, I), and correlated ones."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class Gaussian:
    """A diagonal Gaussian for each sentence: `mean` and `log_variance`, both [B, latent_size]."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Return mean + exp(log_variance / 2) · noise; `noise` [B, n_z] or [B, S, n_z] gives z likewise."""
        mean, scale = self.mean, (0.5 * self.log_variance).exp()
        if noise.dim() == 3:
            mean, scale = mean.unsqueeze(1), scale.unsqueeze(1)
        return mean + scale * noise

    def kl_per_unit(self) -> Tensor:
        """Return KL(q(z_i|x) || N(0, 1)) for each unit, [B, latent_size], nats."""
        return 0.5 * (self.mean.pow(2) + (self.log_variance.expm1() - self.log_variance))

    def log_density(self, z: Tensor) -> Tensor:
        """Return log N(z; mean, variance) summed over units, of z [B, S, n_z] -> [B, S]."""
        mean, log_variance = self.mean.unsqueeze(1), self.log_variance.unsqueeze(1)
        squares = (z - mean).pow(2) * (-log_variance).exp()
        return -0.5 * (squares + log_variance + LOG_2PI).sum(-1)

    def widened(self, factor: float) -> "Gaussian":
        """Return this Gaussian with its variances times `factor`."""
        return Gaussian(self.mean, self.log_variance + math.log(factor))

    def rows(self, chosen: Tensor) -> "Gaussian":
        """Return the Gaussians of the chosen sentences."""
        return Gaussian(self.mean[chosen], self.log_variance[chosen])

    def log_weight_of_prior(self, z: Tensor, noise: Tensor) -> Tensor:
        """Return log p(z) − log q(z|x) summed over units, for z = sample(noise), both [B, S, n_z] -> [B, S]."""
        log_variance = self.log_variance.unsqueeze(1)
        return 0.5 * (noise.pow(2) + log_variance - z.pow(2)).sum(-1)


@dataclass(frozen=True)
class Correlated:
    """A Gaussian of any covariance for each sentence: `mean` [B, n_z] and Cholesky factor `tril` [B, n_z, n_z]."""

    mean: Tensor
    tril: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Return mean + tril · noise for each of `noise` [B, S, n_z]."""
        return self.mean.unsqueeze(1) + noise.to(self.tril.dtype) @ self.tril.transpose(1, 2)

    def log_density(self, z: Tensor) -> Tensor:
        """Return log N(z; mean, covariance) of z [B, S, n_z] -> [B, S]."""
        distance = (z - self.mean.unsqueeze(1)).transpose(1, 2)
        white: Tensor = torch.linalg.solve_triangular(self.tril, distance, upper=False)
        volume: Tensor = self.tril.diagonal(dim1=1, dim2=2).log().sum(1, keepdim=True)
        return -0.5 * (white.pow(2) + LOG_2PI).sum(1) - volume

    def widened(self, factor: float) -> "Correlated":
        """Return this Gaussian with its covariance times `factor`."""
        return Correlated(self.mean, self.tril * math.sqrt(factor))

    def mean_field(self) -> Gaussian:
        """Return the diagonal Gaussian q of the least KL(q || this), of this precision (Bishop 2006, 10.1.2)."""
        precision = torch.cholesky_inverse(self.tril).diagonal(dim1=1, dim2=2)
        return Gaussian(self.mean, -precision.log())

    def rows(self, chosen: Tensor) -> "Correlated":
        """Return the Gaussians of the chosen sentences."""
        return Correlated(self.mean[chosen], self.tril[chosen])
