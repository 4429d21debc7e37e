"""Rows of tables: every kind of file gives the same ones; what is broken or hostile is refused with its line."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import LAW
from trainables.base import CorpusError
from trainables.text.importing.rows import read_rows

TEXTS = ["a dog runs .", 'the "cat" sleeps, so', "le café é"]
LABELS = ["0", "1", "0"]


def as_csv() -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows([["label", "text"], *zip(LABELS, TEXTS, strict=True)])
    return file.getvalue().encode()


def as_tsv() -> bytes:
    return "".join(
        f"{row}\n" for row in map("\t".join, [("label", "text"), *zip(LABELS, TEXTS, strict=True)])
    ).encode()


def as_jsonl() -> bytes:
    rows = ({"id": 1, "text": text, "label": label} for label, text in zip(LABELS, TEXTS, strict=True))
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": TEXTS, "label": LABELS, "other": [1, 2, 3]}), sink)
    return sink.getvalue()


def as_folder(directory: Path, texts: list[str] = TEXTS, labels: list[str] = LABELS) -> Path:
    """Write a folder as `datasets.save_to_disk` does: two Arrow streams and a state.json."""
    directory.mkdir(parents=True)
    table, names = pa.table({"text": texts, "label": labels}), []
    for number, part in enumerate((table.slice(0, 2), table.slice(2))):
        names.append(f"data-{number:05}-of-00002.arrow")
        with pa.OSFile(str(directory / names[-1]), "wb") as file, pa.ipc.new_stream(file, part.schema) as stream:
            stream.write_table(part)
    state = {"_data_files": [{"filename": name} for name in names], "_split": None}
    (directory / "state.json").write_text(json.dumps(state))
    return directory


KINDS: dict[str, Callable[[], bytes]] = {"csv": as_csv, "tsv": as_tsv, "jsonl": as_jsonl, "parquet": as_parquet}


def rows(path: Path, *columns: str) -> list[tuple[object, ...]]:
    return [cells for _, cells in read_rows(path, columns)]


def put(directory: Path, content: bytes | str, name: str = "table.csv") -> Path:
    (directory / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return directory / name


def refused(path: Path, *said: str, columns: tuple[str, ...] = ("text",)) -> None:
    with pytest.raises(CorpusError) as error:
        rows(path, *columns)
    assert [part for part in said if part not in str(error.value)] == [], str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_rows_whatever_its_name(kind: str, tmp_path: Path) -> None:
    expected = list(zip(TEXTS, LABELS, strict=True))
    assert rows(put(tmp_path, KINDS[kind](), "table.txt"), "text", "label") == expected
    if kind != "parquet":
        packed = gzip.compress(b"\xef\xbb\xbf\n" * (kind == "jsonl") + KINDS[kind]())
        assert rows(put(tmp_path, packed, "table.gz"), "text", "label") == expected


def test_a_folder_of_datasets_is_read_in_the_order_of_its_files(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "saved")
    assert rows(folder, "label", "text") == list(zip(LABELS, TEXTS, strict=True))
    assert [where for where, _ in read_rows(folder, ["text"])][2].endswith("of-00002.arrow: row 1")


def test_places_are_lines_and_rows(tmp_path: Path) -> None:
    path = put(tmp_path, 'text\n"a\nb"\n\nc\n')
    assert list(read_rows(path, ["text"])) == [(f"{path}:2", ("a\nb",)), (f"{path}:5", ("c",))]
    assert rows(put(tmp_path, b'text,n\r\n"a\rb",1\r\n'), "text") == [("a\rb",)]
    assert rows(put(tmp_path, 'n;text\n1;"a; b, c"\n'), "text") == [("a; b, c",)]


def test_columns_by_number_where_there_are_no_names(tmp_path: Path) -> None:
    path = put(tmp_path, '"2","good food"\n"1","bad food"\n')
    assert rows(path, "2", "1") == [("good food", "2"), ("bad food", "1")]
    refused(path, "table.csv:1: 2 columns; give a number from 1 to 2", columns=("3",))
    refused(path, "give a number from 1 to 2", columns=("0",))
    assert rows(put(tmp_path, "2,1\na,b\n"), "1") == [("b",)], "names that are all numbers"


def test_class_labels_have_their_names(tmp_path: Path) -> None:
    feature = {"info": {"features": {"label": {"names": ["bad", "good"], "_type": "ClassLabel"}}}}
    table = pa.table({"text": ["a", "b", "c"], "label": [1, 0, -1]})
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(feature)}), tmp_path / "a.parquet")
    assert rows(tmp_path / "a.parquet", "label") == [("good",), ("bad",), (None,)]


BROKEN: dict[str, tuple[bytes | str, *tuple[str, ...]]] = {
    "no such column": (
        "label,txt\n1,a\n",
        "table.csv:1: no column 'text'; there are: label, txt; did you mean txt?",
    ),
    "no such key": ('{"sentence": "a"}\n', "table.csv:1: no column 'text'; there are: sentence"),
    "a column twice": ("text,text\na,b\n", "table.csv:1: 2 columns are called 'text'"),
    "a ragged row": ("label,text\n1,a\n1,a,b\n", "table.csv:3: 3 columns, but line 1 has 2"),
    "a ragged line of tabs": ("label\ttext\n1\ta\tb\n", "table.csv:2: 3 columns, but line 1 has 2"),
    "an open quote": ('text\na\n"b\nc\nd\n', "table.csv:3: no sound CSV row"),
    "text behind a quote": ('text\n"a" b\n', "table.csv:2: no sound CSV row"),
    "a huge cell": ('text\n"' + "a\n" * 100_000 + '"\n', "table.csv:2: no sound CSV row", "field larger than"),
    "bad UTF-8": (b"text\na\ncaf\xe9\n", "table.csv:3: not UTF-8 text", "0xe9"),
    "UTF-16": ("text\na\n".encode("utf-16"), "table.csv:1: not UTF-8 text: it is UTF-16; convert it: iconv"),
    "NUL": (b"text\na\0b\n", "table.csv:2: a NUL character"),
    "an endless line": (b"text\n" + b"a" * (1 << 21), "table.csv:2: a line of 1,048,576 bytes or more"),
    "nothing": ("\n \n", "nothing in it"),
    "a JSON list": ('[{"text": "a"}]\n', "table.csv:1: a JSON list; write one object a line"),
    "broken JSON": ('{"text": "a"}\n{"text": \n', "table.csv:2: no JSON"),
    "deep JSON": ('{"text": "a"}\n{"text": ' + "[" * 100_000 + "\n", "table.csv:2: no JSON"),
    "another value": ('{"text": "a"}\n3\n', "table.csv:2: expected a JSON object"),
    "broken Parquet": (b"PAR1" + b"x" * 100 + b"PAR1", "no sound Parquet file"),
    "cut Parquet": (as_parquet()[:-40], "no sound Parquet file"),
    "a zip archive": (b"PK\x03\x04" + b"x" * 100, "it is a zip archive"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    content, *said = BROKEN[case]
    refused(put(tmp_path, content), *said)


def test_parquet_without_the_column_and_with_bad_text(tmp_path: Path) -> None:
    path = put(tmp_path, as_parquet())
    refused(path, "no column 'txt'; there are: text, label, other; did you mean text?", columns=("txt",))
    bad = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])
    pq.write_table(pa.table({"text": bad}), path)
    refused(path, "no sound Parquet file", "utf-8")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (None, "no folder of datasets.save_to_disk: state.json cannot be read"),
        ("{", "state.json cannot be read"),
        ("[]", "state.json holds no object"),
        ('{"_data_files": []}', "names no data files in its own folder"),
        ('{"_data_files": [{"filename": "../secret.arrow"}]}', "names no data files in its own folder"),
        ('{"_data_files": [{"filename": "/etc/passwd"}]}', "names no data files in its own folder"),
        ('{"_data_files": [{"filename": "gone.arrow"}]}', "no sound Arrow stream"),
        ('{"_data_files": [{"filename": "state.json"}]}', "no sound Arrow stream"),
        ('{"_data_files": [{"filename": "a"}], "_indices_data_files": [1]}', "save flatten_indices() of it"),
    ],
)
def test_a_folder_that_is_none_or_reaches_out(state: str | None, said: str, tmp_path: Path) -> None:
    if state is not None:
        (tmp_path / "state.json").write_text(state)
    refused(tmp_path, said)


@LAW
@given(st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=8))
def test_csv_and_json_give_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str]]
) -> None:
    sound = [
        (one.replace("\0", "").replace("\r", ""), other.replace("\0", "").replace("\r", ""))
        for one, other in table
    ]
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("text", "label"), *sound])
    path = put(tmp_path_factory.mktemp("rows"), file.getvalue(), "a.csv")
    marked = "\ufeff"
    assert [tuple(cell.strip(marked) for cell in row) for row in rows(path, "text", "label")] == [  # type: ignore[attr-defined]
        tuple(cell.strip(marked) for cell in row) for row in sound
    ]
    lines = "".join(json.dumps({"text": one, "label": other}) + "\n" for one, other in table)
    assert rows(put(path.parent, lines), "text", "label") == table


@LAW
@given(st.sampled_from(sorted(KINDS)), st.data())
def test_no_damage_crashes(tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject) -> None:
    content = bytearray(KINDS[kind]())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = put(tmp_path_factory.mktemp("rows"), bytes(content[: data.draw(st.integers(1, len(content)))]))
    try:
        rows(path, "text")
    except CorpusError as error:
        assert "table.csv" in str(error)  # noqa: PT017
