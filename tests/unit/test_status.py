"""The status of a sweep, from journal and lock alone."""

import json
import threading
import time
from pathlib import Path

import pytest

from tests.journal_writer import HOST, Scribe, command, tree
from tests.unit.test_driver_lock import stranger
from vae_sweep.errors import LaunchError
from vae_sweep.journal.journal import JournalError
from vae_sweep.monitoring.status import sweep_status
from vae_sweep.monitoring.status_schema import SweepStatus
from vae_sweep.storage.driver_lock import driver_lock
from vae_sweep.storage.lease import newest
from vae_sweep.storage.stop_request import request_stop

NUMBERS = {"neg_elbo": 20.0, "kl": 1.5, "seconds": 2.0}


def three_cells(scribe: Scribe) -> tuple[str, str, str]:
    """One trial ended, one in its VAE phase, one waiting for the pretraining of another sweep."""
    scribe.launch()
    scribe.cell(0, "vae")
    scribe.cell(1, "ours", target_rate=2)
    scribe.cell(2, "ours", target_rate=4)
    ended, runs, waits = (
        scribe.start(0, "vae"),
        scribe.start(1, "ours", target_rate=2),
        scribe.start(2, "ours", target_rate=4),
    )
    for number in range(2):
        scribe.epoch(ended, "vae", number, **NUMBERS)
    scribe.final(ended, "collapsed")
    scribe.line("store", runs, key="k", event="miss", seconds=0.0, saved=0.0)
    for number in range(2):
        scribe.epoch(runs, "pretrain", number, **NUMBERS)
    scribe.epoch(runs, "vae", 0, **NUMBERS)
    scribe.line("store", waits, key="k", event="waiting", seconds=0.0, saved=0.0, holder="other/0007-ours-s0")
    return ended, runs, waits


