"""The pretraining store: each autoencoder is trained once, by whoever comes first, for all who need it."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from trainables.base import StateError
from trainables.measure.spec import Boundary
from trainables.training.sharing import Shapes
from trainables.training.spec import PhaseSpec
from trainables.training.state import TrialState, load_state, save_state
from vae_sweep.store.entry import Environment, address, environment_of, read_entry, write_entry
from vae_sweep.store.lease import PATIENCE, Lease, Watch

POLL = 0.5
"""Seconds between two looks at a pretraining that another trial computes."""

STORE_FOLDER = "pretrained"
"""Name of the store inside a storage directory."""


@dataclass
class StoreClaim:
    """One trial's claim to one phase; it waits, trains and publishes under a lease.

    `damaged` names what was found unfit and was set aside.
    """

    folder: Path
    phase: PhaseSpec
    environment: Environment
    shapes: Shapes
    owner: str
    watch: Watch
    damaged: list[str]
    lease: Lease | None = None

    @property
    def holder(self) -> str | None:
        """Return who trains the phase now; None where nobody does, or it is ready."""
        if self.folder.is_dir():
            return None
        seen = self.watch.look()
        return (seen.owner.name if seen.owner else "another trial") if seen else None

    def settle(self) -> tuple[TrialState, str | None, float]:
        """Wait until the phase is stored, or is ours to go on with; as `sharing.Claim` has it."""
        started = time.monotonic()
        while True:
            if (found := self._stored()) is not None:
                return (*found, time.monotonic() - started)
            self.lease = self.watch.take(self.owner)
            if self.lease is not None:
                break
            time.sleep(POLL)
        waited = time.monotonic() - started
        if (found := self._stored()) is not None:
            return (*found, waited)
        return self._newest_progress(), None, waited

    def keep(self, state: TrialState) -> None:
        """Store a state of our training; the one before goes when it is safe on disk."""
        place = self._progress / f"{state.counters.epoch:06d}"
        save_state(place, self._address, state)
        for old in self._kept():
            if old != place:
                shutil.rmtree(old, ignore_errors=True)

    def publish(self, state: TrialState, diverged: str | None = None) -> None:
        """Write the entry; the first to publish counts."""
        write_entry(self.folder, self.phase, self.environment, state, diverged, self.owner)
        shutil.rmtree(self._progress, ignore_errors=True)

    def close(self) -> None:
        """Let go of the lease, if it is held."""
        if self.lease is not None:
            self.lease.release(forget=self.folder.is_dir())

    @property
    def _address(self) -> str:
        return self.folder.name

    @property
    def _progress(self) -> Path:
        return self.folder.with_name(f"{self._address}.progress")

    def _kept(self) -> list[Path]:
        return sorted(self._progress.iterdir(), reverse=True) if self._progress.is_dir() else []

    def _newest_progress(self) -> TrialState:
        for place in self._kept():
            try:
                state = load_state(place, self._address)
            except StateError as error:
                self.damaged.append(str(error))
                continue
            if len(state.history) == state.counters.epoch:
                return state
        return TrialState()

    def _stored(self) -> tuple[TrialState, str | None] | None:
        try:
            return read_entry(self.folder, self.phase, self.environment, self.shapes)
        except StateError as error:
            if self.folder.is_dir():
                self.damaged.append(f"{error}; set aside as {set_aside(self.folder).name}, trained again")
            return None


@dataclass(frozen=True)
class PretrainedStore:
    """The store in `directory`, as the trial `owner` sees it; `patience` in seconds, see the leases."""

    directory: Path
    owner: str
    patience: float = PATIENCE

    @contextmanager
    def claim(
        self, phase: PhaseSpec, boundary: Boundary, shapes: Shapes, device: torch.device
    ) -> Iterator[StoreClaim]:
        """Yield a claim to a phase's result; its lease is released at the end."""
        environment = environment_of(device, torch.get_num_threads(), boundary)
        folder = self.directory / address(phase, environment)
        watch = Watch(folder.with_name(f"{folder.name}.lease"), self.patience)
        claim = StoreClaim(folder, phase, environment, shapes, self.owner, watch, [])
        try:
            yield claim
        finally:
            claim.close()


def store_for(directory: Path, sweep: str, trial: str) -> PretrainedStore:
    """Return the store as a trial of a sweep sees it."""
    return PretrainedStore(directory, f"{sweep}/{trial}")


def set_aside(folder: Path) -> Path:
    """Rename a damaged entry out of the way; return its new place, which may be another's doing."""
    number = 1
    while (aside := folder.with_name(f"{folder.name}.damaged.{number}")).exists():
        number += 1
    try:
        folder.rename(aside)
    except FileNotFoundError:
        return aside
    return aside
