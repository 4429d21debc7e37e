"""Damaged journals: whatever line is damaged or gone, the advice given works, and status and resume read again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journal_writer import command
from tests.stored.sweeps import TRIALS, stored_sweep
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import JournalError
from vae_sweep.journal.records import SweepRecord
from vae_sweep.journal.repair import repair_sweep
from vae_sweep.monitoring.status import sweep_status

Damage = Callable[[list[bytes]], list[bytes]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return stored_sweep(tmp_path)


def damaged(folder: Path, damage: Damage) -> bytes:
    path = folder / "journal.jsonl"
    path.write_bytes(b"".join(damage(path.read_bytes().splitlines(keepends=True))))
    return path.read_bytes()


def of_kind(lines: list[bytes], kind: str) -> int:
    return next(number for number, line in enumerate(lines) if json.loads(line)["kind"] == kind)


def without(kind: str) -> Damage:
    return lambda lines: [line for number, line in enumerate(lines) if number != of_kind(lines, kind)]


def cut(kind: str) -> Damage:
    def damage(lines: list[bytes]) -> list[bytes]:
        at = of_kind(lines, kind)
        return [*lines[:at], lines[at][: len(lines[at]) // 2] + b"\n", *lines[at + 1 :]]

    return damage


def broken(folder: Path) -> str | None:
    """What the reader says of a journal."""
    try:
        read_sweep(folder / "journal.jsonl")
    except JournalError as error:
        return str(error)
    return None


def keys(record: SweepRecord) -> dict[str, str]:
    return {name: trial.spec.trial.key() for name, trial in record.trials.items() if trial.spec.trial}


KINDS = ["launch", "nodes", "cell", "trial", "epoch", "store", "final", "scored", "end"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", [cut, without])
def test_a_line_that_is_damaged_or_gone_is_mended_and_named(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    how: Callable[[str], Damage],
) -> None:
    before = read_sweep(folder / "journal.jsonl")
    content = damaged(folder, how(kind))
    advice = broken(folder)
    assert (advice is not None) == (how is cut or kind in ("launch", "trial")) or kind == "end"
    assert advice is None or f"vae-sweep repair {folder}" in advice
    code, said, _ = command(monkeypatch, capsys, "repair", str(folder))
    assert code == 0
    record = read_sweep(folder / "journal.jsonl")
    assert set(record.trials) == set(TRIALS), "no trial is lost with one line"
    assert keys(record) == keys(before)
    assert len(record.cells) == len(before.cells)
    assert sweep_status(folder).state == ("interrupted" if kind == "end" else "complete")
    if not said.count("the journal as it was"):
        assert how is without
        return
    assert (folder / "journal.jsonl.damaged.1").read_bytes() == content
    assert ("is made again" in said) == (kind in ("launch", "cell", "trial"))
    assert (f"a line of kind {kind}" in said) == (how is cut)
    assert sweep_status(folder).remarks[0].kind == "repaired"
    again = repair_sweep(folder)
    assert (again.said, again.copy) == ([], None), "what is mended is sound"


def nuls_before(lines: list[bytes]) -> list[bytes]:
    return [*lines[:5], bytes(64) + lines[5], *lines[6:]]


def run_together(lines: list[bytes]) -> list[bytes]:
    return [*lines[:5], lines[5].rstrip(b"\n"), *lines[6:]]


def blank(lines: list[bytes]) -> list[bytes]:
    return [*lines[:5], b"\n", *lines[5:]]


@pytest.mark.parametrize("damage", [nuls_before, run_together, blank])
def test_where_every_line_is_still_there_nothing_is_lost(folder: Path, damage: Damage) -> None:
    path = folder / "journal.jsonl"
    lines = path.read_bytes().splitlines()
    damaged(folder, damage)
    with pytest.raises(JournalError, match="vae-sweep repair"):
        read_sweep(path)
    assert "lost" not in " ".join(repair_sweep(folder).said)
    kept = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert kept[:-1] == [json.loads(line) for line in lines]
    assert kept[-1]["kind"] == "repaired"


def test_nuls_in_place_of_lines_cost_what_they_held(folder: Path) -> None:
    damaged(folder, lambda lines: [*lines[:8], bytes(sum(map(len, lines[8:12]))) + lines[12], *lines[13:]])
    said = repair_sweep(folder).said
    assert said[0].startswith("line 9: ")
    assert sweep_status(folder).state in ("complete", "interrupted")


def test_a_trial_of_which_nothing_but_reports_is_left_is_run_again(folder: Path) -> None:
    lost = TRIALS[1]

    def damage(lines: list[bytes]) -> list[bytes]:
        plain = [json.loads(line) for line in lines]
        gone = [at["kind"] in ("cell", "trial") and at["cell"] == 1 for at in plain]
        return [line for line, away in zip(lines, gone, strict=True) if not away]

    before = read_sweep(folder / "journal.jsonl")
    damaged(folder, damage)
    [message] = repair_sweep(folder).said
    epochs = len(before.trials[lost].epochs)
    assert message.startswith(f"trial {lost}: its start is lost and follows from no other line; with it: ")
    assert f"{epochs} epochs, 1 end, 1 score; it runs again" in message
    assert set(read_sweep(folder / "journal.jsonl").trials) == set(TRIALS) - {lost}


def test_without_a_launch_and_a_spec_it_says_what_to_bring(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged(folder, without("launch"))
    shutil.move(folder / "sweep.json", folder.parent / "aside.json")
    before = (folder / "journal.jsonl").read_bytes()
    code, _, said = command(monkeypatch, capsys, "repair", str(folder))
    assert (code, "put sweep.json of a launch from the same sweep file beside it" in said) == (2, True)
    assert (folder / "journal.jsonl").read_bytes() == before
    shutil.move(folder.parent / "aside.json", folder / "sweep.json")
    assert command(monkeypatch, capsys, "repair", str(folder))[0] == 0


def test_a_sound_journal_is_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    code, said, _ = command(monkeypatch, capsys, "repair", str(folder))
    assert (code, said) == (0, "nothing to repair: the journal is sound\n")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
