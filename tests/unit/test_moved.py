"""A storage directory that was moved or copied: what came along is found, the original is left alone."""

import shutil
from pathlib import Path

import pytest

from tests.handmade import spec_in
from tests.journal_writer import tree
from tests.stored.sweeps import TRIALS, stored_sweep
from tests.trained_sweep import trained_sweep
from trainables.base import StateError
from vae_sweep.config.paths import sqlite_uri
from vae_sweep.config.relocation import relocated
from vae_sweep.gc.collect import collect
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.stored_spec import existing_spec, store_spec
from vae_sweep.models.load import trained_model
from vae_sweep.monitoring.explain import explain_trial
from vae_sweep.planning.plan import with_absolute_paths
from vae_sweep.results.retention import stored_weights


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The storage directory of a trained sweep; its journal has absolute paths, as earlier versions wrote them."""
    storage = tmp_path_factory.mktemp("original") / "sweeps"
    sweep = trained_sweep(storage)
    store_spec(sweep.folder, sweep.spec)
    assert str(storage) in (sweep.folder / "journal.jsonl").read_text()
    return storage


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    """A copy of it; the original is still there."""
    return Path(shutil.copytree(original, tmp_path / "copy"))


def weights_in(folder: Path, trial: str) -> Path:
    [found] = (folder / "ray").glob(f"*/{trial}/*/weights.safetensors")
    return found


def test_a_copy_uses_its_own_weights(original: Path, copy: Path) -> None:
    before = tree(original)
    assert trained_model(str(copy / "one"), "0001", None, print).latent_size
    weights_in(copy / "one", "0001-ours-s0").unlink()
    with pytest.raises(StateError, match=str(copy)):
        trained_model(str(copy / "one"), "0001", None, print)
    assert trained_model(str(original / "one"), "0001", None, print).latent_size
    assert tree(original) == before


def test_a_moved_sweep_is_explained_and_collected_where_it_lies(copy: Path, tmp_path: Path) -> None:
    copy.rename(tmp_path / "moved")
    folder = tmp_path / "moved" / "one"
    sections = {section.title: section.lines for section in explain_trial(folder, "0000")}
    assert sections["weights"] == [str(weights_in(folder, "0000-vae-s0"))]
    found = collect(folder, dry_run=True)
    assert not [remark for remark in found.remarks if "outside" in remark]
    assert found.wanted


def test_a_relative_folder_gives_absolute_places(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Places are sent to workers, which have working directories of their own."""
    monkeypatch.chdir(copy)
    for trial in read_sweep(Path("one/journal.jsonl")).trials.values():
        assert all(Path(str(place)).is_absolute() for place in trial.checkpoints)


def test_a_sweep_of_an_earlier_version_is_found_in_a_copy(tmp_path: Path) -> None:
    stored_sweep(tmp_path / "old")
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    trials = read_sweep(tmp_path / "new" / "before" / "journal.jsonl").trials
    assert tuple(trials) == TRIALS
    for trial in trials.values():
        assert all(Path(str(place)).is_relative_to(tmp_path / "new") for place in trial.checkpoints)
        assert stored_weights(trial)


def test_paths_of_a_spec_follow_what_came_along(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    spec = spec_in(
        old,
        corpus={"path": str(old / "text")},
        data={"directory": str(tmp_path / "data")},
        tracking={"uri": f"{sqlite_uri(old / 'runs.db')}?timeout=9"},
        storage={"directory": str(old), "study": sqlite_uri(old / "study.db")},
        search={"kind": "tpe", "trials": 2, "warm_start": str(old / "earlier")},
    )
    (old / "text").mkdir(parents=True)
    found = relocated(spec, new)
    assert found.corpus.path == str(old / "text"), "it stayed behind"
    (new / "text").mkdir(parents=True)
    found = relocated(spec, new)
    assert found.corpus.path == str(new / "text")
    assert found.data.directory == str(tmp_path / "data")
    assert found.tracking.uri == f"{sqlite_uri(new / 'runs.db')}?timeout=9"
    assert found.storage.study == sqlite_uri(new / "study.db")
    assert found.storage.directory == str(new)
    assert found.search.warm_start == "earlier"
    assert relocated(found, new) == found


def test_a_relative_directory_of_an_earlier_version_is_told_by_its_end(tmp_path: Path) -> None:
    old, new, other = tmp_path / "home" / "sweeps", tmp_path / "new", tmp_path / "data" / "sweeps"
    spec = spec_in(old, tracking={"uri": sqlite_uri(old / "runs.db")}, storage={"directory": "sweeps"})
    assert relocated(spec, new).tracking.uri == sqlite_uri(new / "runs.db")
    other.mkdir(parents=True)
    (other / "runs.db").touch()
    spec = spec_in(old, tracking={"uri": sqlite_uri(other / "runs.db")}, storage={"directory": "sweeps"})
    assert relocated(spec, new).tracking.uri == sqlite_uri(other / "runs.db"), "it never lay in the storage"


def test_a_launched_spec_has_no_relative_path_but_the_names_of_sweeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweeps" / "earlier").mkdir(parents=True)
    spec = spec_in(
        Path("sweeps"),
        storage={"directory": "sweeps", "study": "sqlite:///sweeps/study.db"},
        search={"kind": "tpe", "trials": 2, "warm_start": "sweeps/earlier"},
    )
    found = with_absolute_paths(spec)
    assert found.storage.directory == str(tmp_path / "sweeps")
    assert found.storage.study == sqlite_uri(tmp_path / "sweeps" / "study.db")
    assert found.search.warm_start == "earlier"
    store_spec(tmp_path / "sweeps" / "one", found)
    (tmp_path / "sweeps").rename(tmp_path / "moved")
    assert existing_spec(tmp_path / "moved" / "one").storage.study == sqlite_uri(tmp_path / "moved" / "study.db")
