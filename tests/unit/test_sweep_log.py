"""A sweep's log: read once, then what was added, whichever way it came."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.journals import epoch, final, scored, start, trial_id, whole_sweep
from tests.stored.sweeps import stored_sweep
from vae_sweep.errors import LaunchError
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import Journal, JournalError
from vae_sweep.journal.sweep_log import SweepLog, read_history, sweep_log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The journal of a complete sweep."""
    folder = tmp_path / "small"
    folder.mkdir()
    whole_sweep(folder / "journal.jsonl", folder)
    return folder / "journal.jsonl"


@settings(
    derandomize=True,
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(cuts=st.lists(st.floats(0, 1), max_size=8))
def test_any_split_into_refreshes_gives_what_one_reading_gives(path: Path, cuts: list[float]) -> None:
    content = path.read_bytes()
    grown = path.parent / "grown"
    grown.mkdir(exist_ok=True)
    growing = grown / "journal.jsonl"
    growing.write_bytes(b"")
    log, written = SweepLog(growing), 0
    for cut in [*sorted(cuts), 1.0]:
        end = int(cut * len(content))
        with growing.open("ab") as file:
            file.write(content[written:end])
        written = end
        assert log.refresh().position.lines == content[:end].count(b"\n")
    assert log.record == read_sweep(growing)
    assert log.history == read_history(grown)


def test_every_kind_of_journal_is_read_in_pieces_as_in_one_go(tmp_path: Path) -> None:
    """That of an earlier version too."""
    path = stored_sweep(tmp_path) / "journal.jsonl"
    whole, content = read_sweep(path), path.read_bytes()
    path.write_bytes(b"")
    log = SweepLog(path)
    for line in content.splitlines(keepends=True):
        with path.open("ab") as file:
            file.write(line)
        log.refresh()
    assert log.record == whole


def test_only_numbers_that_were_not_reported_before_are_new(path: Path) -> None:
    log = SweepLog(path).refresh()
    with Journal(path) as journal:
        start(journal, 7)
        epoch(journal, 7, 0)
        epoch(journal, 7, 0)
        epoch(journal, 7, 2)
        epoch(journal, 7, 1)
        epoch(journal, 7, 1)
    assert [bool(numbers) for event, numbers in log.read() if event.kind == "epoch"] == [
        True,
        False,
        True,
        True,
        False,
    ]
    assert [one.epoch for one in log.record.trials[trial_id(7)].epochs] == [0, 2, 1]


def test_half_a_line_waits_for_its_rest(path: Path) -> None:
    log = SweepLog(path).refresh()
    lines = log.history.lines
    end = json.dumps({"kind": "end", "time": 9e9, "outcome": "stopped"}).encode() + b"\n"
    with path.open("ab") as file:
        file.write(end[:30])
        file.flush()
        assert log.refresh().history.lines == lines
        assert log.record.ended == "complete"
        file.write(end[30:])
    assert (log.refresh().record.ended, log.history.lines) == ("stopped", lines + 1)


def test_a_journal_that_was_cut_is_read_again(path: Path) -> None:
    log = SweepLog(path).refresh()
    left = path.read_bytes().splitlines(keepends=True)[:3]
    path.write_bytes(b"".join(left))
    assert log.refresh().record == read_sweep(path)
    assert log.history.lines == 3
    path.write_bytes(b"")
    assert log.refresh().history.lines == 0
    assert log.record.trials == {}


def test_a_journal_in_place_of_another_is_read_from_its_start(path: Path) -> None:
    log = SweepLog(path).refresh()
    other = path.with_name("mended.jsonl")
    other.write_bytes(path.read_bytes())
    with Journal(other) as journal:
        start(journal, 7)
        final(journal, 7)
        scored(journal, 7)
    other.replace(path)
    assert log.refresh().record == read_sweep(path)
    assert set(log.record.trials) > {trial_id(7)}


def test_a_line_that_contradicts_those_before_is_named_each_time(path: Path) -> None:
    log = SweepLog(path).refresh()
    lines = log.history.lines
    with Journal(path) as journal:
        epoch(journal, 7, 0)
    for _ in range(2):
        with pytest.raises(JournalError, match=rf"line {lines + 1}: epoch of trial {trial_id(7)}, which no line"):
            log.refresh()
    assert log.history.lines == lines


def test_what_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="no sweep there"):
        sweep_log(tmp_path)
    with pytest.raises(JournalError, match="No such file"):
        SweepLog(tmp_path / "journal.jsonl").refresh()
