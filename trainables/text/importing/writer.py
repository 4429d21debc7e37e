"""One split of an imported corpus, written line by line, and the record beside the three."""

import gzip
import os
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from trainables.base import Spec
from trainables.text.layout import hex_digest

RECORD = "IMPORT.json"
_LEVEL = 6


class TableRecord(Spec):
    """A table that was read: the split that it was read for, its name without folders, its bytes and sha256."""

    split: str
    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, split: str, table: Path, file: Path) -> "TableRecord":
        """Return the record of a file, which is the table or lies in its folder."""
        name = table.name if file == table else f"{table.name}/{file.name}"
        return cls(split=split, name=name, bytes=file.stat().st_size, sha256=hex_digest(file))


class ImportCounts(Spec):
    """A split: its sentences, their tokens without label and eos, the sha256 of the text; and what was not kept or
    not kept as it was: texts that are `empty`, have no label (`unlabelled`) or came before (`repeated`), and those
    in which tabs or line ends became blanks (`mended`)."""

    sentences: int = 0
    tokens: int = 0
    empty: int = 0
    unlabelled: int = 0
    repeated: int = 0
    mended: int = 0
    text_sha256: str = ""


class ImportRecord(Spec):
    """What IMPORT.json holds: where the text came from and how it was taken."""

    version: int = 1
    tables: tuple[TableRecord, ...]
    texts: tuple[str, ...]
    label: str | None
    tokenised: bool
    distinct: bool
    split: str | None
    splits: dict[str, ImportCounts]


class SplitWriter:
    """Writes lines to a gzipped file that names no file, no time and no system; `counts` is right at its end."""

    def __init__(self, path: Path, distinct: bool) -> None:
        self._path, self._distinct = path, distinct
        self._found = dict.fromkeys(ImportCounts.model_fields, 0)
        self._text = sha256()
        self._before: set[bytes] = set()

    def __enter__(self) -> Self:
        self._file = self._path.open("wb")
        self._packed = cast(IO[bytes], gzip.GzipFile("", "wb", _LEVEL, self._file, mtime=0))
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        try:
            self._packed.close()
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def add(self, label: str | None, absent: bool, text: str, mended: bool) -> None:
        """Write a line, or count why not: no text, a wanted label that is `absent`, or there already."""
        line = (text if label is None else f"{label}\t{text}").encode()
        if not text:
            self._found["empty"] += 1
        elif absent:
            self._found["unlabelled"] += 1
        elif self._distinct and self._is_repeated(line):
            self._found["repeated"] += 1
        else:
            self._found["sentences"] += 1
            self._found["tokens"] += text.count(" ") + 1
            self._found["mended"] += mended
            self._text.update(line + b"\n")
            self._packed.write(line + b"\n")

    @property
    def counts(self) -> ImportCounts:
        """What was written and what was not."""
        return ImportCounts.model_validate({**self._found, "text_sha256": self._text.hexdigest()})

    def _is_repeated(self, line: bytes) -> bool:
        found = sha256(line).digest()[:16]
        if found in self._before:
            return True
        self._before.add(found)
        return False


def record_files(path: Path) -> list[Path]:
    """Return the files of a table: itself, or those of a folder of `datasets`."""
    if path.is_dir():
        from trainables.text.importing.arrow import data_files

        return data_files(path)
    return [path]