def test_a_running_sweep(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    with driver_lock(scribe.folder):
        _, runs, waits = three_cells(scribe)
        found = sweep_status(scribe.folder)
    assert found.state == "running"
    assert found.driver is not None
    assert (found.driver.drives, found.driver.sign) == (True, True)
    counts = found.trials
    assert (counts.planned, counts.started, counts.running, counts.waiting) == (3, 3, 1, 1)
    assert counts.ended == {"finished": 0, "collapsed": 1, "pruned": 0, "diverged": 0, "failed": 0}
    shown = {one.trial: one for one in found.running}
    assert (shown[runs].phase, shown[runs].done, shown[runs].epochs, shown[runs].host) == ("vae", 1, 2, HOST)
    assert shown[runs].numbers == {"neg_elbo": 20.0, "kl": 1.5}
    assert (shown[waits].state, shown[waits].waits_for) == ("waiting", "other/0007-ours-s0")
    assert found.lines == len(scribe.journal.path.read_text().splitlines())


def test_the_same_journal_without_a_driver_is_interrupted(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    _, runs, waits = three_cells(scribe)
    found = sweep_status(scribe.folder)
    assert (found.state, found.driver, found.interrupted) == ("interrupted", None, [runs, waits])
    assert found.running == []
    assert found.left.seconds is None
    scribe.end("stopped", "vae-sweep stop")
    found = sweep_status(scribe.folder)
    assert (found.state, found.reason, found.interrupted) == ("stopped", "vae-sweep stop", [runs, waits])


def test_a_trial_of_an_earlier_launch_runs_when_it_is_started_again(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    _, runs, waits = three_cells(scribe)
    with driver_lock(scribe.folder):
        scribe.launch()
        scribe.start(1, "ours", target_rate=2)
        found = sweep_status(scribe.folder)
        assert ([one.trial for one in found.running], found.interrupted) == ([runs], [waits])
        scribe.line("lost", runs, reason="weights.safetensors: damaged")
        assert sweep_status(scribe.folder).interrupted == [runs, waits]


def test_who_only_probes_drives_nothing(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    three_cells(scribe)
    with driver_lock(scribe.folder):
        found = sweep_status(scribe.folder)
    assert found.driver is not None
    assert (found.driver.drives, found.state, found.running) == (False, "interrupted", [])


def test_a_driver_that_has_ended_its_sweep_is_ending(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    with driver_lock(scribe.folder):
        scribe.launch()
        scribe.end()
        assert sweep_status(scribe.folder).state == "ending"
    assert sweep_status(scribe.folder).state == "complete"


@pytest.mark.parametrize("beats", [False, True])
def test_a_driver_elsewhere_is_watched_for_a_sign(tmp_path: Path, beats: bool) -> None:
    scribe = Scribe(tmp_path)
    owner = stranger(scribe.folder, place="another machine", host="elsewhere", since=time.time())
    scribe.launch()
    seen = newest(scribe.folder / "driver")
    assert seen is not None
    path, done = scribe.folder / f"driver.{seen.number}", threading.Event()

    def beat() -> None:
        number = 0
        while not done.wait(0.01):
            number += 1
            path.write_text(owner.model_copy(update={"beat": number}).model_dump_json())

    thread = threading.Thread(target=beat)
    if beats:
        thread.start()
    found = sweep_status(scribe.folder, watch=0.3)
    done.set()
    if beats:
        thread.join()
    assert found.driver is not None
    assert (found.driver.host, found.driver.sign) == ("elsewhere", beats)


def test_what_was_damaged_is_named(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    scribe.launch()
    scribe.journal.write("repaired", text="line 9 was torn")
    scribe.cell(0, "vae")
    trial = scribe.start(0, "vae")
    scribe.line("epoch", trial, phase="vae", epoch=0, numbers={"validation/kl": 1.0}, damaged=["state.json: torn"])
    scribe.line("epoch", trial, phase="vae", epoch=0, numbers={"validation/kl": 2.0})
    scribe.final(trial)
    scribe.journal.write("unscored", trial=trial, reason="the corpus is gone")
    scribe.journal.write("lost", trial=trial, reason="weights.safetensors: absent")
    found = {one.kind: (one.trial, one.text) for one in sweep_status(scribe.folder).remarks}
    assert found["repaired"] == (None, "line 9 was torn")
    assert found["lost"] == (trial, "weights.safetensors: absent")
    assert found["damaged"] == (trial, "state.json: torn")
    assert found["unscored"] == (trial, "the corpus is gone")
    assert "validation/kl: 1.0, then 2.0" in found["conflict"][1]


def test_the_json_document_reads_back_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scribe = Scribe(tmp_path)
    three_cells(scribe)
    before = tree(tmp_path)
    code, out, _ = command(monkeypatch, capsys, "status", str(scribe.folder), "--json")
    assert code == 0
    document = SweepStatus.model_validate_json(out)
    assert document.model_copy(update={"last_line": None}) == sweep_status(scribe.folder).model_copy(
        update={"last_line": None}
    )
    assert set(json.loads(out)) == set(SweepStatus.model_fields)
    assert tree(tmp_path) == before


def test_the_status_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scribe = Scribe(tmp_path)
    with driver_lock(scribe.folder):
        ended, runs, _ = three_cells(scribe)
        scribe.final(runs, "failed", error="memory", reason="Traceback\nMemoryError: no more")
        request_stop(scribe.folder, "finish")
        code, out, _ = command(monkeypatch, capsys, "status", str(scribe.folder))
    assert code == 0
    assert "3 planned, in 3 cells so far: 1 waiting for a pretraining, 1 collapsed, 1 failed" in out
    assert "stop: asked for; running trials run to their end" in out
    assert f"failed: {runs} (memory): MemoryError: no more" in out
    assert f"vae-sweep explain {scribe.folder} TRIAL" in out
    assert "waits for other/0007-ours-s0" in out
    assert ended not in out


def test_a_folder_without_a_sweep_and_a_damaged_journal_end_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LaunchError, match="no sweep there"):
        sweep_status(tmp_path)
    (tmp_path / "journal.jsonl").write_text('{"kind": "launch"}\n{}\n')
    with pytest.raises(JournalError, match="line 1"):
        sweep_status(tmp_path)
    code, _, err = command(monkeypatch, capsys, "status", str(tmp_path))
    assert (code, "Traceback" in err) == (2, False)


def set_back(scribe: Scribe, seconds: float) -> None:
    """Have the journal's lines say what a clock set back by so much would have said."""
    scribe.rewrite(lambda line: line | {"time": line["time"] - seconds})


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_who_drives_is_told_by_the_lease_whatever_the_clocks_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hours: int
) -> None:
    scribe = Scribe(tmp_path)
    with driver_lock(scribe.folder) as lease:
        scribe.launch(lease=lease.nonce)
        scribe.cell(0, "vae")
        scribe.start(0, "vae")
        set_back(scribe, hours * 3600)
        found = sweep_status(scribe.folder)
        assert (found.state, len(found.running), found.interrupted) == ("running", 1, [])
        scribe.end()
        assert sweep_status(scribe.folder).state == "ending"
    with driver_lock(scribe.folder):
        code, _, said = command(monkeypatch, capsys, "stop", str(scribe.folder))
        assert (code, "holds the sweep but runs no trials" in said) == (2, True)


def test_a_renamed_folder_is_told_of_with_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scribe = Scribe(tmp_path)
    scribe.launch()
    scribe.cell(0, "vae")
    scribe.start(0, "vae")
    there = scribe.folder.rename(tmp_path / "my other")
    back = f"mv '{there}' {scribe.folder}"
    for verb in (("status", str(there)), ("explain", str(there), "0000")):
        code, said, _ = command(monkeypatch, capsys, *verb)
        assert code == 0
        assert "the folder was renamed from small; what resumes, scores or uses it asks for its name" in said
        assert back in said
