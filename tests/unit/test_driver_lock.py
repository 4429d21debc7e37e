"""The lock of a sweep's driver."""

import os
from pathlib import Path

import pytest

from vae_sweep.errors import LaunchError
from vae_sweep.storage.driver_lock import LOCK, driver_lock, driver_of
from vae_sweep.storage.lease import Owner, Watch, newest


def stranger(folder: Path, **changes: object) -> Owner:
    """Write the lock of a driver that is not this process."""
    taken = Watch(folder / "driver").take("another")
    assert taken is not None
    taken.release()
    seen = newest(folder / "driver")
    assert seen is not None
    assert seen.owner is not None
    owner = seen.owner.model_copy(update={"released": False, **changes})
    (folder / f"driver.{seen.number}").write_text(owner.model_dump_json())
    return owner


def test_a_second_driver_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    with driver_lock(tmp_path):
        owner = driver_of(tmp_path)
        assert owner is not None
        assert owner.process == os.getpid()
        with pytest.raises(LaunchError, match=rf"process {os.getpid()} on .* for 0 s"), driver_lock(tmp_path):
            pass
    assert driver_of(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_dead_drivers_lock_is_taken_over_at_once(tmp_path: Path) -> None:
    stranger(tmp_path, process=2**22 + 1)
    with driver_lock(tmp_path):
        owner = driver_of(tmp_path)
        assert owner is not None
        assert owner.process == os.getpid()


def test_a_process_of_the_same_number_that_began_later_is_no_driver(tmp_path: Path) -> None:
    stranger(tmp_path, born="1")
    assert driver_of(tmp_path) is None
    with driver_lock(tmp_path):
        pass


def test_a_driver_on_another_machine_is_taken_over_when_it_stays_silent(
    tmp_path: Path,
) -> None:
    stranger(tmp_path, place="another machine", host="elsewhere")
    with driver_lock(tmp_path, Watch(tmp_path / LOCK, patience=0.2, beat=0.05)):
        owner = driver_of(tmp_path)
        assert owner is not None
        assert owner.process == os.getpid()


def test_a_driver_on_another_machine_that_beats_is_respected(tmp_path: Path) -> None:
    theirs = Watch(tmp_path / LOCK, beat=0.05, place="another machine")
    ours = Watch(tmp_path / LOCK, beat=0.3)
    with (
        driver_lock(tmp_path, theirs),
        pytest.raises(LaunchError, match="is driven by process"),
        driver_lock(tmp_path, ours),
    ):
        pass
