"""A sweep's folder: refusal of another spec, the driver's lock."""

import json
import os
import socket
from pathlib import Path

import pytest

from vae_sweep.errors import LaunchError
from vae_sweep.spec import SweepSpec
from vae_sweep.sweep.folder import LOCK_FILE, adopt_spec, changed, check_folder, driver_lock, existing_spec


def sweep(tmp_path: Path, **changes: object) -> SweepSpec:
    fields: dict[str, object] = {
        "name": "one",
        "corpus": {"name": "captions"},
        "methods": {"ours": {"target_rate": {"choice": [2, 4]}}},
        "storage": {"directory": str(tmp_path)},
    }
    return SweepSpec.model_validate(fields | changes)


def test_the_same_spec_is_adopted_again_and_read_back(tmp_path: Path) -> None:
    adopt_spec(tmp_path / "one", sweep(tmp_path))
    adopt_spec(tmp_path / "one", sweep(tmp_path))
    assert existing_spec(tmp_path / "one") == sweep(tmp_path)


def test_another_spec_is_refused_with_the_difference(tmp_path: Path) -> None:
    adopt_spec(tmp_path / "one", sweep(tmp_path))
    with pytest.raises(LaunchError, match=r"model.latent_size: 32 -> 16"):
        check_folder(tmp_path / "one", sweep(tmp_path, model={"latent_size": 16}))


def test_resources_may_change_between_launches(tmp_path: Path) -> None:
    assert changed(sweep(tmp_path), sweep(tmp_path, resources={"cpu": 2})) == []


def test_a_damaged_spec_is_named(tmp_path: Path) -> None:
    adopt_spec(tmp_path / "one", sweep(tmp_path))
    (tmp_path / "one" / "sweep.json").write_text('{"name": "one"')
    with pytest.raises(LaunchError, match=r"sweep\.json: not a sound sweep spec"):
        check_folder(tmp_path / "one", sweep(tmp_path))


def test_a_folder_without_a_sweep_is_named(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="no sweep there"):
        existing_spec(tmp_path)


def test_a_renamed_folder_is_refused(tmp_path: Path) -> None:
    adopt_spec(tmp_path / "one", sweep(tmp_path))
    (tmp_path / "one").rename(tmp_path / "two")
    with pytest.raises(LaunchError, match="rename it back"):
        existing_spec(tmp_path / "two")


def test_a_moved_sweep_is_found_where_it_lies(tmp_path: Path) -> None:
    adopt_spec(tmp_path / "one", sweep(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "one").rename(tmp_path / "elsewhere" / "one")
    assert existing_spec(tmp_path / "elsewhere" / "one").storage.directory == str(tmp_path / "elsewhere")


def test_storage_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LaunchError, match="cannot be written"):
        check_folder(tmp_path / "file" / "one", sweep(tmp_path))


def test_a_second_driver_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    with driver_lock(tmp_path), pytest.raises(LaunchError, match=f"process {os.getpid()}"), driver_lock(tmp_path):
        pass
    with driver_lock(tmp_path):
        assert (tmp_path / LOCK_FILE).exists()
    assert not (tmp_path / LOCK_FILE).exists()


def test_a_dead_drivers_lock_is_taken_over(tmp_path: Path) -> None:
    owner = {"host": socket.gethostname(), "process": 2**22 + 1, "since": 0.0}
    (tmp_path / LOCK_FILE).write_text(json.dumps(owner))
    with driver_lock(tmp_path):
        assert json.loads((tmp_path / LOCK_FILE).read_text())["process"] == os.getpid()


def test_a_lock_of_another_machine_is_respected(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text(json.dumps({"host": "elsewhere", "process": 1, "since": 0.0}))
    with pytest.raises(LaunchError, match="on elsewhere"), driver_lock(tmp_path):
        pass
