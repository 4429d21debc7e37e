"""What a launch compares a sweep with is read under the sweep's lock: no other launch comes between."""

from pathlib import Path

import pytest

from tests.fault_files import watching
from tests.journal_writer import small_sweep
from vae_sweep.errors import LaunchError
from vae_sweep.journal.stored_spec import store_spec
from vae_sweep.planning.plan import make_plan
from vae_sweep.running.launch import launch


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
