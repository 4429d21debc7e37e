"""A replay gives the journal's numbers bit for bit, or names each that differs."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers import tiny_corpus
from tests.journal_writer import HOST, Scribe, command, small_sweep, tree
from trainables.base import StateError
from trainables.training.report import EpochReport, FinalReport
from vae_sweep.journal.metrics import COSTS, metric_of
from vae_sweep.journal.sweep_log import read_history
from vae_sweep.replay.comparison import ReplayComparison
from vae_sweep.replay.replay import Replayed, ReplayError, replay_trial
from vae_sweep.replay.reproducibility import surroundings
from vae_sweep.storage.layout import STORE_FOLDER
from vae_sweep.storage.pretraining_store import PretrainedStore


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Scribe:
    """A sweep whose only trial, of row ours, ran to its end with a pretraining from its own store."""
    storage = tmp_path_factory.mktemp("storage")
    scribe = Scribe(storage)
    scribe.launch()
    scribe.cell(0, "ours", target_rate=2)
    trial = scribe.start(0, "ours", target_rate=2)
    spec = scribe.trial_spec("ours", target_rate=2)
    scribe.run(trial, spec, PretrainedStore(storage / STORE_FOLDER, trial))
    scribe.end()
    return scribe


@pytest.fixture
def copied(ran: Scribe, tmp_path: Path) -> Scribe:
    """The same sweep to damage, without its store."""
    scribe = Scribe(tmp_path)
    scribe.journal.path.write_bytes(ran.journal.path.read_bytes())
    return scribe


def replayed(scribe: Scribe, use_store: bool = False) -> tuple[Replayed, list[str]]:
    """Replay the first trial; the first note says that it ran on another machine."""
    notes: list[str] = []
    found = replay_trial(scribe.folder, "0000", use_store, notes.append, lambda place: None)
    return found, notes


def numbers_in(scribe: Scribe) -> int:
    """How many numbers of the journal are no costs."""
    lines = map(json.loads, scribe.journal.path.read_text().splitlines())
    keys = [key for line in lines for key in line.get("numbers", {})]
    return sum(metric_of(key) not in COSTS for key in keys)


@pytest.mark.parametrize("use_store", [False, True])
def test_a_trial_gives_the_same_bits_and_leaves_the_storage_as_it_was(ran: Scribe, use_store: bool) -> None:
    before = tree(ran.folder.parent)
    found, notes = replayed(ran, use_store)
    assert (found.differences, found.gaps, found.ended, found.scored) == ([], [], True, True)
    assert (found.epochs, found.numbers) == (4, numbers_in(ran))
    assert [note.startswith("--store: the pretraining is read from") for note in notes[1:]] == [True] * use_store
    assert tree(ran.folder.parent) == before
    assert torch.get_num_threads() == 1


def test_a_changed_number_is_named_with_both_values(
    copied: Scribe, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before: list[float] = []

    def change(line: dict[str, Any]) -> dict[str, Any]:
        if line["kind"] == "epoch" and (line["phase"], line["epoch"]) == ("vae", 1):
            before.append(line["numbers"]["validation/kl"])
            line["numbers"] |= {"validation/kl": before[0] + 1e-15 + 1e-12, "train/seconds": 99.0}
        return line

    copied.rewrite(change)
    found, _ = replayed(copied)
    [difference] = found.differences
    assert (difference.place, difference.key) == ("vae epoch 1", "validation/kl")
    assert difference.here == before[0] != difference.journaled
    code, out, _ = command(monkeypatch, capsys, "replay", str(copied.folder), "0000")
    assert code == 1
    assert f"vae epoch 1, validation/kl: journal {difference.journaled!r}, here {before[0]!r}" in out
    assert "1 difference in 4 epochs" in out


def test_the_end_and_the_score_are_compared(copied: Scribe) -> None:
    def change(line: dict[str, Any]) -> dict[str, Any]:
        if line["kind"] == "final":
            line |= {"outcome": "finished" if line["outcome"] == "collapsed" else "collapsed"}
        if line["kind"] == "scored":
            line["numbers"] |= {"test/kl": -0.0, "test/odd": 1.0}
        return line

    copied.rewrite(change)
    found, _ = replayed(copied)
    places = [(one.place, one.key) for one in found.differences]
    assert places == [("the end", "outcome"), ("the test split", "test/kl"), ("the test split", "test/odd")]
    assert found.differences[-1].here == "absent"


def test_a_stopped_trial_is_compared_as_far_as_the_journal_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scribe = Scribe(tmp_path)
    scribe.launch()
    scribe.cell(0, "vae")
    trial = scribe.start(0, "vae")
    scribe.run(trial, scribe.trial_spec("vae"), epochs=1)
    found, _ = replayed(scribe)
    assert (found.epochs, found.ended, found.differences) == (1, False, [])
    scribe.final(trial, "failed", error="worker", reason="the worker was lost")
    code, out, _ = command(monkeypatch, capsys, "replay", str(scribe.folder), "0000")
    assert code == 0
    assert "compared as far as it goes" in out
    assert "the same bits: 1 epoch," in out


def test_a_divergence_comes_again_or_is_missed(tmp_path: Path) -> None:
    training = {"optimizer": "adam", "learning_rate": 1e30, "epochs": 3, "batch_size": 8}
    scribe = Scribe(tmp_path, small_sweep(training=training))
    scribe.launch()
    scribe.cell(0, "vae")
    trial = scribe.start(0, "vae")
    scribe.run(trial, scribe.trial_spec("vae"))
    record = read_history(scribe.folder).record.trials[trial]
    assert record.final is not None
    assert record.final.outcome == "diverged"
    found, _ = replayed(scribe)
    assert (found.ended, found.differences) == (True, [])
    scribe.rewrite(lambda line: line | {"reason": "elsewhere"} if line["kind"] == "final" else line)
    assert [one.key for one in replayed(scribe)[0].differences] == ["reason"]


def test_a_divergence_that_does_not_come_ends_the_replay(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    scribe.launch()
    scribe.cell(0, "vae")
    trial = scribe.start(0, "vae")
    scribe.run(trial, scribe.trial_spec("vae"), epochs=1)
    scribe.final(trial, "diverged", reason="the training loss is nan")
    found, _ = replayed(scribe)
    assert [(one.place, one.journaled) for one in found.differences] == [("vae epoch 1", "absent")]


def test_an_epoch_that_the_journal_lost_is_named_and_no_difference(copied: Scribe) -> None:
    copied.rewrite(lambda line: None if (line.get("phase"), line.get("epoch")) == ("vae", 0) else line)
    found, _ = replayed(copied)
    assert (found.gaps, found.differences, found.epochs) == (["vae epoch 0"], [], 3)


def test_an_epoch_that_does_not_come_is_a_difference(copied: Scribe) -> None:
    trial = read_history(copied.folder).record.trials["0000-ours-s0"]
    comparison = ReplayComparison(trial)
    for one in trial.epochs[:-1]:
        numbers = {key: value for key, value in one.numbers.items() if value is not None}
        comparison.epoch(EpochReport.model_validate({"phase": one.phase, "epoch": one.epoch, "numbers": numbers}))
    assert comparison.differences == []
    assert trial.final is not None
    plain = {"outcome": trial.final.outcome, "numbers": trial.final.numbers}
    comparison.end(FinalReport.model_validate(plain))
    assert [str(one) for one in comparison.differences] == [
        "vae epoch 1, the epoch: journal 'it ran', here 'absent'"
    ]


def test_what_is_otherwise_here_is_said_first(copied: Scribe) -> None:
    def change(line: dict[str, Any]) -> dict[str, Any]:
        if line["kind"] == "launch":
            line["versions"]["torch"] = "1.0"
            line["spec"]["resources"] |= {"cpu": 2, "gpu": 1.0}
        if line["kind"] == "store":
            line["key"] = "f" * 64
        return line

    copied.rewrite(change)
    history = read_history(copied.folder)
    around = surroundings(history, history.record.trials["0000-ours-s0"], copied.trial_spec("ours", target_rate=2))
    assert around.threads == 2
    here = torch.__version__
    assert around.differences[0] == f"torch: journal 1.0, here {here}"
    assert around.differences[1].startswith("code: the journal names the pretraining ffffffffffff")
    assert any(text.startswith("device: it ran on a GPU") for text in around.differences) == (
        not torch.cuda.is_available()
    )
    assert around.differences[-1].startswith(f"machine: it ran on {HOST}, here is ")


def test_launches_that_gave_other_threads_are_named(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    scribe.launch()
    scribe.cell(0, "vae")
    trial = scribe.start(0, "vae")
    plain = scribe.spec.model_dump(mode="json", by_alias=True)
    scribe.launch(spec=plain | {"resources": plain["resources"] | {"cpu": 4}})
    scribe.start(0, "vae")
    history = read_history(scribe.folder)
    around = surroundings(history, history.record.trials[trial], scribe.trial_spec("vae"))
    assert around.threads == 1
    assert "threads: its launches gave it 1, 4; here 1 throughout" in around.differences


def test_a_store_without_the_entry_or_with_a_damaged_one_is_passed_over(ran: Scribe, tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    scribe.journal.path.write_bytes(ran.journal.path.read_bytes())
    found, [_, note] = replayed(scribe, use_store=True)
    assert found.differences == []
    assert "is not there, so it is trained here" in note
    [entry] = [path for path in (ran.folder.parent / STORE_FOLDER).iterdir() if len(path.name) == 64]
    copy = tmp_path / STORE_FOLDER / entry.name
    copy.mkdir(parents=True)
    for path in entry.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "weights.safetensors").write_bytes(b"torn")
    before = tree(tmp_path)
    found, [_, note] = replayed(scribe, use_store=True)
    assert found.differences == []
    assert "unfit, so it is trained here" in note
    assert tree(tmp_path) == before


def test_what_cannot_be_replayed_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scribe = Scribe(tmp_path)
    scribe.launch()
    scribe.cell(0, "vae")
    trial = scribe.start(0, "vae")
    with pytest.raises(ReplayError, match="none of its numbers yet"):
        replayed(scribe)
    scribe.run(trial, scribe.trial_spec("vae"), epochs=1)
    fingerprint = tiny_corpus().fingerprint
    scribe.rewrite(lambda line: json.loads(json.dumps(line).replace(fingerprint, "0" * 64)))
    with pytest.raises(StateError, match="give every machine the same files"):
        replayed(scribe)
    scribe.rewrite(lambda line: line | {"spec": {"later": 1}} if line["kind"] == "trial" else line)
    code, _, err = command(monkeypatch, capsys, "replay", str(scribe.folder), "0000")
    assert code == 2
    assert "not one of this version of vae-sweep" in err
    assert "Traceback" not in err
