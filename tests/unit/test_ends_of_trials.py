"""The end of a trial is journaled once what it left is on disk and whole; Ray's file of an error is not run."""

import errno
import os
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from ray import cloudpickle
from ray.exceptions import OutOfMemoryError, RayTaskError
from ray.tune.experiment import Trial

from tests.fault_files import failing, watching
from tests.helpers import epochs_and_end, put_files, tiny_corpus, tiny_trial
from trainables.outputs import outputs
from trainables.training.report import FinalReport
from vae_sweep.journal.journal import Journal, read_journal
from vae_sweep.running.journal_callback import JournalCallback, kept, lost
from vae_sweep.running.stop_controller import StopController

SPEC = tiny_trial("vae")
PLAIN = SPEC.model_dump(mode="json")
FINAL = FinalReport(outcome="finished", numbers={"validation/kl": 1.0})


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """What the trial leaves."""
    return outputs(SPEC, tiny_corpus(), epochs_and_end(SPEC)[2])


@pytest.fixture
def place(tmp_path: Path, files: dict[str, bytes]) -> Path:
    """The last checkpoint of the trial, as Ray writes it in the storage."""
    folder = tmp_path / "ray" / "attempt-1" / "0000-vae-s0" / "checkpoint_000001"
    folder.mkdir(parents=True)
    put_files(folder, files)
    return folder


def test_what_is_whole_is_synced_and_kept(place: Path) -> None:
    with watching(f"{place}*") as seen:
        assert kept(FINAL, place, PLAIN) == FINAL
    opened = {path for event, path in seen if event == "open"}
    assert {str(place), *(str(path) for path in place.iterdir())} <= opened


@pytest.mark.parametrize("damage", ["cut", "turned", "gone", "another's", "no folder"])
def test_weights_that_do_not_read_back_are_no_finished_trial(
    place: Path, damage: str, files: dict[str, bytes]
) -> None:
    weights = place / "weights.safetensors"
    content = files[weights.name]
    if damage == "cut":
        weights.write_bytes(content[: len(content) // 2])
    elif damage == "turned":
        weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "gone":
        weights.unlink()
    elif damage == "no folder":
        place = place.with_name("checkpoint_000007")
    spec = tiny_trial("vae", seed=8).model_dump(mode="json") if damage == "another's" else PLAIN
    end = kept(FINAL, place, spec)
    assert (end.outcome, end.error, end.numbers) == ("failed", "data", {})
    assert str(place) in str(end.reason)


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE])
def test_weights_that_cannot_be_read_back_now_stop_the_sweep(place: Path, tmp_path: Path, code: int) -> None:
    stop_controller = StopController(tmp_path / "stop.json")
    with Journal(tmp_path / "journal.jsonl") as journal, failing(code, "*/weights.safetensors"):
        report(JournalCallback(journal, 1, lambda line: None, stop_controller), place)
    [line] = read_journal(tmp_path / "journal.jsonl")
    assert (line.outcome, line.error, line.checkpoint) == ("failed", "storage", None)
    assert os.strerror(code) in str(line.reason)
    assert stop_controller.trials_end
    assert str(stop_controller.reason).startswith(
        "the storage refuses or is out of reach; mend that, then resume ("
    )


def test_the_journal_says_finished_of_what_reads_back_alone(place: Path, tmp_path: Path) -> None:
    stop_controller = StopController(tmp_path / "stop.json")
    with Journal(tmp_path / "journal.jsonl") as journal:
        report(JournalCallback(journal, 1, lambda line: None, stop_controller), place)
        (place / "weights.safetensors").write_bytes(b"")
        report(JournalCallback(journal, 1, lambda line: None, stop_controller), place)
    whole, torn = read_journal(tmp_path / "journal.jsonl")
    assert (whole.outcome, whole.checkpoint) == ("finished", "ray/attempt-1/0000-vae-s0/checkpoint_000001")
    assert (torn.outcome, torn.error, torn.checkpoint) == ("failed", "data", None)
    assert "what it left was not stored whole" in str(torn.reason)


def report(callback: JournalCallback, place: Path) -> None:
    """Let a trial of Ray's report its end."""
    storage = SimpleNamespace(
        storage_filesystem=SimpleNamespace(type_name="local"), trial_fs_path=str(place.parent)
    )
    config = {"trial": PLAIN, "identity": {"trial": "0000-vae-s0"}}
    trial = cast(Trial, SimpleNamespace(trial_id="t", config=config, storage=storage))
    about = {"host": "here", "damaged": [], "checkpoint_dir_name": place.name}
    callback.on_trial_result(1, [], trial, {"kind": "final", "report": FINAL.model_dump_json(), **about})


class Bomb:
    """What runs code where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(Path.cwd() / "ran"),)


def failed(folder: Path, pickled: bytes | None, *texts: str) -> FinalReport:
    """The end of a trial of which Ray keeps errors."""
    (folder / "error.pkl").unlink(missing_ok=True)
    (folder / "error.txt").write_text(
        "".join(
            f"Failure # {number} (occurred at 2026-11-29_10-00-00)\n{text}\n" for number, text in enumerate(texts)
        )
    )
    if pickled is not None:
        (folder / "error.pkl").write_bytes(pickled)
    about = {"pickled_error_file": str(folder / "error.pkl"), "error_file": str(folder / "error.txt")}
    return lost(cast(Trial, SimpleNamespace(num_failures=2, **about)))


def test_an_error_that_ray_pickled_is_not_run(tmp_path: Path) -> None:
    end = failed(tmp_path, pickle.dumps(Bomb()), "the actor died")
    assert (end.error, end.reason) == ("worker", "the worker was lost 2 times: the actor died")
    assert not Path("ran").exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x05\x95", b"no pickle", None])
def test_an_error_file_that_is_torn_or_absent_is_none(tmp_path: Path, content: bytes | None) -> None:
    assert (
        failed(tmp_path, content, "first", "the actor died").reason
        == "the worker was lost 2 times: the actor died"
    )
    (tmp_path / "error.txt").unlink()
    (tmp_path / "error.txt").mkdir()
    gone = lost(
        cast(
            Trial, SimpleNamespace(num_failures=1, pickled_error_file=None, error_file=str(tmp_path / "error.txt"))
        )
    )
    assert "Ray's own words cannot be read" in str(gone.reason)


def test_errors_that_ray_pickled_have_their_class(tmp_path: Path) -> None:
    memory = failed(tmp_path, cloudpickle.dumps(OutOfMemoryError("the node is low")), "the node is low")
    assert (memory.error, "for want of memory: the node is low" in str(memory.reason)) == ("memory", True)
    task = RayTaskError("train", "Traceback: it is odd", KeyError("odd"))
    assert failed(tmp_path, cloudpickle.dumps(task.as_instanceof_cause()), "Traceback: it is odd").error == "bug"
    full = "OSError: [Errno 28] No space left on device"
    assert failed(tmp_path, cloudpickle.dumps(task), full).error == "disk"
    began = "The actor died because of an error raised in its creation task, ray::ImplicitFunc"
    assert (failed(tmp_path, None, began).error, failed(tmp_path, None, began).reason) == ("bug", began)
