"""A storage directory may be called anything; a sweep in it nothing that the storage has of its own."""

import shlex
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from tests.unit.broken_spaces import GOOD, problems_of
from vae_sweep.config.paths import pasted, sqlite_path, sqlite_uri
from vae_sweep.config.sweep_spec import DATABASE, TAKEN, SweepSpec
from vae_sweep.doctor.files import examine_database
from vae_sweep.storage.layout import STORE_FOLDER
from vae_sweep.storage.object_storage import IDENTITY_FILE
from vae_sweep.tracking.client import find_experiment, open_client, translated_errors
from vae_sweep.tracking.sweep_mirror import browse_command, tracking_uri

NAMES = ("plain", "a b", "a#b", "a?b", "a%b", "a%20b", "a%3Fb", "ä&;'b", "$HOME", "a?b=c&d#e%f")


def sweep(directory: Path) -> SweepSpec:
    fields = {"name": "x", "corpus": {"name": "captions"}, "methods": {"vae": {}}}
    return SweepSpec.model_validate(fields | {"storage": {"directory": str(directory)}})


def test_what_the_storage_has_is_known() -> None:
    assert {STORE_FOLDER, IDENTITY_FILE, DATABASE, "mlartifacts"} == set(TAKEN)


@pytest.mark.parametrize("name", [*TAKEN, "MLflow.db", "Pretrained", "mlflow.db-wal", "mlflow.db-journal"])
def test_a_sweep_is_not_called_like_the_storages_own(name: str, tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, GOOD, f"name={name}")
    assert "the storage directory has something of its own called so; not pretrained, mlartifacts" in problem


@pytest.mark.parametrize("name", NAMES)
def test_the_databases_uri_leads_to_the_storage(name: str, tmp_path: Path) -> None:
    directory = tmp_path / name
    directory.mkdir()
    uri = tracking_uri(sweep(directory))
    assert sqlite_path(uri) == directory / "mlflow.db"
    assert sqlite_path(f"{uri}?timeout=5") == directory / "mlflow.db"
    with create_engine(make_url(uri)).begin() as connection:
        connection.execute(text("create table seen (a int)"))
    assert [path.name for path in directory.iterdir()] == ["mlflow.db"]
    assert [path.name for path in tmp_path.iterdir()] == [name]
    [finding] = examine_database("mlflow", uri, "")
    assert finding.where == str(directory / "mlflow.db")


@pytest.mark.parametrize("name", NAMES)
def test_the_command_that_shows_curves_can_be_pasted(name: str, tmp_path: Path) -> None:
    spec = sweep(tmp_path / name)
    assert shlex.split(browse_command(spec)) == ["mlflow", "ui", "--backend-store-uri", tracking_uri(spec)]
    assert shlex.split(f"vae-sweep resume {pasted(tmp_path / name)}")[2] == str(tmp_path / name)


@pytest.mark.slow
def test_mlflow_keeps_everything_below_an_odd_storage(tmp_path: Path) -> None:
    directory = tmp_path / "a?b c#d%20e"
    uri = tracking_uri(sweep(directory))
    with translated_errors(uri):
        client = open_client(uri)
        run = client.create_run(find_experiment(client, uri, "odd", None))
        client.log_text(run.info.run_id, "kept", "note.txt")
        assert [each.path for each in client.list_artifacts(run.info.run_id)] == ["note.txt"]
    assert [path.name for path in tmp_path.iterdir()] == [directory.name]
    assert sorted(path.name for path in directory.iterdir()) == ["mlartifacts", "mlflow.db"]


def test_plain_uris_are_as_they_were() -> None:
    assert sqlite_uri(Path("/x/mlflow.db")) == "sqlite:////x/mlflow.db"
    assert sqlite_path("http://mlflow:5000") is None
    assert sqlite_path("sqlite://") is None
