"""The journal of a sweep: one JSON object a line, only ever appended to; all else is derived from it."""

import contextlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from types import NoneType
from typing import Any, Self

from trainables.base import VaeSweepError
from trainables.files import sync_folder, words, write_new
from vae_sweep.config.paths import pasted

Line = dict[str, Any]

_NAMED: dict[str, tuple[type, ...]] = {"trial": (str,)}
_PLACED = _NAMED | {"numbers": (dict,), "checkpoint": (str, NoneType)}
KINDS: dict[str, dict[str, tuple[type, ...]]] = {
    "launch": {
        "sweep": (str,),
        "attempt": (int,),
        "spec": (dict,),
        "versions": (dict,),
        "git_commit": (str, NoneType),
        "corpus": (dict,),
        "remarks": (list, NoneType),
        "data_directory": (str, NoneType),
        "keys_version": (int, NoneType),
        "lease": (str, NoneType),
    },
    "cell": {"cell": (int,), "method": (str,), "values": (dict,)},
    "trial": _NAMED
    | {"cell": (int,), "seed": (int,), "method": (str,), "values": (dict,), "attempt": (int,), "spec": (dict,)},
    "epoch": _PLACED | {"phase": (str,), "epoch": (int,)},
    "final": _PLACED
    | {"outcome": (str,), "reason": (str, NoneType), "error": (str, NoneType), "evaluation": (str, NoneType)},
    "store": _NAMED | {"key": (str,), "event": (str,), "seconds": (int, float), "saved": (int, float)},
    "rung": _NAMED | {"epoch": (int,), "numbers": (dict,), "collapsed": (str, NoneType)},
    "scored": _NAMED | {"numbers": (dict,), "evaluation": (str, NoneType), "settings": (dict, NoneType)},
    "probed": _NAMED | {"numbers": (dict,), "probes": (list,), "texts": (str, NoneType)},
    "unscored": _NAMED | {"reason": (str,)},
    "lost": _NAMED | {"reason": (str,)},
    "nodes": {"nodes": (list,), "warnings": (list,)},
    "repaired": {"text": (str,)},
    "changed": {"by": (str,), "texts": (list,)},
    "warm": {"sweep": (str,), "cells": (list,)},
    "end": {"outcome": (str,), "reason": (str, NoneType)},
}
"""Kind of line -> its fields and their types; a line may hold more."""


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

    def append(self, kind: str, **fields: Any) -> Line:
        """Write one line durably and return it with its time (unix seconds). Safe from any thread.

        Raises JournalError where the fields are not those of the kind, a number is not finite, or the disk
        refuses; the file then ends as it did before.
        """
        line: Line = {"kind": kind, "time": time.time(), **fields}
        if problem := problem_of(line):
            raise JournalError(f"{self.path}: line not written: {problem}")
        try:
            content = json.dumps(line, allow_nan=False).encode() + b"\n"
        except (TypeError, ValueError) as error:
            raise JournalError(f"{self.path}: line of kind {kind} not written: {error}") from error
        with self._lock:
            self._write(content)
        return line

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
        size = os.fstat(self._descriptor).st_size
        try:
            if os.write(self._descriptor, content) < len(content):
                raise OSError(0, "only a part of the line was written, the disk is probably full")
            os.fsync(self._descriptor)
        except OSError as error:
            try:
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
    """Reads the lines that a journal gained since the last read."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset, self._count = path, 0, 0

    def read(self) -> list[Line]:
        """Return the new whole lines; a torn last line waits. Raises JournalError on a damaged one."""
        lines, sound = decode_lines(self._rest(), self._path, self._count)
        self._offset += sound
        self._count += len(lines)
        return lines

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


def read_journal(path: Path) -> list[Line]:
    """Return all whole lines; a torn last line is left out. Raises JournalError where it is absent or damaged."""
    return JournalTail(path).read()


def decode_lines(content: bytes, path: Path, before: int = 0) -> tuple[list[Line], int]:
    """Return the lines of a piece of a journal and the number of bytes they take.

    What follows them is torn: bytes without a newline, or a last line that is no JSON object. Raises
    JournalError where any other line cannot be used; `before` lines stand in front of the piece.
    """
    *whole, rest = content.split(b"\n")
    lines: list[Line] = []
    sound = 0
    for number, raw in enumerate(whole, start=before + 1):
        try:
            line = json.loads(raw.decode(), parse_constant=_refuse)
            problem = problem_of(line)
        except ValueError as error:
            if len(lines) == len(whole) - 1 and not rest:
                break
            problem = f"not JSON ({error})"
        if problem:
            raise JournalError(f"{path}, line {number}: {problem}. {remedy(path)}")
        lines.append(line)
        sound += len(raw) + 1
    return lines, sound


def remedy(path: Path) -> str:
    """Return what helps against a damaged journal."""
    return (
        f"The journal is the only record of the sweep: restore it from a copy, or run vae-sweep repair "
        f"{pasted(path.parent)}, which keeps a copy, and says what it cannot save"
    )


def problem_of(line: object) -> str | None:
    """Return why something read from JSON is no line of a journal, None where it is one."""
    if not isinstance(line, dict):
        return "not a JSON object"
    kind, moment = line.get("kind"), line.get("time")
    if not isinstance(kind, str) or kind not in KINDS:
        return f"unknown kind {kind!r}; known: {', '.join(KINDS)} (was it written by a newer version?)"
    if not _is_number(moment):
        return f"time of a {kind} line is {moment!r}, not unix seconds"
    for name, types in KINDS[kind].items():
        if name not in line and NoneType not in types:
            return f"a {kind} line without {name}"
        if not isinstance(line.get(name), types):
            allowed = " or ".join("null" if each is NoneType else each.__name__ for each in types)
            return f"{name} of a {kind} line is {line[name]!r}; allowed is {allowed}"
    for key, value in line["numbers"].items() if "numbers" in KINDS[kind] else ():
        if value is not None and not _is_number(value):
            return f"{key} of a {kind} line of trial {line['trial']} is {value!r}, not a finite number"
    return None


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a JSON number")


def _write_side_file(path: Path, torn: bytes) -> Path:
    number = 1
    while True:
        side = path.with_name(f"{path.name}.torn.{number}")
        with contextlib.suppress(FileExistsError):
            write_new(side, torn)
            return side
        number += 1
