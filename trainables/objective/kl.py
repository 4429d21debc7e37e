"""The KL term of the objective: plain, or clamped by free bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveFloat

from trainables.base import Spec

if TYPE_CHECKING:
    from torch import Tensor

Form = Literal["max", "mask"]
"""How the KL is clamped: max(threshold, KL), or the KL where it exceeds the threshold and else nothing."""

Per = Literal["sentence", "batch"]
"""Whose KL meets the threshold: each sentence's own (authors' --fb 1 and 2), or the batch mean (their --fb 3)."""


def clamped(kl: Tensor, threshold: float, form: Form, per: Per) -> Tensor:
    """Clamp `kl` [B, ...] from below at `threshold`, each sentence by its own value or all by the batch mean.

    `max` gives max(threshold, kl); `mask` gives kl where it exceeds the threshold and 0 elsewhere: the
    same gradient, a value without the constant (authors' code).
    """
    level = kl if per == "sentence" else kl.mean(0, keepdim=True).expand_as(kl)
    above = level > threshold
    below = threshold if form == "max" else 0.0
    return (kl * above).where(above, kl.new_tensor(below))


class PlainKl(Spec):
    """Σ_i KL_i."""

    kind: Literal["plain"] = "plain"

    def __call__(self, kl_per_unit: Tensor) -> Tensor:
        """Return the term for each sentence: [B, latent_size] -> [B], nats."""
        return kl_per_unit.sum(-1)


class FreeBits(Spec):
    """Σ_i max(λ/n_z, KL_i): a threshold for each unit (FB; paper, eq. 1, with λ the total of its tables)."""

    kind: Literal["free_bits"] = "free_bits"
    target_rate: PositiveFloat = Field(8.0, description="λ, nats, total over units")
    form: Form = Field("max", description="max(threshold, KL), or its mask: the same gradient, no constant below")
    per: Per = Field("sentence", description="whose KL meets the threshold: each sentence's, or the batch mean")

    def __call__(self, kl_per_unit: Tensor) -> Tensor:
        """Return the term for each sentence: [B, latent_size] -> [B], nats."""
        threshold = self.target_rate / kl_per_unit.shape[-1]
        return clamped(kl_per_unit, threshold, self.form, self.per).sum(-1)


class FreeBitsTotal(Spec):
    """max(λ, Σ_i KL_i): one threshold for the whole KL (FBP; paper, section 2.2)."""

    kind: Literal["free_bits_total"] = "free_bits_total"
    target_rate: PositiveFloat = Field(8.0, description="λ, nats, total over units")
    form: Form = Field("max", description="max(threshold, KL), or its mask: the same gradient, no constant below")
    per: Per = Field("sentence", description="whose KL meets the threshold: each sentence's, or the batch mean")

    def __call__(self, kl_per_unit: Tensor) -> Tensor:
        """Return the term for each sentence: [B, latent_size] -> [B], nats."""
        return clamped(kl_per_unit.sum(-1), self.target_rate, self.form, self.per)


KlTerm = Annotated[PlainKl | FreeBits | FreeBitsTotal, Field(discriminator="kind")]
