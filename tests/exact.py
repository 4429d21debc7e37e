"""Models whose likelihood is known: linear with Gaussian noise, and a real one with a single unit."""

import math

import torch
from torch import Generator, Tensor, nn
from torch.distributions import MultivariateNormal

from tests.helpers import MODEL, VOCABULARY, seeded, tiny_model
from trainables.model.gaussian import LOG_2PI, Gaussian
from trainables.model.vae import Vae
from trainables.text.batches import Batch

NOISE = 0.7
"""Deviation of p(x|z)."""


class LinearDecoder(nn.Module):
    """p(x|z) = N(y(x); W z, NOISE²), y a fixed code of the sentence's first word."""

    def __init__(self, units: int, strength: float) -> None:
        super().__init__()
        self.codes = torch.randn(VOCABULARY, units + 1, generator=seeded(1)).double()
        self.weight = strength * torch.randn(units + 1, units, generator=seeded(2)).double()

    def reconstruction(self, tokens: Tensor, z: Tensor, generator: Generator | None = None) -> Tensor:
        """Return −log p(x|z), [B]."""
        distance = self.codes[tokens[:, 1]] - z.double() @ self.weight.T
        constant = math.log(NOISE) + 0.5 * LOG_2PI
        return (0.5 * (distance / NOISE).pow(2) + constant).sum(1)

    def exact(self, tokens: Tensor) -> Tensor:
        """Return −log p(x), [B]."""
        size = len(self.weight)
        covariance = self.weight @ self.weight.T + NOISE**2 * torch.eye(size).double()
        marginal = MultivariateNormal(torch.zeros(size).double(), covariance)  # type: ignore[no-untyped-call]
        density: Tensor = marginal.log_prob(self.codes[tokens[:, 1]])  # type: ignore[no-untyped-call]
        return -density


class SkewedEncoder(nn.Module):
    """The true posterior's mean and diagonal, moved by `shift` deviations, its variance times `factor`."""

    def __init__(self, decoder: LinearDecoder, shift: float, factor: float) -> None:
        super().__init__()
        weight = decoder.weight
        precision = torch.eye(weight.shape[1]).double() + weight.T @ weight / NOISE**2
        self.covariance = precision.inverse()
        self.map = self.covariance @ weight.T / NOISE**2
        self.codes, self.shift, self.factor = decoder.codes, shift, factor

    def forward(self, tokens: Tensor) -> Gaussian:
        """Return the posterior of each sentence."""
        variance = self.covariance.diagonal()
        mean = self.codes[tokens[:, 1]] @ self.map.T + self.shift * variance.sqrt()
        return Gaussian(mean, (self.factor * variance).log().expand_as(mean))


def linear_model(
    units: int = 3, strength: float = 0.6, shift: float = 0.5, factor: float = 0.8
) -> tuple[Vae, LinearDecoder]:
    """Return a model with an exact likelihood, and the decoder that knows it."""
    model = Vae(VOCABULARY, MODEL.model_copy(update={"latent_size": units}))
    decoder = LinearDecoder(units, strength)
    model.encoder = SkewedEncoder(decoder, shift, factor)  # type: ignore[assignment]
    model.decoder = decoder  # type: ignore[assignment]
    return model, decoder


def copies(tokens: Tensor, count: int) -> Batch:
    """Return one sentence [T] as so many sentences: each has noise of its own."""
    return Batch(tokens.expand(count, -1), torch.arange(count))


def one_unit() -> Vae:
    """Return a real decoder of a single unit, which a grid integrates."""
    return tiny_model(spec=MODEL.model_copy(update={"latent_size": 1}))


def integrated(model: Vae, tokens: Tensor) -> Tensor:
    """Return −log ∫ p(x|z) p(z) dz of a model of one unit on a grid, [B], nats."""
    grid = torch.linspace(-9, 9, 3601)
    with torch.inference_mode():
        joint = model.log_joint(tokens, grid.expand(len(tokens), -1).unsqueeze(2)).double()
    return -(joint.logsumexp(1) + math.log(18 / 3600))
