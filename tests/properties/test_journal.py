"""Laws of the journal: a tear anywhere costs the torn line and nothing else; damage is told in words."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vae_sweep.journal.events import JournalEvent
from vae_sweep.journal.journal import Journal, JournalError, JournalTail, read_journal

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
values = st.dictionaries(st.text(st.characters(), max_size=8), plain, max_size=4)
QUICK = settings(derandomize=True, max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
cells = st.lists(st.tuples(st.integers(0, 10**6), values), max_size=6)


@contextmanager
def journal_with(content: list[tuple[int, dict[str, Any]]]) -> Iterator[tuple[Path, list[JournalEvent]]]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "journal.jsonl"
        with Journal(path) as journal:
            lines = [journal.write("cell", cell=cell, method="vae", values=some) for cell, some in content]
        yield path, lines


@QUICK
@given(cells)
def test_any_plain_value_comes_back(content: list[tuple[int, dict[str, Any]]]) -> None:
    with journal_with(content) as (path, lines):
        assert read_journal(path) == lines


@QUICK
@given(cells, st.floats(0, 1))
def test_a_tear_anywhere_costs_only_the_torn_line(content: list[tuple[int, dict[str, Any]]], where: float) -> None:
    with journal_with(content) as (path, lines):
        whole = path.read_bytes()
        cut = int(where * len(whole))
        path.write_bytes(whole[:cut])
        left = lines[: whole[:cut].count(b"\n")]
        assert read_journal(path) == left
        with Journal(path) as journal:
            torn = cut - len(whole[:cut].rpartition(b"\n")[0]) - (1 if left else 0)
            assert (journal.repaired is not None) == (torn > 0)
            left.append(journal.write("end", outcome="complete"))
        assert read_journal(path) == left
        assert sum(side.stat().st_size for side in path.parent.glob("*.torn.*")) == torn


@QUICK
@given(cells.filter(bool), st.floats(0, 1, exclude_max=True), st.integers(0, 255))
def test_damage_anywhere_is_an_error_in_words_or_costs_the_last_line(
    content: list[tuple[int, dict[str, Any]]], where: float, byte: int
) -> None:
    with journal_with(content) as (path, lines):
        damaged = bytearray(path.read_bytes())
        place = int(where * len(damaged))
        damaged[place] = byte
        path.write_bytes(damaged)
        try:
            with Journal(path) as journal:
                journal.write("end", outcome="complete")
        except JournalError:
            return
        row = bytes(damaged[:place]).count(b"\n")
        read = read_journal(path)
        assert read[:row] == lines[:row]
        assert read[-1].kind == "end"
        assert len(read) >= len(lines) - 1


@QUICK
@given(cells, st.lists(st.integers(1, 60), max_size=30))
def test_tail_sees_what_a_reader_sees_however_the_bytes_arrive(
    content: list[tuple[int, dict[str, Any]]], pieces: list[int]
) -> None:
    with journal_with(content) as (path, lines):
        whole = path.read_bytes()
        path.write_bytes(b"")
        tail, seen, start = JournalTail(path), list[JournalEvent](), 0
        for size in [*pieces, len(whole)]:
            with path.open("ab") as file:
                file.write(whole[start : start + size])
            start += size
            seen += tail.read()
        assert seen == lines
