"""KL weights β: pure functions of the (fractional) epoch."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from trainables.base import Spec


class Constant(Spec):
    """The same weight always; 0 trains an autoencoder, 1 a VAE."""

    kind: Literal["constant"] = "constant"
    weight: float = Field(1.0, ge=0, le=1)

    def __call__(self, epoch: float) -> float:
        """Return β at `epoch`."""
        return self.weight


class Linear(Spec):
    """From `start` to 1 in a straight line over `epochs`, then 1 (Bowman et al. 2016; paper, section 4.1)."""

    kind: Literal["linear"] = "linear"
    start: float = Field(0.0, ge=0, le=1)
    epochs: PositiveFloat = 10.0

    def __call__(self, epoch: float) -> float:
        """Return β at `epoch`."""
        return min(1.0, self.start + (1 - self.start) * epoch / self.epochs)


KlWeight = Annotated[Constant | Linear, Field(discriminator="kind")]
