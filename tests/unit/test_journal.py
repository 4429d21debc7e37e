"""The journal on disk: what is appended, what is cut, what is refused."""

import json
import resource
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from trainables.base import VaeSweepError
from vae_sweep.journal.journal import Journal, JournalError, JournalTail, read_journal

CELL = {"cell": 3, "method": "ours", "values": {"target_rate": 4.0}}
EPOCH: dict[str, Any] = {"trial": "0003-ours-s0", "phase": "vae", "epoch": 0, "checkpoint": None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def write_cells(path: Path, count: int) -> None:
    with Journal(path) as journal:
        for number in range(count):
            journal.write("cell", **{**CELL, "cell": number})


def test_what_is_appended_is_read_back(path: Path) -> None:
    with Journal(path) as journal:
        assert journal.repaired is None
        line = journal.write("epoch", **EPOCH, numbers={"validation/kl": 0.1, "train/loss": None}, host="a")
    assert line.kind == "epoch"
    assert line.time == pytest.approx(path.stat().st_mtime, abs=5)
    assert read_journal(path) == [line]
    assert path.read_bytes().count(b"\n") == 1


def test_reopening_keeps_what_is_there(path: Path) -> None:
    write_cells(path, 2)
    with Journal(path) as journal:
        assert journal.repaired is None
        journal.write("end", outcome="complete")
    assert [line.kind for line in read_journal(path)] == ["cell", "cell", "end"]


@pytest.mark.parametrize(
    "torn", [b'{"kind": "cell", "ti', b'{"kind": "end"}', b"\0\0\0\0", b"\0\0\xff\n", b'{"kind": "cell"\n', b"[\n"]
)
def test_a_torn_last_line_is_moved_aside(path: Path, torn: bytes) -> None:
    write_cells(path, 2)
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    assert len(read_journal(path)) == 2
    with Journal(path) as journal:
        assert journal.repaired is not None
        assert "line 3 was torn" in journal.repaired
        assert path.read_bytes() == whole
        journal.write("end", outcome="complete")
    assert path.with_name("journal.jsonl.torn.1").read_bytes() == torn
    assert len(read_journal(path)) == 3
    with Journal(path) as journal:
        assert journal.repaired is None


def test_each_torn_line_gets_its_own_file(path: Path) -> None:
    for torn in (b"{", b"{{"):
        path.write_bytes(torn)
        Journal(path).close()
    assert path.with_name("journal.jsonl.torn.1").read_bytes() == b"{"
    assert path.with_name("journal.jsonl.torn.2").read_bytes() == b"{{"


@pytest.mark.parametrize(
    ("damaged", "complaint"),
    [
        (b"{torn", "not JSON"),
        (b"3", "not a JSON object"),
        (b"\xff\xfe", "not JSON"),
        (b"{}", "unknown kind None"),
        (b'{"kind": "cell", "time": "noon"}', "not unix seconds"),
        (b'{"kind": "cell", "time": NaN}', "not JSON"),
        (b'{"kind": "cell", "time": 1.0, "cell": 1, "method": "vae"}', "a line of kind cell without values"),
        (b'{"kind": "end", "time": 1.0, "outcome": 3}', "outcome in a line of kind end is 3, not a valid string"),
        (b'{"kind": "scored", "time": 1.0, "trial": "a", "numbers": {"x": true}}', "not a finite number"),
    ],
)
def test_damage_before_the_end_is_named(path: Path, damaged: bytes, complaint: str) -> None:
    write_cells(path, 3)
    lines = path.read_bytes().splitlines()
    lines[1] = damaged
    content = b"\n".join(lines) + b"\n"
    path.write_bytes(content)
    for read in (read_journal, Journal):
        with pytest.raises(JournalError) as caught:
            read(path)
        assert isinstance(caught.value, VaeSweepError)
        assert f"{path}, line 2: " in str(caught.value)
        assert complaint in str(caught.value)
        assert "restore it from a copy" in str(caught.value)
    assert path.read_bytes() == content


def test_a_whole_last_line_that_cannot_be_used_is_no_torn_line(path: Path) -> None:
    path.write_bytes(b'{"kind": "future", "time": 1.0}\n')
    with pytest.raises(JournalError, match="newer version"):
        Journal(path)


@pytest.mark.parametrize(
    ("kind", "fields", "complaint"),
    [
        (
            "epoch",
            {**EPOCH, "numbers": {"train/loss": float("nan")}},
            "train/loss of trial 0003-ours-s0 .* nan, not a finite number",
        ),
        ("epoch", {**EPOCH, "numbers": {"train/loss": float("inf")}}, "not a finite number"),
        ("epoch", {**EPOCH, "numbers": {"train/loss": "low"}}, "not a finite number"),
        ("epoch", {**EPOCH}, "a line of kind epoch without numbers"),
        ("cell", {**CELL, "values": {"target_rate": float("nan")}}, "not JSON compliant"),
        ("cell", {**CELL, "values": {"target_rate": {1}}}, "not JSON serializable"),
        ("cell", {**CELL, "cell": "3"}, "cell in a line of kind cell is '3', not a valid integer"),
        ("note", {}, "unknown kind 'note'; known: launch, cell"),
    ],
)
def test_what_does_not_belong_is_refused(path: Path, kind: str, fields: Any, complaint: str) -> None:
    with Journal(path) as journal:
        with pytest.raises(JournalError, match=complaint):
            journal.write(kind, **fields)
        journal.write("cell", **CELL)
    assert len(read_journal(path)) == 1


def test_a_full_disk_leaves_the_journal_as_it_was(path: Path) -> None:
    with Journal(path) as journal:
        journal.write("cell", **CELL)
        before = path.read_bytes()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, hard))
        try:
            for _ in range(2):
                with pytest.raises(JournalError, match=r"make space .* vae-sweep resume"):
                    journal.write("cell", **CELL)
                assert path.read_bytes() == before
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        journal.write("cell", **CELL)
    assert len(read_journal(path)) == 2


