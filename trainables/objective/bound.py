"""Objectives: what a phase differentiates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveInt

from trainables.base import Later, Spec
from trainables.objective.kl import KlTerm, PlainKl
from trainables.objective.kl_weight import Constant, KlWeight

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from trainables.model.vae import Vae
    from trainables.text.batches import Batch


@dataclass(frozen=True)
class Loss:
    """`loss` is differentiated (batch mean, nats); `reconstruction` and `kl` are detached batch means."""

    loss: Tensor
    reconstruction: Tensor
    kl: Tensor


class Elbo(Spec):
    """Reconstruction + β · KL term, one sample of z a sentence (Kingma and Welling 2014; paper, section 1)."""

    kind: Literal["elbo"] = "elbo"
    kl_weight: KlWeight = Constant()
    kl: KlTerm = PlainKl()

    def weight(self, epoch: float, step_ratio: float = 1.0) -> float:
        """Return β at a (fractional) epoch."""
        return self.kl_weight(epoch, step_ratio)

    def noise_shape(self, sentences: int, units: int) -> tuple[int, ...]:
        """Return the shape of the noise that a batch of `sentences` takes."""
        return sentences, units

    def __call__(
        self, model: Vae, batch: Batch, weight: float, noise: Tensor, generator: Generator | None
    ) -> Loss:
        """Return the loss of a batch at KL weight `weight`; `noise` [B, latent_size], dropout by `generator`."""
        posterior = model.encoder(batch.tokens)
        kl_per_unit = posterior.kl_per_unit()
        reconstruction = model.decoder.reconstruction(batch.tokens, posterior.sample(noise), generator)
        loss = (reconstruction + weight * self.kl(kl_per_unit)).mean()
        return Loss(loss, reconstruction.detach().mean(), kl_per_unit.detach().sum(-1).mean())


class Iwae(Spec):
    """The importance-weighted bound −log (1/k) Σ_s p(x, z_s)/q(z_s|x) (Burda et al. 2016, eq. 8).

    The authors' code computes log (1/k) Σ_s q(z_s|x)/p(x, z_s) instead, which is no bound: see docs/method.md.
    """

    kind: Literal["iwae"] = "iwae"
    samples: PositiveInt = Field(10, description="k, samples of z a sentence")
    selection: Annotated[Literal["neg_elbo", "iw_bound"], Later("neg_elbo")] = Field(
        "neg_elbo",
        description="the validation metric that picks the best epoch; iw_bound, this bound: authors' code",
    )

    def weight(self, epoch: float, step_ratio: float = 1.0) -> float:
        """Return 1: the bound weighs its KL fully."""
        return 1.0

    def noise_shape(self, sentences: int, units: int) -> tuple[int, ...]:
        """Return the shape of the noise that a batch of `sentences` takes."""
        return sentences, self.samples, units

    def __call__(
        self, model: Vae, batch: Batch, weight: float, noise: Tensor, generator: Generator | None
    ) -> Loss:
        """Return the bound of a batch; `noise` [B, k, latent_size], dropout by `generator`, `weight` unused."""
        posterior = model.encoder(batch.tokens)
        log_weights = model.log_weights(batch.tokens, posterior, noise, generator)
        loss = (math.log(noise.shape[1]) - log_weights.logsumexp(1)).mean()
        prior = posterior.log_weight_of_prior(posterior.sample(noise), noise)
        return Loss(
            loss,
            (prior - log_weights).detach().mean(),
            posterior.kl_per_unit().detach().sum(-1).mean(),
        )


Objective = Annotated[Elbo | Iwae, Field(discriminator="kind")]
