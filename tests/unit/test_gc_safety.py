"""Garbage collection is safe: killed anywhere, beside a driver, in a moved sweep, and with links about."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.handmade import OUTPUTS, Handmade, ended_sweep, names, pretraining, put, stored, tree
from vae_sweep.errors import LaunchError
from vae_sweep.gc.collect import collect
from vae_sweep.gc.garbage import CollectError, Waste, remove
from vae_sweep.journal.journal import JournalError
from vae_sweep.storage.driver_lock import driver_lock
from vae_sweep.storage.lease import Lease, Watch
from vae_sweep.tracking.client import TrackingError
from vae_sweep.tracking.mirror import only_mirror


@pytest.fixture
def ended(tmp_path: Path) -> Handmade:
    return ended_sweep(tmp_path / "sweeps")


def test_a_driver_that_holds_the_sweep_is_not_disturbed(ended: Handmade) -> None:
    with driver_lock(ended.folder):
        before = tree(ended.folder / "ray")
        with pytest.raises(LaunchError, match="driven by process"):
            collect(ended.folder, dry_run=False)
        looked = collect(ended.folder, dry_run=True)
        assert tree(ended.folder / "ray") == before
    assert looked.freed == 0
    assert any("attempt-1 is left out" in remark for remark in looked.remarks)


def test_outputs_that_are_being_sent_to_mlflow_are_not_deleted(ended: Handmade) -> None:
    with only_mirror(ended.folder / "journal.jsonl"), pytest.raises(TrackingError, match="mirrors this journal"):
        collect(ended.folder, dry_run=False)
    assert set(OUTPUTS) <= names(ended.last("0001-ours-s0"))


def test_nothing_is_deleted_through_a_link(ended: Handmade, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere"
    attempt = ended.folder / "ray" / "attempt-1"
    (attempt / "0001-ours-s0").rename(outside)
    (attempt / "0001-ours-s0").symlink_to(outside)
    (outside / "empty").mkdir()
    before = tree(outside)
    found = collect(ended.folder, dry_run=False)
    assert tree(outside) == before
    assert any("a link to" in remark for remark in found.remarks)
    (ended.folder / "ray").rename(tmp_path / "ray")
    (ended.folder / "ray").symlink_to(tmp_path / "ray")
    put(tmp_path / "ray" / "attempt-1" / "tuner.pkl", "of Ray")
    (tmp_path / "ray" / "empty").mkdir()
    before = tree(tmp_path / "ray")
    assert collect(ended.folder, dry_run=False).kinds == {}
    assert tree(tmp_path / "ray") == before


def test_what_is_not_known_is_left(ended: Handmade) -> None:
    attempt = ended.folder / "ray" / "attempt-1"
    kept = [
        put(attempt / "notes.txt", "mine"),
        put(attempt / "0000-vae-s0" / "notes" / "a.txt", "mine"),
        put(attempt / "0009-vae-s0" / "checkpoint_000000" / "state.json", "of another journal"),
        put(ended.folder / "ray" / "backup" / "tuner.pkl", "mine"),
        put(ended.folder / "notes" / "checkpoint_000000" / "a.txt", "mine"),
    ]
    found = collect(ended.folder, dry_run=False)
    assert all(path.is_file() for path in kept)
    assert any("0009-vae-s0: of no trial that the journal knows" in remark for remark in found.remarks)


def test_a_copied_sweep_keeps_the_same_and_leaves_the_original(ended: Handmade, tmp_path: Path) -> None:
    copy = tmp_path / "copies" / "one"
    shutil.copytree(ended.folder, copy)
    before = tree(ended.folder)
    found = collect(copy, dry_run=False)
    assert tree(ended.folder) == before
    assert str(ended.folder) not in " ".join(found.remarks), "it is no business of the copy's"
    collect(ended.folder, dry_run=False)
    assert tree(copy) == tree(ended.folder)


def test_a_moved_sweep_keeps_the_same(ended: Handmade, tmp_path: Path) -> None:
    foretold = collect(ended.folder, dry_run=True)
    moved = tmp_path / "moved" / "one"
    moved.parent.mkdir()
    ended.folder.rename(moved)
    done = collect(moved, dry_run=False)
    assert (done.kinds, done.wanted) == (foretold.kinds, foretold.wanted)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
def test_killed_anywhere_the_next_gc_finishes(tmp_path: Path) -> None:
    storage, aside = tmp_path / "sweeps", tmp_path / "aside"
    sweep = ended_sweep(storage, epochs=1)
    orphan = stored(storage / "pretrained", pretraining(sweep.spec, 9))
    put(storage / "pretrained" / f"{orphan.name}.damaged.1" / "entry.json", "damaged")
    shutil.copytree(storage, aside)
    folders = [path.relative_to(storage) for path in storage.glob("one/ray/*/*/checkpoint_000000")]
    folders.append(orphan.relative_to(storage))
    collect(sweep.folder, dry_run=False)
    wanted, steps, killed = tree(storage), 0, True
    while killed:
        steps += 1
        shutil.rmtree(storage)
        shutil.copytree(aside, storage)
        killed = _killed_at(steps, sweep.folder)
        for whole in folders:
            assert not (storage / whole).exists() or tree(storage / whole) == tree(aside / whole), "a half is left"
        collect(sweep.folder, dry_run=False)
        assert tree(storage) == wanted, f"killed at deletion {steps}"
    assert steps > 30


def _killed_at(step: int, folder: Path) -> bool:
    """Collect in a process that dies at its n-th renaming or deletion; say whether it did."""
    child = os.fork()
    if child == 0:
        left = step

        def die(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in ("os.rename", "os.remove", "os.rmdir"):
                left -= 1
                if left == 0:
                    os._exit(9)

        sys.addaudithook(die)
        collect(folder, dry_run=False)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_a_half_deleted_checkpoint_is_no_checkpoint(ended: Handmade) -> None:
    trial = ended.last("0000-vae-s0").parent
    put(trial / ".gc.0123.checkpoint_000001" / "state.json", "half of it")
    found = collect(ended.folder, dry_run=False)
    assert found.kinds["leftovers"].count == 1
    assert names(trial) == {"checkpoint_000003"}


def test_what_cannot_be_deleted_is_told(tmp_path: Path) -> None:
    place = put(tmp_path / "file", "no folder")
    with pytest.raises(CollectError, match=r"file/weights.* cannot be deleted .* run vae-sweep gc again"):
        remove(Waste("weights", place, 0, ("weights.safetensors",)))


def test_a_lost_sweep_is_not_gone_on_with(ended: Handmade) -> None:
    """Another driver takes it over between the survey and the deletions."""
    put(ended.folder / "ray" / "attempt-1" / "0009-vae-s0" / "checkpoint_000000" / "state.json", "unknown")
    before, taken = tree(ended.folder / "ray"), list[Lease]()

    def take_over(remark: str) -> None:
        lease = Watch(ended.folder / "driver", patience=0.0).take("another")
        taken.extend([lease] if lease else [])

    with pytest.raises(CollectError, match="took the sweep over"):
        collect(ended.folder, dry_run=False, note=take_over)
    assert tree(ended.folder / "ray") == before
    for lease in taken:
        lease.release(forget=True)


def test_no_sweep_and_no_journal_are_told(tmp_path: Path, ended: Handmade) -> None:
    with pytest.raises(LaunchError, match="no sweep there"):
        collect(tmp_path / "none", dry_run=False)
    (ended.folder / "journal.jsonl").unlink()
    before = tree(ended.folder / "ray")
    with pytest.raises(JournalError, match="cannot be read"):
        collect(ended.folder, dry_run=False)
    assert tree(ended.folder / "ray") == before
