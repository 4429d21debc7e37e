"""What is no UTF-8 text, one sentence a line, is refused by its name and with the line."""

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import LAW
from trainables.base import CorpusError
from trainables.text.lines import LINE_LIMIT, text_lines

TEXT = "a dog runs .\nthe café sleeps .\n"
LATIN = TEXT.encode("latin-1")
REFUSED: dict[str, tuple[str, bytes, *tuple[str, ...]]] = {
    "UTF-16 with a mark": (
        "a.txt",
        TEXT.encode("utf-16"),
        "a.txt:1: not UTF-8 text: it is UTF-16; convert it: iconv",
    ),
    "UTF-16 big end first": ("a.txt", b"\xfe\xff" + TEXT.encode("utf-16-be"), "it is UTF-16;"),
    "UTF-16 without a mark": ("a.txt", TEXT.encode("utf-16-le"), "it is UTF-16LE;"),
    "UTF-16BE without a mark": ("a.txt", TEXT.encode("utf-16-be"), "it is UTF-16BE;"),
    "UTF-32": ("a.txt", TEXT.encode("utf-32"), "it is UTF-32;"),
    "Latin-1": ("a.txt", LATIN, "a.txt:2: not UTF-8 text", "byte 8 is 0xe9, which is 'é' in Latin-1"),
    "NUL": ("a.txt", b"a\nb c\0d e\n", "a.txt:2: a NUL character inside the line, in 'c\\x00d'"),
    "old Mac": ("a.txt", b"a dog\ra cat\r", "a.txt:1: lines end in a carriage return (CR) alone"),
    "mixed line ends": ("a.txt", b"a\nb\rc\nd\n", "a.txt:2: a carriage return character inside the line"),
    "gzip without its name": (
        "a.txt",
        gzip.compress(b"a\n"),
        "a.txt: gzip by its content",
        "rename it to a.txt.gz",
    ),
    "gzip in name alone": ("a.txt.gz", b"a dog\n", "a.txt.gz: not gzip by its content", "rename it to a.txt"),
    "gzipped twice": ("a.txt.gz", gzip.compress(gzip.compress(b"a\n")), "a.txt.gz: gzipped twice; gunzip it once"),
    "UTF-16 packed": (
        "a.txt.gz",
        gzip.compress(TEXT.encode("utf-16")),
        "a.txt.gz:1: not UTF-8 text: it is UTF-16",
    ),
    "bzip2": ("a.txt", bz2.compress(b"a\n"), "no plain text: it is bzip2"),
    "xz under .gz": ("a.txt.gz", lzma.compress(b"a\n"), "no plain text: it is xz"),
    "zip": ("a.txt", b"PK\x03\x04....", "it is a zip archive"),
    "Parquet": ("a.txt", b"PAR1\x15...", "it is Parquet: read it with vae-sweep data import"),
    "an endless line": (
        "a.txt",
        b"a\n" + b"word " * (LINE_LIMIT // 5 + 1),
        "a.txt:2: a line of 1,048,576 bytes or",
    ),
}


def lines(directory: Path, name: str, content: bytes) -> list[tuple[int, str]]:
    (directory / name).write_bytes(content)
    return list(text_lines(directory / name))


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_text_is_named(case: str, tmp_path: Path) -> None:
    name, content, *parts = REFUSED[case]
    with pytest.raises(CorpusError) as error:
        lines(tmp_path, name, content)
    assert [part for part in parts if part not in str(error.value)] == []


def test_lines_have_numbers_and_no_ends(tmp_path: Path) -> None:
    expected = [(1, "a dog"), (2, ""), (3, "é ")]
    assert lines(tmp_path, "a.txt", "\ufeffa dog\r\n\né ".encode()) == expected
    assert lines(tmp_path, "a.txt.gz", gzip.compress("a dog\n\né \n".encode())) == expected
    assert lines(tmp_path, "a.txt", b"") == []
    assert lines(tmp_path, "a.txt", b"BZh is a word\n") == [(1, "BZh is a word")]
    assert lines(tmp_path, "a.txt", b"a\n" + b"x" * (LINE_LIMIT - 1))[1][0] == 2


def test_a_line_is_not_read_whole_before_it_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.write(b"a b ")
        file.seek(1 << 32)
        file.write(b"\n")
    with pytest.raises(CorpusError):
        list(text_lines(tmp_path / "a.txt"))


@LAW
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, packed: bool
) -> None:
    directory = tmp_path_factory.mktemp("bytes")
    try:
        found = lines(directory, "a.txt.gz" if packed else "a.txt", content)
    except CorpusError:
        return
    assert [text for _, text in found if {"\0", "\n", "\r"} & {*text}] == []
