"""Objectives: what a phase differentiates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trainables.base import Spec
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
    """Reconstruction + β · KL term, one sample of z a sentence (Kingma and Welling 2014; paper, eq. 1)."""

    kind: Literal["elbo"] = "elbo"
    kl_weight: KlWeight = Constant()
    kl: KlTerm = PlainKl()

    def __call__(
        self, model: Vae, batch: Batch, weight: float, noise: Tensor, generator: Generator | None
    ) -> Loss:
        """Return the loss of a batch at KL weight `weight`; `noise` [B, latent_size], dropout by `generator`."""
        posterior = model.encoder(batch.tokens)
        kl_per_unit = posterior.kl_per_unit()
        reconstruction = model.decoder.reconstruction(batch.tokens, posterior.sample(noise), generator)
        loss = (reconstruction + weight * self.kl(kl_per_unit)).mean()
        return Loss(loss, reconstruction.detach().mean(), kl_per_unit.detach().sum(-1).mean())
