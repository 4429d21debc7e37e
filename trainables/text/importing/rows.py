"""The rows of a table, one after the other, whatever the kind of its file."""

import csv
import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from trainables.base import CorpusError
from trainables.text.importing.columns import Row, require_column
from trainables.text.lines import text_lines

PARQUET = b"PAR1"


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a table. Raises CorpusError, with the line or row, where it cannot be read.

    What it is stands in its content: Parquet; else JSON lines where it begins with `{`; else a first line of
    names, divided by tabs (nothing is quoted) or commas, or semicolons where it has no comma (quotes as in
    RFC 4180). Columns that are all numbers count from 1, and the first line is a row, unless its names are all
    numbers, too.
    """
    if path.is_dir():
        from trainables.text.importing.arrow import folder_rows

        return folder_rows(path, columns)
    try:
        with path.open("rb") as file:
            head = file.read(len(PARQUET))
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
    if head == PARQUET:
        from trainables.text.importing.arrow import parquet_rows

        return parquet_rows(path, columns)
    return _text_rows(path, columns)


def _text_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    lines = text_lines(path, returns=True)
    blank: list[tuple[int, str]] = []
    for number, text in lines:
        if text.strip():
            break
        blank.append((number, text))
    else:
        raise CorpusError(f"{path}: nothing in it; expected a table")
    whole = chain(blank, [(number, text)], lines)
    if text.lstrip().startswith("["):
        raise CorpusError(f"{path}:{number}: a JSON list; write one object a line: jq -c '.[]' {path.name}")
    if text.lstrip().startswith("{"):
        return _json_rows(path, columns, whole)
    if "\t" in text:
        return _delimited_rows(path, columns, _tabbed(whole))
    return _delimited_rows(path, columns, _quoted(path, whole, ";" if ";" in text and "," not in text else ","))


def _json_rows(path: Path, columns: Sequence[str], lines: Iterator[tuple[int, str]]) -> Iterator[Row]:
    checked = False
    for number, text in lines:
        if not text.strip():
            continue
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CorpusError(f"{path}:{number}: no JSON ({error}); expected one object a line") from error
        if not isinstance(found, dict):
            raise CorpusError(f"{path}:{number}: expected a JSON object, as in the first line")
        if not checked:
            for column in columns:
                require_column(f"{path}:{number}", column, list(found))
            checked = True
        yield f"{path}:{number}", tuple(found.get(column) for column in columns)


def _tabbed(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    for number, text in lines:
        if text.strip():
            yield number, text.split("\t")


def _quoted(path: Path, lines: Iterator[tuple[int, str]], divider: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((f"{text}\n" for _, text in lines), delimiter=divider, strict=True)
    while True:
        start = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise CorpusError(
                f"{path}:{start}: no sound CSV row ({error}); a quote inside quotes is written twice"
            ) from error
        if row:
            yield start, row


def _delimited_rows(path: Path, columns: Sequence[str], rows: Iterator[tuple[int, list[str]]]) -> Iterator[Row]:
    number, names = next(rows)
    if all(column.isdecimal() for column in columns) and not all(name.isdecimal() for name in names):
        places = [int(column) - 1 for column in columns]
        rows = chain([(number, names)], rows)
        if not 0 <= min(places) <= max(places) < len(names):
            raise CorpusError(f"{path}:{number}: {len(names)} columns; give a number from 1 to {len(names)}")
    else:
        for column in columns:
            require_column(f"{path}:{number}", column, names)
        places = [names.index(column) for column in columns]
    for line, cells in rows:
        if len(cells) != len(names):
            raise CorpusError(
                f"{path}:{line}: {len(cells)} columns, but line {number} has {len(names)}; mend the line "
                "(tabs divide always, commas unless in quotes)"
            )
        yield f"{path}:{line}", tuple(cells[place] for place in places)
