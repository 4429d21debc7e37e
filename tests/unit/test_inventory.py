"""The inventory names all that lies in a store: what it is, of which phase, how large, who holds it."""

import os
import shutil
from pathlib import Path

from tests.helpers import tiny_corpus
from tests.shared_trials import TRIALS, claim_of, entry_of, pretrained, ran
from trainables.training.state import TrialState
from trainables.trial import run_trial
from vae_sweep.storage.inventory import StoredEntry, entries
from vae_sweep.storage.lease import Watch, newest
from vae_sweep.storage.pretraining_entry import WEIGHTS_FILE
from vae_sweep.storage.pretraining_store import PretrainedStore

SPEC = TRIALS["adam-tail"]
KEY = SPEC.phases()[0].key()


def kinds(directory: Path) -> list[tuple[str, str | None, bool]]:
    return sorted((entry.kind, entry.phase_key, entry.held) for entry in entries(directory))


def test_a_store_that_is_not_there_or_holds_strange_things(tmp_path: Path) -> None:
    assert entries(tmp_path / "nowhere") == []
    (tmp_path / "notes.txt").write_text("not the store's")
    (tmp_path / ("a" * 64 + ".backup")).mkdir()
    assert entries(tmp_path) == []


def test_an_entry_sound_and_damaged(tmp_path: Path) -> None:
    folder = entry_of(SPEC, tmp_path)
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert entries(tmp_path) == [StoredEntry(folder, folder.name, "entry", KEY, size, held=False)]
    (folder / WEIGHTS_FILE).write_bytes(b"")
    assert kinds(tmp_path) == [("damaged", KEY, False)]
    shutil.rmtree(folder)
    folder.mkdir()
    assert entries(tmp_path) == [StoredEntry(folder, folder.name, "damaged", None, 0, held=False)]


def test_an_entry_under_another_name_is_damaged(tmp_path: Path) -> None:
    folder = entry_of(SPEC, tmp_path)
    folder.rename(folder.with_name("f" * 64))
    assert kinds(tmp_path) == [("damaged", KEY, False)]


def test_a_training_in_progress_is_held_until_it_is_interrupted(tmp_path: Path) -> None:
    running = run_trial(SPEC, tiny_corpus(), TrialState(), store=PretrainedStore(tmp_path, "sweep/a"))
    next(running), next(running)
    assert kinds(tmp_path) == [("lease", None, True), ("progress", KEY, True)]
    [progress] = [entry for entry in entries(tmp_path) if entry.kind == "progress"]
    assert progress.bytes == sum(file.stat().st_size for file in progress.path.glob("*/*"))
    running.close()  # type: ignore[attr-defined]
    assert kinds(tmp_path) == [("lease", None, False), ("progress", KEY, False)]


def test_what_was_set_aside(tmp_path: Path) -> None:
    folder = entry_of(SPEC, tmp_path)
    (folder / WEIGHTS_FILE).write_bytes(b"")
    ran(SPEC, PretrainedStore(tmp_path, "sweep/b"))
    assert kinds(tmp_path) == [("aside", KEY, False), ("entry", KEY, False)]


def test_what_a_dead_writer_left(tmp_path: Path) -> None:
    folder = entry_of(SPEC, tmp_path)
    folder.rename(folder.with_name(f"{folder.name}.new.0123456789abcdef"))
    (tmp_path / f".{folder.name}.lease.1.abc_123").write_text("{")
    assert [(entry.kind, entry.phase_key, entry.held) for entry in entries(tmp_path)] == [
        ("half", None, False), ("half", KEY, False),
    ]  # fmt: skip
    assert {entry.address for entry in entries(tmp_path)} == {folder.name}


def test_only_the_newest_lease_holds_and_only_its_own_address(tmp_path: Path) -> None:
    folder = entry_of(SPEC, tmp_path)
    held, other = tmp_path / f"{folder.name}.lease", tmp_path / ("e" * 64 + ".lease")
    lease, let_go = Watch(held).take("a"), Watch(other).take("b")
    assert lease is not None
    assert let_go is not None
    let_go.release()
    old = held.with_name(f"{held.name}.0")
    shutil.copy(held.with_name(f"{held.name}.1"), old)
    found = {entry.path.name: entry.held for entry in entries(tmp_path)}
    assert found == {folder.name: True, f"{held.name}.1": True, old.name: False, f"{other.name}.1": False}
    lease.release(forget=True)


def test_an_owner_elsewhere_counts_as_living(tmp_path: Path) -> None:
    base = tmp_path / ("e" * 64 + ".lease")
    lease = Watch(base).take("a")
    assert lease is not None
    lease.release()
    seen = newest(base)
    assert seen is not None
    assert seen.owner is not None
    for place, held in ((seen.owner.place, False), ("elsewhere", True)):
        dead = seen.owner.model_copy(update={"released": False, "born": "1", "place": place})
        base.with_name(f"{base.name}.2").write_text(dead.model_dump_json())
        os.utime(base.with_name(f"{base.name}.2"), (0, 0))
        assert [entry.held for entry in entries(tmp_path)] == [False, held]


def test_a_progress_that_cannot_be_read_has_no_key(tmp_path: Path) -> None:
    with claim_of(SPEC, PretrainedStore(tmp_path, "sweep/a")) as claim:
        assert claim.attempt() is None
        claim.keep(pretrained(SPEC)[0])
        [state] = tmp_path.glob("*.progress/*/state.json")
        state.write_text("{")
        assert ("progress", None, True) in kinds(tmp_path)
