"""The journal of a sweep: one JSON object a line, only ever appended to; all else is derived from it."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

from trainables.base import VaeSweepError
from trainables.files import sync_folder, words, write_new
from vae_sweep.config.paths import pasted
from vae_sweep.journal.events import JournalEvent
from vae_sweep.journal.parsing import FormerMetrics, decode, parse


class JournalError(VaeSweepError):
    """A journal is absent, damaged, or cannot be written."""


class Position(NamedTuple):
    """How much of a journal was read, in whole lines."""

    bytes: int = 0
    lines: int = 0


START = Position()
_BUFFER = 1 << 18
"""Bytes that are read at once."""


class Journal:
    """The journal open for appending; opening cuts a torn last line off to a side file.

    `repaired` says what was cut, or is None; what was `read` before is not read again. Raises JournalError where
    the file cannot be opened or is damaged before its end.
    """

    def __init__(self, path: Path, read: Position = START) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                self.repaired = self._repair(read)
                sync_folder(path.parent)
            except BaseException:
                os.close(self._descriptor)
                raise
        except OSError as error:
            raise JournalError(words(error, path, "the journal cannot be opened")) from error

    def append(self, event: JournalEvent) -> None:
        """Write one event durably. Safe from any thread.

        Raises JournalError where it holds what JSON cannot, or the disk refuses; the file then ends as before.
        """
        try:
            content = json.dumps(event.model_dump(), allow_nan=False).encode() + b"\n"
        except (TypeError, ValueError) as error:
            raise JournalError(f"{self.path}: line of kind {event.kind} not written: {error}") from error
        with self._lock:
            self._write(content)

    def write(self, kind: str, **fields: Any) -> JournalEvent:
        """Write an event given by its kind and fields, and return it. Raises JournalError where none fits."""
        try:
            event = parse({"kind": kind, "time": time.time(), **fields})
        except ValueError as error:
            raise JournalError(f"{self.path}: line not written: {error}") from error
        self.append(event)
        return event

    def close(self) -> None:
        """Close the file; appending afterwards raises JournalError."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, content: bytes) -> None:
        if self._descriptor < 0:
            raise JournalError(f"{self.path}: the journal is closed; open it again")
        size = None
        try:
            size = os.fstat(self._descriptor).st_size
            if os.write(self._descriptor, content) < len(content):
                raise OSError(0, "only a part of the line was written, the disk is probably full")
            os.fsync(self._descriptor)
        except OSError as error:
            try:
                if size is not None:
                    os.ftruncate(self._descriptor, size)
            except OSError:
                os.close(self._descriptor)
                self._descriptor = -1
            raise JournalError(
                f"{self.path}: a line could not be written ({error.strerror}); what was written before is "
                "safe: make space or mend the storage, then run vae-sweep resume"
            ) from error

    def _repair(self, read: Position) -> str | None:
        tail = JournalTail(self.path, read)
        for _ in tail.read():
            pass
        with self.path.open("rb") as file:
            file.seek(tail.position.bytes)
            torn = file.read()
        if not torn:
            return None
        side = _write_side_file(self.path, torn)
        os.ftruncate(self._descriptor, tail.position.bytes)
        os.fsync(self._descriptor)
        number = tail.position.lines + 1
        return f"{self.path}: line {number} was torn; its {len(torn)} bytes were moved to {side.name}"


class JournalTail:
    """Reads the events that a journal gained since the last read; all of them again where it was replaced.

    `replaced` counts how often the file was another than before, or shorter.
    """

    def __init__(self, path: Path, position: Position = START) -> None:
        self.path, self.replaced = path, 0
        self._bytes, self._lines = position
        self._former = FormerMetrics()
        self._file: int | None = None

    @property
    def position(self) -> Position:
        """Return how much was read."""
        return Position(self._bytes, self._lines)

    def read(self) -> Iterator[JournalEvent]:
        """Yield what the new whole lines say; a torn last line waits.

        An event counts as read once the next one is asked for: who fails on it meets it again. Raises JournalError
        where the file cannot be read, or on a damaged line.
        """
        with self._opened() as file:
            self._notice(os.fstat(file.fileno()))
            file.seek(self._bytes)
            for raw in file:
                if not raw.endswith(b"\n"):
                    return
                try:
                    event = decode(raw)
                except (UnicodeDecodeError, json.JSONDecodeError) as error:
                    if not file.read(1):
                        return
                    raise self._damaged(f"not JSON ({error})") from error
                except ValueError as error:
                    raise self._damaged(str(error)) from error
                yield self._former.renamed(event)
                self._bytes += len(raw)
                self._lines += 1

    def unread(self) -> int:
        """Return how many lines are there to read, damaged or not."""
        with self._opened() as file:
            file.seek(self._bytes)
            return file.read().count(b"\n")

    @contextlib.contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            with self.path.open("rb", buffering=_BUFFER) as file:
                yield file
        except OSError as error:
            raise JournalError(words(error, self.path, "the journal cannot be read")) from error

    def _notice(self, found: os.stat_result) -> None:
        """Begin anew where the file is another one, or shorter than it was."""
        if self._file not in (None, found.st_ino) or found.st_size < self._bytes:
            self._bytes, self._lines, self._former = *START, FormerMetrics()
            self.replaced += 1
        self._file = found.st_ino

    def _damaged(self, problem: str) -> JournalError:
        return JournalError(f"{self.path}, line {self._lines + 1}: {problem}. {remedy(self.path)}")


def read_journal(path: Path) -> list[JournalEvent]:
    """Return the events of all whole lines; a torn last line is left out.

    Raises JournalError where the file is absent or damaged.
    """
    return list(JournalTail(path).read())


def remedy(path: Path) -> str:
    """Return what helps against a damaged journal."""
    return (
        f"The journal is the only record of the sweep: restore it from a copy, or run vae-sweep repair "
        f"{pasted(path.parent)}, which keeps a copy, and says what it cannot save"
    )


def _write_side_file(path: Path, torn: bytes) -> Path:
    number = 1
    while True:
        side = path.with_name(f"{path.name}.torn.{number}")
        with contextlib.suppress(FileExistsError):
            write_new(side, torn)
            return side
        number += 1
