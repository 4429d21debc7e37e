"""KL weights β: pure functions of the (fractional) epoch.

Each is called with `step_ratio`, the steps of an epoch over those of full batches alone (at least 1): batches of
equal lengths leave remainders, so an epoch has more steps than sentences / batch size.
"""

import math
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from trainables.base import Spec

Pace = Literal["epochs", "full_batches"]


class Constant(Spec):
    """The same weight always; 0 trains an autoencoder, 1 a VAE."""

    kind: Literal["constant"] = "constant"
    weight: float = Field(1.0, ge=0, le=1)

    def __call__(self, epoch: float, step_ratio: float = 1.0) -> float:
        """Return β at `epoch`."""
        return self.weight


class Linear(Spec):
    """From `start` to 1 in a straight line over `epochs`, then 1 (Bowman et al. 2016; paper, section 2.4)."""

    kind: Literal["linear"] = "linear"
    start: float = Field(0.0, ge=0, le=1)
    epochs: float = Field(10.0, ge=0, description="until the weight is 1; 0: it is 1 from the start")
    pace: Pace = Field(
        "epochs",
        description="an epoch of the ramp: all steps of an epoch, or as many as full batches (authors' code)",
    )

    def __call__(self, epoch: float, step_ratio: float = 1.0) -> float:
        """Return β at `epoch`; the authors count sentences / batch size steps an epoch, so they end earlier."""
        passed = epoch * step_ratio if self.pace == "full_batches" else epoch
        return self.start + (1 - self.start) * passed / self.epochs if passed < self.epochs else 1.0


class Cyclic(Spec):
    """Cycles of `period` epochs: from `start` to 1 in the first `ratio` of each, then 1 (Liu et al. 2019)."""

    kind: Literal["cyclic"] = "cyclic"
    period: PositiveFloat = Field(10.0, description="epochs of a cycle")
    ratio: float = Field(0.5, gt=0, le=1, description="share of a cycle that rises")
    start: float = Field(0.1, ge=0, le=1)

    def __call__(self, epoch: float, step_ratio: float = 1.0) -> float:
        """Return β at `epoch`; a cycle's last moment still belongs to it."""
        position = epoch - self.period * max(0, math.ceil(epoch / self.period) - 1)
        return min(1.0, self.start + (1 - self.start) * position / (self.ratio * self.period))


KlWeight = Annotated[Constant | Linear | Cyclic, Field(discriminator="kind")]
