"""A launch compares a sweep under the sweep's lock, and refuses a file system that has no locks."""

import errno
from pathlib import Path

import pytest

from tests.fault_files import failing, watching
from tests.journal_writer import small_sweep
from trainables.base import CorpusError
from trainables.text.fetch import fetch
from trainables.text.sources import SOURCES
from vae_sweep.errors import LaunchError
from vae_sweep.journal.stored_spec import store_spec
from vae_sweep.planning.plan import make_plan
from vae_sweep.running.launch import launch
from vae_sweep.tracking.client import TrackingError
from vae_sweep.tracking.mirror import only_mirror


def test_the_folder_is_checked_under_the_lock(tmp_path: Path) -> None:
    storage = {"storage": {"directory": str(tmp_path)}}
    store_spec(tmp_path / "small", small_sweep(**storage))
    plan = make_plan(small_sweep(**storage, seeds=[7]))
    with watching(f"{tmp_path}/*") as seen, pytest.raises(LaunchError, match="holds a sweep 'small' with another"):
        launch(plan, lambda line: None)
    names = [f"{event} {Path(path).name}" for event, path in seen]
    taken, read, let_go = map(names.index, ("open driver.1", "open sweep.json", "os.remove driver.1"))
    assert taken < read < let_go, names
    assert [path.name for path in (tmp_path / "small").iterdir()] == ["sweep.json"]


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_file_system_without_locks_is_refused_before_anything_is_written(tmp_path: Path, code: int) -> None:
    plan = make_plan(small_sweep(storage={"directory": str(tmp_path)}))
    with (
        failing(code, f"{tmp_path}/*", "lock"),
        pytest.raises(LaunchError, match=r"storage\.directory: .*/small: files there cannot be locked.*-o flock"),
    ):
        launch(plan, lambda line: None)
    assert not list((tmp_path / "small").iterdir())


def test_what_locks_else_says_the_same(tmp_path: Path) -> None:
    with failing(errno.ENOSYS, f"{tmp_path}/*", "lock"):
        with pytest.raises(
            TrackingError, match=r"mirror\.lock: cannot be locked \(Function not implemented\); mount"
        ):
            only_mirror(tmp_path / "journal.jsonl").__enter__()
        with pytest.raises(CorpusError, match=r"files there cannot be locked .*; mount it with locks"):
            fetch(SOURCES["ptb"], tmp_path, lambda *_: None)
