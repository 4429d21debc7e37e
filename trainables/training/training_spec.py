"""What a phase is trained with: the optimizer's settings, and learning-rate schedules as pure steps over state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from trainables.base import KeyedAs, Later, Spec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn
    from torch.optim import Optimizer


class PlateauState(Spec):
    """Where a plateau schedule stands; without a reference no loss was seen yet."""

    reference: float | None = None
    not_improved: int = 0
    decays: int = 0


class Plateau(Spec):
    """Multiply the rate by `factor` after `patience` epochs without improvement; stop after `decays`.

    An epoch is compared with the lowest loss since the last decay, at which the loss of that epoch becomes
    the reference, the best weights are reloaded and the optimizer is made anew (authors' code).
    There `first_reference` is 1e4: losses above it, of long documents, count as no improvement.
    """

    kind: Literal["plateau"] = "plateau"
    patience: PositiveInt = Field(2, description="epochs without improvement before a decay")
    first_decay_epoch: int = Field(15, ge=0, description="no decay before this epoch, counted from 0")
    decays: PositiveInt = Field(5, description="stop after this many")
    factor: float = Field(0.5, gt=0, lt=1, description="of the rate at a decay")
    first_reference: Annotated[PositiveFloat | None, Later(None)] = Field(
        None, description="nats, what the first epoch is compared with; none: it is better than nothing"
    )

    def rate(self, base: float, epoch: float, epochs: int, state: PlateauState) -> float:
        """Return the learning rate at a (fractional) epoch."""
        return base * self.factor**state.decays

    def after(self, loss: float, epoch: int, state: PlateauState) -> tuple[PlateauState, bool]:
        """Take an epoch's validation loss; return the next state, and whether a decay fell due."""
        reference = self.first_reference if state.reference is None else state.reference
        if reference is None or loss <= reference:
            return PlateauState(reference=loss, not_improved=0, decays=state.decays), False
        waited = state.not_improved + 1
        if waited >= self.patience and epoch >= self.first_decay_epoch:
            return PlateauState(reference=loss, not_improved=0, decays=state.decays + 1), True
        return PlateauState(reference=reference, not_improved=waited, decays=state.decays), False

    def done(self, state: PlateauState) -> bool:
        """Say whether the last decay has fallen."""
        return state.decays >= self.decays


class LinearDecay(Spec):
    """Hold the rate for the first part of the phase, then fall in a straight line to 0 at its end."""

    kind: Annotated[Literal["linear_decay"], KeyedAs("kind", "tail")] = "linear_decay"
    flat: float = Field(0.5, ge=0, le=1, description="share of the epochs at the full rate")

    def rate(self, base: float, epoch: float, epochs: int, state: PlateauState) -> float:
        """Return the learning rate at a (fractional) epoch."""
        left = epochs - epoch
        falling = epochs * (1 - self.flat)
        return base * max(0.0, min(1.0, left / falling)) if falling > 0 else base

    def after(self, loss: float, epoch: int, state: PlateauState) -> tuple[PlateauState, bool]:
        """Take an epoch's validation loss; nothing ever falls due."""
        return state, False

    def done(self, state: PlateauState) -> bool:
        """Say whether the schedule asks to stop before the last epoch: never."""
        return False


class CosineRestarts(Spec):
    """From the full rate along half a cosine towards 0 in each cycle of `period` epochs, one rate an epoch.

    At epoch e, counted from 0, the rate is multiplied by (1 + cos(π (e mod period) / period)) / 2: the schedule
    that Liu et al. 2019 run their cyclic annealing with (authors' code).
    """

    kind: Literal["cosine_restarts"] = "cosine_restarts"
    period: PositiveFloat = Field(10.0, description="epochs of a cycle")

    def rate(self, base: float, epoch: float, epochs: int, state: PlateauState) -> float:
        """Return the learning rate at a (fractional) epoch."""
        return base * 0.5 * (1 + math.cos(math.pi * (math.floor(epoch) % self.period) / self.period))

    def after(self, loss: float, epoch: int, state: PlateauState) -> tuple[PlateauState, bool]:
        """Take an epoch's validation loss; nothing ever falls due."""
        return state, False

    def done(self, state: PlateauState) -> bool:
        """Say whether the schedule asks to stop before the last epoch: never."""
        return False


Schedule = Annotated[Plateau | LinearDecay | CosineRestarts, Field(discriminator="kind")]
Optimizers = Literal["sgd", "adam"]


class TrainingSpec(Spec):
    """One phase's optimizer; the defaults are the paper's (appendix A), batch size and clip those of its code."""

    optimizer: Optimizers = "sgd"
    learning_rate: PositiveFloat = Field(0.5, description="at the start of the schedule")
    schedule: Annotated[Schedule, KeyedAs("course")] = Field(
        Plateau(), description="how the rate falls, and when the phase stops"
    )
    epochs: PositiveInt = Field(100, description="at most")
    batch_size: PositiveInt = Field(32, description="sentences, all of one length")
    clip: PositiveFloat = Field(5.0, description="largest L2 norm of the whole gradient")

    def build(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Return the optimizer over `parameters`, without history."""
        from torch.optim import SGD, Adam

        kind = SGD if self.optimizer == "sgd" else Adam
        return kind(parameters, lr=self.learning_rate)


class TrainingOverride(Spec):
    """What a method says of its training; the rest stays the sweep's."""

    optimizer: Optimizers
    learning_rate: PositiveFloat
    schedule: Schedule

    def over(self, training: TrainingSpec) -> TrainingSpec:
        """Return the sweep's training with the method's own fields in place."""
        return training.model_copy(update={name: getattr(self, name) for name in type(self).model_fields})
