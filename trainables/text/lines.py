"""The lines of a text file: UTF-8, plain or gzipped; of any other the format and the cure are named."""

import gzip
import io
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, cast

from trainables.base import CorpusError
from trainables.files import words

LINE_LIMIT = 1 << 20
"""Bytes of a line: no sentence has as many, and a file without line ends is not read into memory whole."""

HEAD = 1 << 16
GZIP = b"\x1f\x8b"
FORMATS = {
    GZIP: "gzip",
    b"PK\x03\x04": "a zip archive",
    b"BZh91AY&SY": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"PAR1\x15": "Parquet: read it with vae-sweep data import",
    b"ARROW1": "Arrow: read it with vae-sweep data import",
    b"\x89PNG": "a picture",
    b"%PDF-1": "PDF",
}
"""First bytes -> what the file is."""

_MARKS = {b"\xff\xfe\x00\x00": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
"""Byte order marks -> the encoding; the first that fits counts."""

MOST_NULS = 0.4
"""Share of NULs among every second byte above which a text is UTF-16."""


def text_lines(path: Path, returns: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the number from 1 and the text of every line, without its end and a byte order mark.

    With `returns`, carriage returns inside lines are part of the text.

    Raises CorpusError, with the line, where the file is no UTF-8 text, holds NUL or a carriage return in a line,
    is compressed otherwise than its name says, has a line of LINE_LIMIT bytes, or cannot be read.
    """
    try:
        with path.open("rb") as raw, _unpacked(path, raw) as file:
            _refuse_format(path, file.peek(HEAD)[:HEAD])
            for number, line in enumerate(iter(partial(file.readline, LINE_LIMIT), b""), start=1):
                yield number, _text(path, number, line, returns)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorpusError(f"{path}: cannot be read ({error}); the file may be cut short or damaged") from error
    except OSError as error:
        raise CorpusError(words(error, path, "cannot be read")) from error


def _unpacked(path: Path, raw: io.BufferedReader) -> io.BufferedReader:
    head = raw.peek(HEAD)[:HEAD]
    packed = path.suffix == ".gz"
    if head.startswith(GZIP) and not packed:
        raise CorpusError(f"{path}: gzip by its content, plain text by its name; rename it to {path.name}.gz")
    if not packed:
        return raw
    if head and not head.startswith(GZIP[: len(head)]):
        _refuse_format(path, head)
        raise CorpusError(
            f"{path}: not gzip by its content; if it is plain text, rename it to {path.name.removesuffix('.gz')}"
        )
    return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=cast(IO[bytes], raw))), HEAD)


def _refuse_format(path: Path, head: bytes) -> None:
    if head.startswith(GZIP):
        raise CorpusError(f"{path}: gzipped twice; gunzip it once")
    for start, name in FORMATS.items():
        if head.startswith(start):
            raise CorpusError(f"{path}: no plain text: it is {name}")
    marked = [name for mark, name in _MARKS.items() if head.startswith(mark)]
    halves = {"UTF-16LE": head[1::2], "UTF-16BE": head[::2]}
    unmarked = [name for name, half in halves.items() if half and half.count(0) / len(half) > MOST_NULS]
    for name in (marked or unmarked)[:1]:
        raise CorpusError(f"{path}:1: not UTF-8 text: it is {name}; convert it: iconv -f {name} -t UTF-8")
    if b"\r" in head.rstrip(b"\r") and b"\n" not in head:
        raise CorpusError(
            f"{path}:1: lines end in a carriage return (CR) alone, as on old Macs, so that the file is one line; "
            rf"convert it: tr '\r' '\n' < {path.name}"
        )


def _text(path: Path, number: int, line: bytes, returns: bool) -> str:
    if len(line) >= LINE_LIMIT:
        raise CorpusError(
            f"{path}:{number}: a line of {LINE_LIMIT:,} bytes or more; write one sentence a line, with line ends"
        )
    try:
        text = line.decode("utf-8").strip("\ufeff\r\n")
    except UnicodeDecodeError as error:
        byte = line[error.start : error.start + 1]
        raise CorpusError(
            f"{path}:{number}: not UTF-8 text ({error.reason}): byte {error.start + 1} is 0x{byte.hex()}, "
            f"which is {byte.decode('latin-1')!r} in Latin-1; if that is right, convert the file: "
            "iconv -f LATIN1 -t UTF-8"
        ) from error
    for character, name, cure in (
        ("\0", "NUL", "damaged, or no text"),
        ("\r", "carriage return", "of mixed ends"),
    ):
        if character in text and not (returns and character == "\r"):
            word = next(part for part in text.split(" ") if character in part)
            raise CorpusError(
                f"{path}:{number}: a {name} character inside the line, in {word[:40]!r}; the file is {cure}: "
                "mend the line and look at its neighbours"
            )
    return text
