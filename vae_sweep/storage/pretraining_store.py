"""The pretraining store: each autoencoder is trained once, by whoever comes first, for all who need it."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import torch

from trainables.base import StateError
from trainables.files import is_there, move
from trainables.measure.spec import Boundary
from trainables.storage_paths import PlaceError, S3Place, StoragePath, contents, delete, read, write
from trainables.training.phase import is_finished
from trainables.training.sharing import Shapes, shapes_of
from trainables.training.spec import PhaseSpec
from trainables.training.state import STATE_FILE, TrialState, load_state, save_state
from vae_sweep.storage.lease import PATIENCE, Lease, LeaseReading, Watch, newest
from vae_sweep.storage.pretraining_entry import (
    MANIFEST_FILE,
    Environment,
    address,
    environment_of,
    is_stored,
    read_entry,
    write_entry,
)

_POLL = 0.5
"""Seconds between two looks at a pretraining that another trial computes."""


_Found = tuple[TrialState, str | None]
"""How far a phase has come, and why it diverged if it did."""


@dataclass
class StoreClaim:
    """One trial's claim to one phase; it waits, trains and publishes under a lease.

    `damaged` names what was found unfit and was set aside or passed over.
    """

    folder: StoragePath
    phase: PhaseSpec
    environment: Environment
    shapes: Shapes
    owner: str
    watch: Watch
    damaged: list[str] = field(default_factory=list)
    lease: Lease | None = None
    found: _Found | None = None

    def attempt(self, patience: float = 0.0) -> str | None:
        """Take what is stored, or the right to train it; return who trains it where neither can be had in time."""
        until = time.monotonic() + patience
        while (holder := self._attempt()) is not None and time.monotonic() < until:
            time.sleep(_POLL)
        return holder

    @property
    def settled(self) -> _Found:
        """Return what a settled claim found."""
        if self.found is None:
            raise RuntimeError("a claim is settled by an attempt that returns None")
        return self.found

    def keep(self, state: TrialState) -> None:
        """Store a state of our training, unless another took over; the others go when it is safe on disk."""
        if self.lease is None or not self.lease.held:
            return
        place = self._progress / f"{state.counters.epoch:06d}"
        save_state(place, self._key, state)
        for old in self._kept():
            if old != place:
                _remove(old)

    def publish(self, state: TrialState, diverged: str | None = None) -> None:
        """Write the entry; the first to publish counts."""
        write_entry(self.folder, self.phase, self.environment, state, diverged, self.owner)
        if self.lease is not None and self.lease.held:
            _remove(self._progress)

    def close(self) -> None:
        """Let go of the lease, if it is held."""
        if self.lease is not None:
            try:
                ready = is_stored(self.folder)
            except PlaceError:
                ready = False  # the lease must go all the same; as with one that is not ready, its file stays
            self.lease.release(forget=ready)

    def _attempt(self) -> str | None:
        while True:
            self.found = self._stored()
            if self.found is None:
                self.lease = self.watch.take(self.owner)
                self.found = self._ours() if self.lease is not None else None
            if self.found is not None:
                return None
            if (seen := self.watch.look()) is not None:
                return seen.owner.name if seen.owner else "another trial"

    @property
    def _key(self) -> str:
        """Name a state in progress: by its phase, and by its address."""
        return f"{self.phase.key()}@{self.folder.name}"

    @property
    def _progress(self) -> StoragePath:
        return self.folder.with_name(f"{self.folder.name}.progress")

    def _kept(self) -> list[StoragePath]:
        return [found.place for found in reversed(contents(self._progress))]

    def _stored(self) -> _Found | None:
        try:
            return read_entry(self.folder, self.phase, self.environment, self.shapes)
        except StateError:
            return None  # judged again, and named, by whoever holds the lease

    def _ours(self) -> _Found:
        """Return what there is now that we alone write; a damaged entry gives way, what is over is published."""
        try:
            found = read_entry(self.folder, self.phase, self.environment, self.shapes)
        except StateError as error:
            found = None
            if (aside := set_aside(self.folder)) is not None:
                self.damaged.append(f"{error}; set aside as {aside.name}, trained again")
        if found is not None:
            return found
        state = self._newest_progress()
        if is_finished(self.phase, state.counters):
            self.publish(state)
        return state, None

    def _newest_progress(self) -> TrialState:
        for place in self._kept():
            try:
                return self._sound_state(place)
            except StateError as error:
                self.damaged.append(str(error))
        return TrialState()

    def _sound_state(self, place: StoragePath) -> TrialState:
        state = load_state(place, self._key)
        if (
            len(state.history) != state.counters.epoch
            or not shapes_of(state.model) == shapes_of(state.best) == self.shapes
        ):
            raise StateError(f"{place}: its epochs, reports and weights do not belong together")
        return state


class Heir(Watch):
    """The watch of a trial that may have held the lease itself, in an earlier start that its driver has given up.

    That start may live on, beating, where its node is cut off from the driver and not from the storage.
    """

    def __init__(self, base: Path, patience: float, name: str) -> None:
        super().__init__(base, patience)
        seen = newest(base)
        self._former = seen.owner.nonce if seen and seen.owner and seen.owner.name == name else None

    def look(self) -> LeaseReading | None:
        """Return the lease that stands in the way; that of the earlier start does not."""
        seen = super().look()
        return None if seen and seen.owner and seen.owner.nonce == self._former else seen


@dataclass(frozen=True)
class PretrainedStore:
    """The store in `directory`, as the trial `owner` sees it; `patience` in seconds, see the leases.

    With `objects` the entries and their progress lie there; the leases are always in the directory.
    """

    directory: Path
    owner: str
    patience: float = PATIENCE
    objects: StoragePath | None = None

    @contextmanager
    def claim(
        self, phase: PhaseSpec, boundary: Boundary, shapes: Shapes, device: torch.device
    ) -> Iterator[StoreClaim]:
        """Yield a claim to a phase's result; its lease is released at the end."""
        environment = environment_of(device, torch.get_num_threads(), boundary)
        name = address(phase, environment)
        folder = (self.objects or self.directory) / name
        watch = Heir(self.directory / f"{name}.lease", self.patience, self.owner)
        claim = StoreClaim(folder, phase, environment, shapes, self.owner, watch)
        try:
            yield claim
        finally:
            claim.close()


def store_for(directory: Path, sweep: str, trial: str, objects: StoragePath | None = None) -> PretrainedStore:
    """Return the store as a trial of a sweep sees it; its entries lie in `objects`, else in the directory."""
    return PretrainedStore(directory, f"{sweep}/{trial}", objects=objects)


def set_aside(folder: StoragePath) -> StoragePath | None:
    """Move what is damaged out of the way; return its new place, None where it has gone by itself."""
    if isinstance(folder, S3Place):
        taken = {found.name for found in contents(folder.parent)}
        names = (f"{folder.name}.damaged.{number}" for number in count(1))
        target = folder.with_name(next(name for name in names if name not in taken))
        for found in contents(folder):
            write(target / found.name, read(found.place))
        delete(folder, first=(MANIFEST_FILE,))
        return target
    places = (folder.with_name(f"{folder.name}.damaged.{number}") for number in count(1))
    try:
        return move(folder, next(place for place in places if not is_there(place)))
    except FileNotFoundError:
        return None


def _remove(folder: StoragePath) -> None:
    """Delete a state in progress; on disk what cannot be deleted is left to gc."""
    if isinstance(folder, S3Place):
        delete(folder, first=(STATE_FILE,))
    else:
        shutil.rmtree(folder, ignore_errors=True)
