"""A fetched corpus on disk: three gzipped splits and SOURCE.json, which says what they are."""

import gzip
import io
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from trainables.base import CorpusError, Spec
from trainables.files import words, write_new
from trainables.text.prepare import Texts
from trainables.text.sources import CorpusSource

_RECORD = "SOURCE.json"
STEMS = ("train", "valid", "test")


class FileRecord(Spec):
    """A downloaded file."""

    url: str
    bytes: int
    sha256: str


class SplitRecord(Spec):
    """A split: `sha256` of the gzipped file, `text_sha256` of the text inside; tokens without label and eos."""

    sha256: str
    text_sha256: str
    sentences: int
    tokens: int


class SourceRecord(Spec):
    """What SOURCE.json holds."""

    name: str
    version: int
    note: str
    terms: str
    files: tuple[FileRecord, ...]
    splits: dict[str, SplitRecord]


@dataclass(frozen=True)
class Presence:
    """What is in a corpus's directory; `words` says why it is not sound."""

    state: Literal["absent", "sound", "damaged", "foreign"]
    words: str = ""
    record: SourceRecord | None = None


def split_file(stem: str) -> str:
    return f"{stem}.txt.gz"


def hex_digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def inspect(source: CorpusSource, target: Path) -> Presence:
    """Compare the files in `target` with SOURCE.json and with what the source promises."""
    try:
        return _inspect(source, target)
    except OSError as error:
        return Presence("foreign", words(error, what="cannot be read"))


def _inspect(source: CorpusSource, target: Path) -> Presence:
    if not target.is_dir():
        return Presence("foreign", f"{target} is no directory") if target.exists() else Presence("absent")
    names = {path.name for path in target.iterdir()}
    ours = {_RECORD, *map(split_file, STEMS)}
    if not names:
        return Presence("absent")
    if _RECORD not in names:
        return Presence("foreign", f"{target} holds files that `data fetch` did not write")
    words, record = _fault(source, target)
    if not words:
        return Presence("sound", record=record)
    if names - ours:
        strangers = ", ".join(sorted(names - ours))
        return Presence("foreign", f"{words}, but {target} also holds files of yours ({strangers})")
    return Presence("damaged", words)


def _fault(source: CorpusSource, target: Path) -> tuple[str, SourceRecord | None]:
    path = target / _RECORD
    try:
        record = SourceRecord.model_validate_json(path.read_bytes())
    except (ValidationError, FileNotFoundError):
        return f"{path} cannot be read", None
    urls = tuple(file.url for file in source.files)
    if (record.version, tuple(file.url for file in record.files)) != (source.version, urls):
        return f"{path} names another source or version", None
    for stem in STEMS:
        split, file = record.splits.get(stem), target / split_file(stem)
        if split is None or split.text_sha256 != source.text_sha256.get(stem, split.text_sha256):
            return f"{path} does not describe the known {stem} text", None
        if not file.is_file():
            return f"{file} is gone", None
        if hex_digest(file) != split.sha256:
            return f"{file} is not as {_RECORD} says", None
    return "", record


def write_layout(
    source: CorpusSource, downloads: Mapping[str, Path], texts: Texts, directory: Path
) -> SourceRecord:
    """Write the layout into `directory`, synced to disk. Raises CorpusError where a text is not the known one."""
    splits = {stem: _write_split(source, stem, texts[stem], directory) for stem in STEMS}
    files = tuple(
        FileRecord(
            url=file.url, bytes=downloads[file.name].stat().st_size, sha256=hex_digest(downloads[file.name])
        )
        for file in source.files
    )
    record = SourceRecord(
        name=source.name,
        version=source.version,
        note=source.note,
        terms=source.terms,
        files=files,
        splits=splits,
    )
    write_new(directory / _RECORD, record.model_dump_json(indent=2).encode() + b"\n")
    return record


def _write_split(source: CorpusSource, stem: str, lines: list[str], directory: Path) -> SplitRecord:
    text = "".join(f"{line}\n" for line in lines).encode()
    got, expected = sha256(text).hexdigest(), source.text_sha256.get(stem)
    if expected not in (None, got):
        urls = ", ".join(file.url for file in source.files)
        raise CorpusError(
            f"{source.name}: the {stem} text made from {urls} is not the known one, and nothing is kept\n"
            f"  sha256 expected {expected}\n  sha256 got      {got}\n"
            "  the source has changed, or this Python samples differently; try again, then report it"
        )
    packed = _gzipped(text)
    write_new(directory / split_file(stem), packed)
    return SplitRecord(
        sha256=sha256(packed).hexdigest(),
        text_sha256=got,
        sentences=len(lines),
        tokens=sum(len(line.rpartition("\t")[2].split()) for line in lines),
    )


def _gzipped(text: bytes) -> bytes:
    """Return bytes that name no file, no time and no system."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(text)
    return packed.getvalue()
