"""Importing: tables in, a corpus of three text files out, whole or not at all, and always the same bytes."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainables.base import CorpusError
from trainables.files import make_folder, move_folder, write_new
from trainables.text.importing.parts import STEMS, WORDS, Deal, Parts, parts_of
from trainables.text.importing.rows import read_rows
from trainables.text.importing.staging import staging_folder
from trainables.text.importing.writer import RECORD, ImportRecord, SplitWriter, TableRecord, record_files
from trainables.text.layout import split_file
from trainables.text.lines import LINE_LIMIT
from trainables.text.tokenise import tokenise

_SUFFIXES = re.compile(r"(\.(csv|tsv|txt|jsonl?|ndjson|parquet|gz))+$", re.IGNORECASE)


@dataclass(frozen=True)
class ImportRequest:
    """Which columns become lines: each of `texts` one, behind the `label`; rows whose label is `unlabelled` go.

    With `tokenised`, as English in the manner of the Penn Treebank; with `distinct`, each line once in a split.
    """

    texts: tuple[str, ...]
    label: str | None = None
    tokenised: bool = False
    distinct: bool = False
    unlabelled: str | None = None


PRESETS = {
    "snli": ImportRequest(("sentence1", "sentence2"), tokenised=True, distinct=True, unlabelled="-"),
}
"""Files as their makers hand them out: SNLI's jsonl and txt, premises and hypotheses."""


@dataclass(frozen=True)
class Imported:
    """A corpus in place; `fresh` is False where it was there already, byte for byte."""

    directory: Path
    fresh: bool
    record: ImportRecord
    ignored: tuple[str, ...]


def import_corpus(files: Sequence[str], wanted: ImportRequest, split: str | None, target: Path) -> Imported:
    """Write the rows of tables into `target`, where nothing of another content may be.

    Raises CorpusError where a table cannot be read, a split would be empty, or the directory cannot be written.
    """
    try:
        parts = parts_of(files, split)
        make_folder(target.parent)
        with staging_folder(target.parent) as staging:
            record = _write(parts, wanted, split, staging)
            return Imported(target, _install(staging, target), record, parts.ignored)
    except OSError as error:
        raise CorpusError(
            f"{error.filename or target}: {error.strerror or error}; the directory must be writable and have "
            "room, or give another with --to"
        ) from error


def title_of(files: Sequence[str]) -> str:
    """Return a plain folder name for what the first file holds: its own without the split's, or its folder's."""
    path = Path(files[0].rpartition("=")[2]).absolute()
    splits = {word for words in WORDS.values() for word in words}
    for name in (_SUFFIXES.sub("", path.name), path.parent.name):
        words = [word for word in re.split(r"[^A-Za-z0-9]+", name) if word and word.lower() not in splits]
        if words:
            return "_".join(words)[:60]
    return "corpus"


def _write(parts: Parts, wanted: ImportRequest, split: str | None, staging: Path) -> ImportRecord:
    deal = None
    if parts.shares is not None:
        lines = (line for path in parts.tables["train"] for line in _lines(path, wanted))
        deal = Deal.of((text for _, absent, text, _ in lines if text and not absent), parts.shares)
    with ExitStack() as stack:
        writers = {
            stem: stack.enter_context(SplitWriter(staging / split_file(stem), wanted.distinct)) for stem in STEMS
        }
        for stem in STEMS:
            for path in parts.tables[stem]:
                for label, absent, text, mended in _lines(path, wanted):
                    dealt = deal.stem(text) if deal is not None and stem == "train" and text else stem
                    writers[dealt].add(label, absent, text, mended)
    if empty := [stem for stem in STEMS if not writers[stem].counts.sentences]:
        raise CorpusError(f"{' and '.join(empty)} would have no sentence; nothing was written")
    record = ImportRecord(
        tables=tuple(
            TableRecord.of(stem, path, file)
            for stem in STEMS
            for path in parts.tables[stem]
            for file in record_files(path)
        ),
        texts=wanted.texts,
        label=wanted.label,
        tokenised=wanted.tokenised,
        distinct=wanted.distinct,
        split=split,
        splits={stem: writers[stem].counts for stem in STEMS},
    )
    write_new(staging / RECORD, record.model_dump_json(indent=2).encode() + b"\n")
    return record


def _lines(path: Path, wanted: ImportRequest) -> Iterator[tuple[str | None, bool, str, bool]]:
    """Yield label, whether a wanted one is absent, text (empty where there is none) and whether it was mended."""
    columns = [*wanted.texts, *([wanted.label] if wanted.label else [])]
    for where, cells in read_rows(path, columns):
        label, torn_label = None, False
        if wanted.label:
            label, torn_label = _label(where, cells[-1])
            label = None if label in ("", wanted.unlabelled) else label
        for column, cell in zip(wanted.texts, cells, strict=False):
            text, torn = _text(where, column, cell, wanted.tokenised)
            yield label, bool(wanted.label) and label is None, text, torn or torn_label


def _label(where: str, cell: Any) -> tuple[str, bool]:
    if cell is None or cell != cell:  # a float that is not a number, as pandas writes what is absent
        return "", False
    if not isinstance(cell, str | int | float):
        raise CorpusError(f"{where}: the label is {type(cell).__name__}, expected text or a number")
    whole = isinstance(cell, float) and cell.is_integer()
    return _text(where, "label", str(int(cell)) if whole else str(cell), False)


def _text(where: str, column: str, cell: Any, tokenised: bool) -> tuple[str, bool]:
    """Return a cell as words divided by single blanks, and whether tabs or line ends stood between them."""
    if cell is None:
        return "", False
    if not isinstance(cell, str):
        raise CorpusError(f"{where}: {column} is {type(cell).__name__}, expected text; choose another column")
    if "\0" in cell:
        raise CorpusError(f"{where}: {column} holds a NUL character; mend the file")
    if len(cell) >= LINE_LIMIT // 4:
        raise CorpusError(f"{where}: {column} has {len(cell):,} characters; a sentence has fewer than 262,144")
    try:
        cell.encode()
    except UnicodeEncodeError:
        raise CorpusError(f"{where}: {column} holds half a character (a lone surrogate); mend the file") from None
    torn = not {"\t", "\n", "\r", "\v", "\f", "\x85", "\u2028", "\u2029"}.isdisjoint(cell.strip())
    return " ".join(tokenise(cell) if tokenised else cell.split()), torn


def _install(staging: Path, target: Path) -> bool:
    """Put the folder in its place; return False where the same is there. Raises CorpusError where another is."""
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        if target.is_dir() and _same(staging, target):
            return False
        raise CorpusError(f"{target}: is there and holds something else; move it away, or give another with --to")
    move_folder(staging, target)
    return True


def _same(one: Path, other: Path) -> bool:
    names = sorted(path.name for path in one.iterdir())
    if sorted(path.name for path in other.iterdir()) != names:
        return False
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)
