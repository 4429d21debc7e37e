"""Updates: which parameters a batch moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveInt

from trainables.base import Spec

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn
    from torch.optim import Optimizer

    from trainables.model.vae import Vae
    from trainables.objective.bound import Elbo, Iwae, Loss
    from trainables.text.batches import Batch


class UpdatesState(Spec):
    """Where aggressive updates stand; joint ones have nothing to carry."""

    aggressive: bool = True
    information: float | None = Field(None, description="validation mutual information of the epoch before, nats")


def clip_gradient(parameters: Iterable[nn.Parameter], largest: float) -> None:
    """Scale the whole gradient in place so that its L2 norm is at most `largest`; parts may be sparse."""
    import torch

    values = []
    for parameter in parameters:
        if parameter.grad is not None:
            if parameter.grad.is_sparse:
                parameter.grad = parameter.grad.coalesce()
            values.append(parameter.grad._values() if parameter.grad.is_sparse else parameter.grad)
    norm = torch.nn.utils.get_total_norm(values)
    torch._foreach_mul_(values, (largest / (norm + 1e-6)).clamp_max(1.0))


@dataclass(frozen=True)
class StepContext:
    """What an epoch's steps share; `noise` draws z and dropout, `order` picks further batches."""

    model: Vae
    objective: Elbo | Iwae
    optimizer: Optimizer
    clip: float
    batches: Sequence[Batch]
    noise: Generator
    order: Generator

    def optimisation_step(self, batch: Batch, weight: float, still: nn.Module | None = None) -> Loss:
        """Take one step on a batch, the whole gradient clipped jointly; the part `still` is left as it is."""
        import torch

        shape = self.objective.noise_shape(batch.size, self.model.spec.latent_size)
        noise = torch.randn(shape, generator=self.noise, device=batch.tokens.device)
        loss = self.objective(self.model, batch, weight, noise, self.noise)
        self.optimizer.zero_grad(set_to_none=True)
        loss.loss.backward()  # type: ignore[no-untyped-call]
        clip_gradient(self.model.parameters(), self.clip)
        if still is not None:
            still.zero_grad(set_to_none=True)
        self.optimizer.step()
        return loss

    def any_batch(self) -> Batch:
        """Return one of the epoch's batches, each equally likely."""
        import torch

        return self.batches[int(torch.randint(len(self.batches), (), generator=self.order))]


class Joint(Spec):
    """Encoder and decoder move together."""

    kind: Literal["joint"] = "joint"

    def step(self, stepper: StepContext, batch: Batch, weight: float, state: UpdatesState) -> Loss:
        """Take a batch's step; return its loss."""
        return stepper.optimisation_step(batch, weight)

    def after(self, information: float, state: UpdatesState) -> UpdatesState:
        """Take an epoch's validation mutual information; nothing changes."""
        return state


class Aggressive(Spec):
    """Before each step of the decoder alone, steps of the encoder alone until it stops gaining (He et al. 2019).

    The inner loop compares its mean loss per word over windows of `window` steps and ends with the first that
    is worse than the one before, or after `longest` steps. From the epoch after which the validation mutual
    information has fallen, all steps are joint for good (He et al. 2019, algorithm 1).
    """

    kind: Literal["aggressive"] = "aggressive"
    window: PositiveInt = Field(15, description="encoder steps between two comparisons")
    longest: PositiveInt = Field(100, description="encoder steps at most for one of the decoder")

    def step(self, stepper: StepContext, batch: Batch, weight: float, state: UpdatesState) -> Loss:
        """Take a batch's steps; return the loss of the last, which is on the batch itself."""
        if not state.aggressive:
            return stepper.optimisation_step(batch, weight)
        self._encode(stepper, batch, weight)
        return stepper.optimisation_step(batch, weight, still=stepper.model.encoder)

    def after(self, information: float, state: UpdatesState) -> UpdatesState:
        """Take an epoch's validation mutual information; the first fall ends the aggressive steps.

        The first epoch has none before it. (The authors compare it with 0, about which the estimate of a code that
        holds nothing is spread by chance.)
        """
        fell = state.information is not None and information < state.information
        return UpdatesState(aggressive=state.aggressive and not fell, information=information)

    def _encode(self, stepper: StepContext, batch: Batch, weight: float) -> None:
        """Move the encoder alone: first on `batch`, then on any of the epoch's batches."""
        before, words = float("inf"), 0
        losses: list[Tensor] = []
        for step in range(1, self.longest + 1):
            loss = stepper.optimisation_step(batch, weight, still=stepper.model.decoder)
            losses.append(loss.loss.detach() * batch.size)
            words += batch.words
            if step % self.window == 0:
                now = float(sum(losses)) / words
                if now > before:
                    return
                before, losses, words = now, [], 0
            batch = stepper.any_batch()


Updates = Annotated[Joint | Aggressive, Field(discriminator="kind")]
