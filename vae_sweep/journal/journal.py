"""The journal of a sweep: one JSON object a line, only ever appended to; all else is derived from it."""

import contextlib
import json
import os
import threading
import time
from pathlib import Path
from typing import Any, Self

from trainables.base import VaeSweepError
from trainables.files import sync_folder, words, write_new
from vae_sweep.config.paths import pasted
from vae_sweep.journal.events import JournalEvent
from vae_sweep.journal.parsing import FormerMetrics, decode, parse


class JournalError(VaeSweepError):
    """A journal is absent, damaged, or cannot be written."""


class Journal:
    """The journal open for appending; opening cuts a torn last line off to a side file.

    `repaired` says what was cut, or is None. Raises JournalError where the file cannot be opened or is
    damaged before its end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                self.repaired = self._repair()
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

    def _repair(self) -> str | None:
        content = self.path.read_bytes()
        lines, sound = decode_lines(content, self.path)
        torn = content[sound:]
        if not torn:
            return None
        side = _write_side_file(self.path, torn)
        os.ftruncate(self._descriptor, sound)
        os.fsync(self._descriptor)
        return f"{self.path}: line {len(lines) + 1} was torn; its {len(torn)} bytes were moved to {side.name}"


class JournalTail:
    """Reads the events that a journal gained since the last read."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset, self._count = path, 0, 0
        self._former = FormerMetrics()

    def read(self) -> list[JournalEvent]:
        """Return the new whole lines; a torn last line waits. Raises JournalError on a damaged one."""
        events, sound = decode_lines(self._rest(), self._path, self._count)
        self._offset += sound
        self._count += len(events)
        return [self._former.renamed(event) for event in events]

    def unread(self) -> int:
        """Return how many lines are there to read, damaged or not."""
        return self._rest().count(b"\n")

    def _rest(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._offset:
                    raise JournalError(f"{self._path}: the journal is shorter than it was; was it replaced?")
                file.seek(self._offset)
                return file.read()
        except OSError as error:
            raise JournalError(words(error, self._path, "the journal cannot be read")) from error


def read_journal(path: Path) -> list[JournalEvent]:
    """Return the events of all whole lines; a torn last line is left out.

    Raises JournalError where the file is absent or damaged.
    """
    return JournalTail(path).read()


def decode_lines(content: bytes, path: Path, before: int = 0) -> tuple[list[JournalEvent], int]:
    """Return the events of a piece of a journal and the number of bytes they take.

    What follows them is torn: bytes without a newline, or a last line that is no JSON. Raises JournalError where
    any other line cannot be used; `before` lines stand in front of the piece.
    """
    *whole, rest = content.split(b"\n")
    events: list[JournalEvent] = []
    sound = 0
    for number, raw in enumerate(whole, start=before + 1):
        try:
            events.append(decode(raw))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            if len(events) == len(whole) - 1 and not rest:
                break
            raise _damaged(path, number, f"not JSON ({error})") from error
        except ValueError as error:
            raise _damaged(path, number, str(error)) from error
        sound += len(raw) + 1
    return events, sound


def _damaged(path: Path, number: int, problem: str) -> JournalError:
    return JournalError(f"{path}, line {number}: {problem}. {remedy(path)}")


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