def test_a_closed_journal_refuses(path: Path) -> None:
    journal = Journal(path)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.write("cell", **CELL)


@pytest.mark.parametrize("open_", [Journal, read_journal])
def test_a_journal_that_cannot_be_opened_is_named(tmp_path: Path, open_: Any) -> None:
    with pytest.raises(JournalError, match=r"absent/journal.jsonl: .*No such file"):
        open_(tmp_path / "absent" / "journal.jsonl")


def test_threads_write_whole_lines(path: Path) -> None:
    with Journal(path) as journal, ThreadPoolExecutor(8) as pool:
        written = list(pool.map(lambda number: journal.write("cell", **{**CELL, "cell": number}), range(200)))
    assert sorted(line.cell for line in read_journal(path)) == list(range(200))
    assert sorted(map(str, read_journal(path))) == sorted(map(str, written))


WRITER = """
import sys
from pathlib import Path
from vae_sweep.journal.journal import Journal
journal = Journal(Path(sys.argv[1]))
number = 0
while True:
    line = journal.write("cell", cell=number, method="vae", values={"padding": "x" * 5000})
    print(number, flush=True)
    number += 1
"""


def test_what_was_acknowledged_survives_a_kill(path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(50)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [int(row) for row in writer.stdout.read().splitlines()]
    writer.wait()
    Journal(path).close()
    cells = [line.cell for line in read_journal(path)]
    assert cells == list(range(len(cells)))
    assert len(cells) - len(acknowledged) in (0, 1)


def test_tail_reads_each_line_once(path: Path) -> None:
    write_cells(path, 2)
    tail = JournalTail(path)
    assert tail.unread() == 2
    assert [line.cell for line in tail.read()] == [0, 1]
    assert (tail.unread(), list(tail.read())) == (0, [])
    write_cells(path, 1)
    assert [line.cell for line in tail.read()] == [0]


def test_tail_waits_for_the_rest_of_a_line(path: Path) -> None:
    write_cells(path, 1)
    tail = JournalTail(path)
    assert len(list(tail.read())) == 1
    whole = json.dumps({"kind": "end", "time": 1.0, "outcome": "stopped"}).encode() + b"\n"
    with path.open("ab") as file:
        file.write(whole[:20])
        file.flush()
        assert list(tail.read()) == []
        file.write(whole[20:])
    assert [line.kind for line in tail.read()] == ["end"]


def test_tail_counts_lines_from_the_beginning_of_the_file(path: Path) -> None:
    write_cells(path, 2)
    tail = JournalTail(path)
    assert len(list(tail.read())) == 2
    with path.open("ab") as file:
        file.write(b"damaged\n{}\n")
    for _ in range(2):
        with pytest.raises(JournalError, match="line 3: not JSON"):
            list(tail.read())


def test_a_journal_is_opened_after_what_was_read_of_it(path: Path) -> None:
    write_cells(path, 2)
    tail = JournalTail(path)
    list(tail.read())
    with path.open("ab") as file:
        file.write(b'{"kind": "end", "time"')
    with Journal(path, tail.position) as journal:
        assert journal.repaired is not None
        assert "line 3 was torn" in journal.repaired
    assert len(read_journal(path)) == 2
    with path.open("ab") as file:
        file.write(b"damaged\n{}\n")
    with pytest.raises(JournalError, match="line 3: not JSON"):
        Journal(path, tail.position)


def test_what_was_not_taken_in_comes_again(path: Path) -> None:
    write_cells(path, 3)
    tail = JournalTail(path)
    for event in tail.read():
        if event.cell == 1:
            break
    assert tail.position.lines == 1
    assert [event.cell for event in tail.read()] == [1, 2]


def test_tail_begins_anew_where_the_journal_was_cut_or_replaced(path: Path, tmp_path: Path) -> None:
    write_cells(path, 3)
    tail = JournalTail(path)
    list(tail.read())
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert [event.cell for event in tail.read()] == [0]
    other = tmp_path / "other.jsonl"
    write_cells(other, 4)
    other.replace(path)
    assert [event.cell for event in tail.read()] == [0, 1, 2, 3]
    assert tail.replaced == 2
