"""A store on a full disk: the error is told, and nothing half written or held is left behind."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.helpers import tiny_corpus
from tests.shared_trials import TRIALS, pretrained, ran, same_trial
from trainables.training.report import StoreReport
from trainables.training.state import TrialState
from trainables.trial import run_trial
from vae_sweep.errors import LaunchError
from vae_sweep.storage.layout import check_writable
from vae_sweep.storage.lease import Watch
from vae_sweep.storage.pretraining_entry import address, environment_of, write_entry
from vae_sweep.storage.pretraining_store import PretrainedStore

SPEC = TRIALS["adam-tail"]
PHASE = SPEC.phases()[0]
HERE = environment_of(torch.device("cpu"), 1, "above")
PAGE = 4096


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 512 KiB; the tests that ask for it are skipped where mounting is not permitted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mounting, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(f"a full disk needs a small one, and there is no mount here ({error})")
    if mounted.returncode:
        pytest.skip(f"a full disk needs a small one: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path, pages_left: int = 0) -> Path:
    """Fill a disk but for some pages of 4 KiB."""
    filler, room = disk / "filler", os.statvfs(disk)
    filler.write_bytes(bytes((room.f_bavail - pages_left) * room.f_bsize))
    return filler


@pytest.mark.parametrize("pages_left", [0, 1, 2, 3])
def test_a_full_disk_leaves_no_half_entry(pages_left: int, small_disk: Path) -> None:
    entry, state = small_disk / address(PHASE, HERE), pretrained(SPEC)[-1]
    filler = fill(small_disk, pages_left)
    with pytest.raises(OSError) as full:
        write_entry(entry, PHASE, HERE, state, None, "sweep/a")
    assert full.value.errno == errno.ENOSPC
    assert [path.name for path in small_disk.iterdir()] == ["filler"]
    filler.unlink()
    assert write_entry(entry, PHASE, HERE, state, None, "sweep/a")
    sizes = [file.stat().st_size for file in entry.iterdir()]
    assert pages_left < sum(-(-size // PAGE) for size in sizes), "there was room for all"


def test_a_trial_on_a_full_disk_lets_go_for_the_next(small_disk: Path) -> None:
    running = run_trial(SPEC, tiny_corpus(), TrialState(), store=PretrainedStore(small_disk, "sweep/a"))
    assert isinstance(next(running)[0], StoreReport)
    filler = fill(small_disk)
    with pytest.raises(OSError) as full:
        next(running)
    assert full.value.errno == errno.ENOSPC
    filler.unlink()
    found = ran(SPEC, PretrainedStore(small_disk, "sweep/b"))
    assert found.events == ["miss"], "nobody is waited for"
    assert same_trial(found, ran(SPEC, None))


def test_a_full_disk_leaves_no_half_lease(small_disk: Path) -> None:
    """It would look like one that is being written, and all would wait for it."""
    fill(small_disk)
    with pytest.raises(OSError) as full:
        Watch(small_disk / "name").take("sweep/a")
    assert full.value.errno == errno.ENOSPC
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_launch_finds_a_full_disk_before_it_begins(small_disk: Path) -> None:
    """A file of no bytes would find room."""
    fill(small_disk, pages_left=2)
    (small_disk / "empty").touch()
    with pytest.raises(LaunchError, match=r"cannot be written \(No space left on device\); make space;"):
        check_writable(small_disk / "sweep")
    assert list((small_disk / "sweep").iterdir()) == []
    (small_disk / "filler").unlink()
    check_writable(small_disk / "sweep")
    assert list((small_disk / "sweep").iterdir()) == []
