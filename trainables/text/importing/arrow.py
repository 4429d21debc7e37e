"""Rows of Parquet files, and of folders of `datasets.save_to_disk`: Arrow streams beside a state.json."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trainables.base import CorpusError
from trainables.text.importing.columns import Row, require_column

BATCH = 1024
"""Rows in memory at once."""

STATE, SPLITS = "state.json", "dataset_dict.json"


def parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a Parquet file. Raises CorpusError where it cannot be read."""
    try:
        with pq.ParquetFile(path) as file:
            for column in columns:
                require_column(str(path), column, file.schema_arrow.names)
            yield from _rows(path, columns, file.schema_arrow, file.iter_batches(BATCH, columns=list(columns)), 0)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: no sound Parquet file ({error})") from error


def folder_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a folder of `datasets`. Raises CorpusError where it is none, or cannot be read."""
    for file in data_files(path):
        number = 0
        try:
            with pa.memory_map(str(file)) as mapped, pa.ipc.open_stream(mapped) as stream:
                for column in columns:
                    require_column(str(file), column, stream.schema.names)
                for batch in stream:
                    yield from _rows(file, columns, stream.schema, [batch], number)
                    number += batch.num_rows
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise CorpusError(f"{file}: no sound Arrow stream ({error})") from error


def data_files(path: Path) -> list[Path]:
    """Return the Arrow files of a folder of `datasets`; none lies outside it."""
    state = _json(path / STATE, f"{path}: no folder of datasets.save_to_disk")
    entries = state.get("_data_files")
    names = [str(entry.get("filename")) for entry in entries if isinstance(entry, dict)] if entries else []
    if not names or any(Path(name).name != name for name in names):
        raise CorpusError(f"{path / STATE}: names no data files in its own folder; save the dataset again")
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise CorpusError(f"{path}: its rows are a selection of another table; save flatten_indices() of it")
    return [path / name for name in names]


def folder_splits(path: Path) -> list[str] | None:
    """Return the splits of a folder that holds a DatasetDict, each in a folder of its own; None for another."""
    if not (path / SPLITS).is_file():
        return None
    names = _json(path / SPLITS, str(path)).get("splits")
    if not isinstance(names, list) or any(not isinstance(name, str) or Path(name).name != name for name in names):
        raise CorpusError(f"{path / SPLITS}: names no splits in its own folder; save the dataset again")
    return names


def _json(path: Path, problem: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise CorpusError(f"{problem}: {path.name} cannot be read ({error})") from error
    if not isinstance(found, dict):
        raise CorpusError(f"{problem}: {path.name} holds no object")
    return found


def _rows(path: Path, columns: Sequence[str], schema: pa.Schema, batches: Any, number: int) -> Iterator[Row]:
    names = {column: _class_names(schema, column) for column in columns}
    for batch in batches:
        cells = [batch.column(column).to_pylist() for column in columns]
        for row in zip(*cells, strict=True):
            number += 1
            named = (_named(cell, names[column]) for cell, column in zip(row, columns, strict=True))
            yield f"{path}: row {number}", tuple(named)


def _class_names(schema: pa.Schema, column: str) -> list[str] | None:
    """Return the names of a ClassLabel's numbers, as `datasets` notes them in the schema."""
    try:
        noted = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        feature = noted["info"]["features"][column]
        names = feature["names"] if feature["_type"] == "ClassLabel" else None
    except (ValueError, LookupError, TypeError):
        return None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _named(cell: Any, names: list[str] | None) -> Any:
    if names is None or not isinstance(cell, int):
        return cell
    return names[cell] if 0 <= cell < len(names) else None
