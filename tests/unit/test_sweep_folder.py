"""A sweep's folder: its spec, and where it lies."""

from pathlib import Path

import pytest

from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.journal.journal import Journal
from vae_sweep.journal.stored_spec import existing_spec, store_spec
from vae_sweep.planning.compatibility import changed, check_folder


def sweep(tmp_path: Path, **changes: object) -> SweepSpec:
    fields: dict[str, object] = {
        "name": "one",
        "corpus": {"name": "captions"},
        "methods": {"ours": {"target_rate": {"choice": [2, 4]}}},
        "storage": {"directory": str(tmp_path)},
    }
    return SweepSpec.model_validate(fields | changes)


def test_the_same_spec_is_stored_again_and_read_back(tmp_path: Path) -> None:
    store_spec(tmp_path / "one", sweep(tmp_path))
    store_spec(tmp_path / "one", sweep(tmp_path))
    assert existing_spec(tmp_path / "one") == sweep(tmp_path)


def test_another_spec_is_refused_with_the_difference(tmp_path: Path) -> None:
    store_spec(tmp_path / "one", sweep(tmp_path))
    with pytest.raises(LaunchError, match=r"model.latent_size: 32 -> 16"):
        check_folder(tmp_path / "one", sweep(tmp_path, model={"latent_size": 16}))


def test_resources_may_change_between_launches(tmp_path: Path) -> None:
    assert changed(sweep(tmp_path), sweep(tmp_path, resources={"cpu": 2})) == []


def test_a_damaged_spec_is_named_and_the_journals_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_spec(tmp_path / "one", sweep(tmp_path))
    (tmp_path / "one" / "sweep.json").write_text('{"name": "one"')
    plain = sweep(tmp_path).model_dump(mode="json", by_alias=True)
    common = {"sweep": "one", "attempt": 1, "versions": {}, "git_commit": None, "corpus": {}}
    with Journal(tmp_path / "one" / "journal.jsonl") as journal:
        journal.write("launch", spec=plain, **common)
    assert existing_spec(tmp_path / "one") == sweep(tmp_path)
    assert "sweep.json: not a sound sweep spec" in capsys.readouterr().err


def test_a_damaged_spec_without_a_journal_is_named(tmp_path: Path) -> None:
    store_spec(tmp_path / "one", sweep(tmp_path))
    (tmp_path / "one" / "sweep.json").write_text('{"name": "one"')
    with pytest.raises(LaunchError, match=r"sweep\.json: not a sound sweep spec"):
        check_folder(tmp_path / "one", sweep(tmp_path))


def test_a_folder_without_a_sweep_is_named(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="no sweep there"):
        existing_spec(tmp_path)


def test_a_renamed_folder_is_refused(tmp_path: Path) -> None:
    store_spec(tmp_path / "one", sweep(tmp_path))
    (tmp_path / "one").rename(tmp_path / "two")
    with pytest.raises(LaunchError, match="rename it back"):
        existing_spec(tmp_path / "two")


def test_a_moved_sweep_is_found_where_it_lies(tmp_path: Path) -> None:
    store_spec(tmp_path / "one", sweep(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "one").rename(tmp_path / "elsewhere" / "one")
    assert existing_spec(tmp_path / "elsewhere" / "one").storage.directory == str(tmp_path / "elsewhere")


def test_storage_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LaunchError, match="cannot be written"):
        check_folder(tmp_path / "file" / "one", sweep(tmp_path))
