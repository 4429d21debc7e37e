"""Sharing a phase: how a trial finds what another has trained; the service implements PhaseStore."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from torch import Tensor, device

from trainables.base import DivergedError
from trainables.measure.spec import Boundary
from trainables.model.vae import Vae
from trainables.training.phase import PhaseData, is_finished, run_phase
from trainables.training.report import EpochReport, StoreAnswer, StoreReport
from trainables.training.spec import PhaseSpec
from trainables.training.state import TrialState

_LOOK = 2.0
"""Seconds between two reports of a trial that waits."""

Shapes = dict[str, tuple[int, ...]]


def shapes_of(tensors: dict[str, Tensor]) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


class Claim(Protocol):
    """A trial's claim to the result of one phase; at most one living claim trains it."""

    def attempt(self, patience: float = 0.0) -> str | None:
        """Settle the claim within so many seconds and return None; else return who trains the phase now."""

    @property
    def damaged(self) -> Sequence[str]:
        """Return what was found unfit in the store, in words."""

    @property
    def settled(self) -> tuple[TrialState, str | None]:
        """Return how far a settled phase has come (over: ready; else ours to go on with), and why it diverged."""

    def keep(self, state: TrialState) -> None:
        """Store how far our training has come, for whoever takes over."""

    def publish(self, state: TrialState, diverged: str | None = None) -> None:
        """Store the phase's end for all who wait; the first to publish counts."""


class PhaseStore(Protocol):
    """Results of phases by key, each trained once."""

    def claim(
        self, phase: PhaseSpec, boundary: Boundary, shapes: Shapes, device: device
    ) -> AbstractContextManager[Claim]:
        """Return a claim to a phase's result on a device, units counted by `boundary`, weights of these shapes."""


def share_phase(
    store: PhaseStore, phase: PhaseSpec, model: Vae, data: PhaseData, state: TrialState, boundary: Boundary
) -> Iterator[tuple[EpochReport | StoreReport, TrialState]]:
    """Take a phase from the store, or train it there; the epochs reported and the end are the same.

    `state` is how far this trial has come by itself. A trial that waits for another reports so again and again, so
    that it can be ended there. Raises DivergedError where the phase diverged, here or
    with another trial.
    """
    shapes = shapes_of(model.state_dict())
    with store.claim(phase, boundary, shapes, next(model.parameters()).device) as claim:
        started, holder, waits_for = time.monotonic(), None, claim.attempt()
        while waits_for is not None:
            holder = waits_for
            yield StoreReport(key=phase.key(), event="waiting", holder=holder), state
            waits_for = claim.attempt(_LOOK)
        (found, diverged), seconds = claim.settled, time.monotonic() - started
        ready = diverged is not None or is_finished(phase, found.counters)
        if found.counters.epoch <= state.counters.epoch and not ready:
            found = state
        taken = found.history[len(state.history) :]
        yield _settled(phase.key(), claim, taken, holder, seconds if holder else 0.0, ready), state
        for report in taken:
            yield report.model_copy(update={"stored": True}), state if diverged is not None else found
        if diverged is not None:
            raise DivergedError(diverged)
        if not ready:
            yield from _train(claim, phase, model, data, found, boundary)


def _settled(
    key: str, claim: Claim, taken: Sequence[EpochReport], holder: str | None, seconds: float, ready: bool
) -> StoreReport:
    event: StoreAnswer = "miss" if not ready else "hit" if holder is None else "waited"
    saved = sum(report.numbers["train/seconds"] for report in taken)
    damaged = tuple(claim.damaged)
    return StoreReport(key=key, event=event, seconds=seconds, saved=saved, holder=holder, damaged=damaged)


def _train(
    claim: Claim, phase: PhaseSpec, model: Vae, data: PhaseData, state: TrialState, boundary: Boundary
) -> Iterator[tuple[EpochReport, TrialState]]:
    try:
        for report, reached in run_phase(phase, model, data, state, boundary):
            state = reached
            if is_finished(phase, state.counters):
                claim.publish(state)
            else:
                claim.keep(state)
            yield report, state
    except DivergedError as error:
        claim.publish(state, str(error))
        raise
