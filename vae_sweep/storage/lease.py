"""Leases: one living owner of a name, known by its heartbeat, replaced when it is dead.

The leases of a name are the files `<name>.<n>`; the one with the highest number counts. Each is made with O_EXCL,
so that of all who find number n dead one alone makes n+1; whoever then finds that n has changed or gone saw it
before others took and forgot later numbers, and lets go. A lease is alive while its content changes, judged by the
watcher's own clock: clocks of other machines are never compared. An owner in the same place whose process is gone
is dead at once. An owner knows its lease by the nonce, and one that slept finds out with its next beat.
"""

import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from trainables import files
from trainables.base import Spec
from vae_sweep.storage.process_identity import process_birth, process_place

BEAT = 2.0
"""Seconds between two heartbeats."""

PATIENCE = 30.0
"""Seconds without a heartbeat after which an owner elsewhere counts as dead."""


class Owner(Spec):
    """Who holds a lease: `place` names machine, boot and process namespace, `born` its start in ticks."""

    name: str
    host: str
    place: str
    process: int
    born: str
    since: float
    nonce: str
    beat: int = 0
    released: bool = False

    @property
    def here(self) -> bool:
        """Say whether the owner's process could be seen from here if it lived."""
        return self.place == process_place()

    @property
    def gone(self) -> bool:
        """Say whether the owner is known to be dead, or has let go."""
        return self.released or (self.here and process_birth(self.process) != self.born)

    @property
    def age(self) -> float:
        """Return for how many seconds the lease has been held, by the clocks of the machines."""
        return max(0.0, time.time() - self.since)


@dataclass(frozen=True)
class LeaseReading:
    """A lease file as it was read; `owner` is None where it cannot be parsed (it may be half written)."""

    number: int
    content: bytes
    owner: Owner | None


def newest(base: Path) -> LeaseReading | None:
    """Return the lease of a name that counts, or None where there is none."""
    while (number := max(_numbers(base), default=None)) is not None:
        if (seen := _seen(base, number)) is not None:
            return seen
    return None


class Watch:
    """Watches the leases of one name until one can be taken; `patience` in seconds of the watcher's clock.

    A lease that it takes beats every `beat` seconds, and is signed with the time of `wall` and with `place`.
    """

    def __init__(
        self,
        base: Path,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        *,
        beat: float = BEAT,
        wall: Callable[[], float] = time.time,
        place: str | None = None,
    ) -> None:
        self.beat = beat
        self._base, self._patience, self._clock, self._wall = base, patience, clock, wall
        self._place = process_place() if place is None else place
        self._last: LeaseReading | None = None
        self._changed = clock()

    def look(self) -> LeaseReading | None:
        """Return the lease that stands in the way now, or None where one may be taken."""
        seen = newest(self._base)
        if seen is None or (seen.owner is not None and seen.owner.gone):
            return None
        if self._last is None or (seen.number, seen.content) != (self._last.number, self._last.content):
            self._last, self._changed = seen, self._clock()
        return None if self._clock() - self._changed >= self._patience else seen

    def take(self, name: str) -> "Lease | None":
        """Take the lease where nobody living holds it; None where somebody does, or was quicker."""
        before = newest(self._base)
        if self.look() is not None:
            return None
        owner = Owner(
            name=name,
            host=socket.gethostname(),
            place=self._place,
            process=os.getpid(),
            born=process_birth(os.getpid()) or "",
            since=self._wall(),
            nonce=secrets.token_hex(8),
        )
        number = before.number + 1 if before else 1
        if not _made(_file(self._base, number), owner):
            return None
        numbers = _numbers(self._base)
        if max(numbers, default=0) != number or (before and _seen(self._base, before.number) != before):
            _file(self._base, number).unlink(missing_ok=True)
            return None
        for old in numbers:
            if old < number:
                _file(self._base, old).unlink(missing_ok=True)
        return Lease(self._base, number, owner, self.beat)


class Lease:
    """A lease that this process holds; beats until it is released. `lost` says that another took it over."""

    def __init__(self, base: Path, number: int, owner: Owner, beat: float = BEAT) -> None:
        self._base, self._number, self._owner, self._pause = base, number, owner, beat
        self.lost = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease of {owner.name}", daemon=True)
        self._thread.start()

    @property
    def nonce(self) -> str:
        """Return what names this lease and no other."""
        return self._owner.nonce

    @property
    def held(self) -> bool:
        """Look whether the lease is still ours; once it is not it is lost for good."""
        if not self.lost and not self._is_ours(newest(self._base)):
            self.lost = True
            if self._is_ours(_seen(self._base, self._number)):
                _file(self._base, self._number).unlink(missing_ok=True)
        return not self.lost

    def release(self, *, forget: bool = False) -> None:
        """Let go; `forget` removes the file, for names that nobody will ask for again."""
        self._end.set()
        self._thread.join()
        # on a disk that refuses even this, the lease ends with its beats
        with contextlib.suppress(OSError, files.StorageError):
            if self.held and (forget or not self._wrote({"released": True})):
                _file(self._base, self._number).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _is_ours(self, seen: LeaseReading | None) -> bool:
        return seen is not None and seen.owner is not None and seen.owner.nonce == self._owner.nonce

    def _beat(self) -> None:
        while not self._end.wait(self._pause) and not self.lost:
            self._wrote({"beat": self._owner.beat + 1})

    def _wrote(self, change: dict[str, Any]) -> bool:
        """Write a change of the lease where it is still ours; False where that fails.

        What a full or absent disk refuses is a missed beat: after some of them others take over.
        """
        self._owner = self._owner.model_copy(update=change)
        try:
            if self.held:
                files.write_whole(_file(self._base, self._number), self._owner.model_dump_json().encode())
        except (OSError, files.StorageError):
            return False
        return True


def _made(path: Path, owner: Owner) -> bool:
    """Make a lease file; False where there is one already."""
    files.make_folder(path.parent)
    try:
        files.write_new(path, owner.model_dump_json().encode())
    except FileExistsError:
        return False
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True


def _file(base: Path, number: int) -> Path:
    return base.with_name(f"{base.name}.{number}")


def _seen(base: Path, number: int) -> LeaseReading | None:
    try:
        content = files.content(_file(base, number))
    except FileNotFoundError:
        return None
    try:
        return LeaseReading(number, content, Owner.model_validate_json(content))
    except ValidationError:
        return LeaseReading(number, content, None)


def _numbers(base: Path) -> list[int]:
    try:
        names = [entry.name for entry in files.entries(base.parent)]
    except FileNotFoundError:
        return []
    ends = (name.removeprefix(f"{base.name}.") for name in names if name.startswith(f"{base.name}."))
    return [int(end) for end in ends if end.isascii() and end.isdigit()]
