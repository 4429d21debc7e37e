"""What cannot be read now is no damage: nothing is set aside, trained again, journaled as lost or deleted."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.fault_files import failing
from tests.handmade import ENVIRONMENT, ended_sweep, pretraining, progress, stored, tree
from tests.helpers import epochs_and_end, put_files, tiny_corpus
from tests.journal_writer import Scribe
from tests.shared_trials import TRIALS, entry_of, pretrained, ran, same_trial
from trainables.base import PlaceError, StateError
from trainables.outputs import load_model, outputs, read_trial_spec, stored_vocabulary
from trainables.ray_trainable import error_class
from trainables.training.state import load_state, save_state
from vae_sweep.config.search_spec import SearchSpec
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.gc.collect import collect
from vae_sweep.journal.journal import JournalError, read_journal
from vae_sweep.journal.stored_spec import existing_spec
from vae_sweep.running.stop_controller import StopController, outage_of
from vae_sweep.search.study import STUDY_FILE, StudyError, open_study
from vae_sweep.storage.inventory import entries
from vae_sweep.storage.lease import Watch
from vae_sweep.storage.pretraining_entry import address
from vae_sweep.storage.pretraining_store import PretrainedStore
from vae_sweep.storage.stop_request import request_stop, requested

NOT_NOW = pytest.mark.parametrize("code", [errno.EACCES, errno.ESTALE])
SPEC = TRIALS["reference"]


def not_told(error: BaseException, code: int) -> None:
    """Check that an error is words with the cause, and stops a sweep."""
    assert os.strerror(code) in str(error)
    assert isinstance(error, PlaceError | OSError)
    assert (error_class(error), outage_of(error)) == ("storage", "storage")


@NOT_NOW
@pytest.mark.parametrize("name", ["entry.json", "weights.safetensors"])
def test_an_entry_of_the_store_is_left_alone(tmp_path: Path, code: int, name: str) -> None:
    entry_of(SPEC, tmp_path)
    before = tree(tmp_path)
    with failing(code, f"*/{name}"), pytest.raises(PlaceError) as raised:
        ran(SPEC, PretrainedStore(tmp_path, "sweep/a"))
    not_told(raised.value, code)
    assert tree(tmp_path) == before
    assert ran(SPEC, PretrainedStore(tmp_path, "sweep/a")).events == ["hit"]


@NOT_NOW
@pytest.mark.parametrize(
    "pattern", ["*.progress/000001/state.json", "*.progress/*/tensors.safetensors", "*.progress"]
)
def test_a_pretraining_in_progress_is_not_begun_anew(tmp_path: Path, code: int, pattern: str) -> None:
    spec = TRIALS["adam-tail"]
    half = ran(spec, PretrainedStore(tmp_path, "sweep/a"), enough=lambda so_far: len(so_far.epochs) == 2)
    with failing(code, pattern.replace("000001", "*")), pytest.raises(PlaceError) as raised:
        ran(spec, PretrainedStore(tmp_path, "sweep/b"))
    not_told(raised.value, code)
    rest = ran(spec, PretrainedStore(tmp_path, "sweep/c"))
    assert rest.stored == [report.epoch for report in half.epochs]
    assert same_trial(rest, ran(spec, None))


@NOT_NOW
@pytest.mark.parametrize("name", ["state.json", "tensors.safetensors"])
def test_a_checkpoint_is_not_passed_over(tmp_path: Path, code: int, name: str) -> None:
    save_state(tmp_path, "key", pretrained(SPEC)[-1])
    with failing(code, f"*/{name}"), pytest.raises(PlaceError) as raised:
        load_state(tmp_path, "key")
    not_told(raised.value, code)
    assert load_state(tmp_path, "key").counters.epoch == 1
    (tmp_path / name).unlink()
    with pytest.raises(StateError):
        load_state(tmp_path, "key")


@NOT_NOW
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("weights.safetensors", lambda place: load_model(place, SPEC, tiny_corpus().vocabulary)),
        ("trial.json", read_trial_spec),
        ("vocabulary.json", stored_vocabulary),
    ],
)
def test_weights_are_not_lost(tmp_path: Path, code: int, name: str, read: Callable[[Path], object]) -> None:
    put_files(tmp_path, outputs(SPEC, tiny_corpus(), epochs_and_end(SPEC)[2]))
    with failing(code, f"*/{name}"), pytest.raises(PlaceError) as raised:
        read(tmp_path)
    not_told(raised.value, code)
    assert read(tmp_path) is not None
    (tmp_path / name).unlink()
    with pytest.raises(StateError):
        read(tmp_path)


@NOT_NOW
def test_a_journal_and_a_spec_are_read_or_told_of(
    tmp_path: Path, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ended_sweep(tmp_path)
    before = tree(sweep.folder)
    with failing(code, "*/journal.jsonl"), pytest.raises(JournalError, match=os.strerror(code)):
        read_journal(sweep.folder / "journal.jsonl")
    with failing(code, "*/sweep.json"), pytest.raises(PlaceError) as raised:
        existing_spec(sweep.folder)
    not_told(raised.value, code)
    assert (capsys.readouterr().err, tree(sweep.folder)) == ("", before), "the journal's spec stands in for none"


def searching(spec: SweepSpec) -> SweepSpec:
    """The same sweep by a search, which has a study."""
    return spec.model_copy(update={"search": SearchSpec(kind="random", trials=2)})


@NOT_NOW
def test_a_study_is_not_set_aside(tmp_path: Path, code: int) -> None:
    spec = searching(Scribe(tmp_path).spec)
    open_study(spec, tmp_path)
    before = tree(tmp_path)
    with failing(code, f"*/{STUDY_FILE}"), pytest.raises((PlaceError, OSError)) as raised:
        open_study(spec, tmp_path)
    not_told(raised.value, code)
    assert tree(tmp_path) == before
    assert open_study(spec, tmp_path)[1] is None


def test_a_database_that_does_not_answer_is_not_set_aside(tmp_path: Path) -> None:
    """sqlite says of a folder that it cannot open it, as it does of a file of another user."""
    spec = searching(ended_sweep(tmp_path).spec)
    study = spec.storage.model_copy(update={"study": f"sqlite:///{tmp_path}"})
    with pytest.raises(
        StudyError, match=r"storage\.study: the database does not answer or refuses \(unable to open"
    ):
        open_study(spec.model_copy(update={"storage": study}), tmp_path)


def test_a_damaged_database_of_a_study_is_told_in_words(tmp_path: Path) -> None:
    spec = searching(ended_sweep(tmp_path).spec)
    (tmp_path / "study.db").write_text("no database, whatever its name says\n" * 100)
    study = spec.storage.model_copy(update={"study": f"sqlite:///{tmp_path}/study.db"})
    with pytest.raises(StudyError, match=r"storage\.study: the database is damaged .*; move it away"):
        open_study(spec.model_copy(update={"storage": study}), tmp_path)


@NOT_NOW
def test_a_lease_that_cannot_be_read_is_not_taken_over(tmp_path: Path, code: int) -> None:
    lease = Watch(tmp_path / "name").take("sweep/a")
    assert lease is not None
    with failing(code, "*/name.1"):
        for look in (lambda: Watch(tmp_path / "name").look(), lambda: Watch(tmp_path / "name").take("sweep/b")):
            with pytest.raises(PlaceError) as raised:
                look()
            not_told(raised.value, code)
        with pytest.raises(PlaceError):
            assert lease.held
    assert (lease.held, lease.lost) == (True, False)
    lease.release()


@NOT_NOW
@pytest.mark.parametrize("pattern", ["*/state.json", "*/entry.json", "*/weights.safetensors", "*/sweep.json"])
def test_gc_deletes_nothing_of_the_store_that_it_cannot_judge(tmp_path: Path, code: int, pattern: str) -> None:
    sweep = ended_sweep(tmp_path)
    store = tmp_path / "pretrained"
    stored(store, pretraining(sweep.spec, 0))
    progress(store, pretraining(sweep.spec, 1))
    before = tree(store)
    with failing(code, pattern):
        try:
            collect(sweep.folder, dry_run=False)
        except (PlaceError, OSError) as error:
            not_told(error, code)
    assert tree(store) == before
    with failing(code, "*/entry.json"), pytest.raises(PlaceError):
        entries(store)


@NOT_NOW
def test_a_request_to_stop_that_cannot_be_read_now_is_looked_at_again(tmp_path: Path, code: int) -> None:
    stop_controller = StopController(tmp_path / "stop.json")
    request_stop(tmp_path, "finish")
    with failing(code, "*/stop.json"):
        assert requested(tmp_path / "stop.json") == ("epoch" if code == errno.EACCES else None)
    assert stop_controller.reason == "vae-sweep stop"


def test_a_store_whose_address_is_there_and_empty_is_damaged(tmp_path: Path) -> None:
    """Absence of what an entry is made of is damage, as before."""
    place = tmp_path / address(SPEC.phases()[0], ENVIRONMENT)
    place.mkdir()
    found = ran(SPEC, PretrainedStore(tmp_path, "sweep/a"))
    assert "set aside as" in found.stores[0].damaged[0]
    assert torch.get_num_threads() == 1
    assert json.loads((place / "entry.json").read_text())["owner"] == "sweep/a"
