"""A moved or copied database of MLflow names the artifacts beside it; those of others stay as they are."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from vae_sweep.tracking.moved_database import KIND, beside, follow

OTHER = "s3://bucket/mlartifacts"
TABLES = (
    "experiments (experiment_id, artifact_location)",
    "experiment_tags (experiment_id, key, value)",
    "runs (run_uuid, artifact_uri)",
    "logged_models (model_id, artifact_location)",
    "model_versions (name, source, storage_location)",
)


def made(database: Path) -> Path:
    """A database with our experiment, one on object storage, and one of somebody else."""
    database.parent.mkdir(parents=True)
    (database.parent / "mlartifacts").mkdir()
    own, theirs = beside(database), "file:///theirs/mlartifacts"
    [(key, value)] = KIND.items()
    with closing(sqlite3.connect(database)) as connection, connection:
        for table in TABLES:
            connection.execute(f"CREATE TABLE {table}")
        rows = [(1, own), (2, OTHER), (3, theirs)]
        connection.executemany("INSERT INTO experiments VALUES (?, ?)", rows)
        connection.executemany("INSERT INTO experiment_tags VALUES (?, ?, ?)", [(1, key, value), (2, key, value)])
        runs = [(f"{place}/r{number}/artifacts",) for number, place in rows]
        connection.executemany("INSERT INTO runs VALUES ('r', ?)", [*runs, (f"{own}-not/r/artifacts",)])
        connection.execute("INSERT INTO logged_models VALUES ('m', ?)", (f"{own}/models/m/artifacts",))
        connection.execute("INSERT INTO model_versions VALUES ('n', ?, ?)", [f"{own}/models/m/artifacts"] * 2)
    return database


def places(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT artifact_location FROM experiments UNION ALL SELECT artifact_uri FROM runs "
        query += "UNION ALL SELECT artifact_location FROM logged_models "
        query += (
            "UNION ALL SELECT source FROM model_versions UNION ALL SELECT storage_location FROM model_versions"
        )
        return [place for (place,) in connection.execute(query)]


@pytest.mark.parametrize("name", ["new", "with blank and %"])
def test_our_locations_follow_and_no_others(tmp_path: Path, name: str) -> None:
    old = made(tmp_path / "old" / "mlflow.db")
    before, new = places(old), tmp_path / name / "mlflow.db"
    shutil.copytree(tmp_path / "old", tmp_path / name)
    follow(new)
    was, now = beside(old), beside(new)
    assert places(new) == [
        now + place.removeprefix(was) if f"{place}/".startswith(f"{was}/") else place for place in before
    ]
    assert sum(place.startswith(now) for place in places(new)) == 5
    assert places(old) == before
    shutil.rmtree(tmp_path / "old")
    (tmp_path / name).rename(tmp_path / "again")
    follow(tmp_path / "again" / "mlflow.db")
    assert (
        sum(
            place.startswith(beside(tmp_path / "again" / "x"))
            for place in places(tmp_path / "again" / "mlflow.db")
        )
        == 5
    )


def test_where_it_lies_it_is_left_alone(tmp_path: Path) -> None:
    database = made(tmp_path / "old" / "mlflow.db")
    database.chmod(0o444)
    before = database.stat().st_mtime_ns, places(database)
    follow(database)
    assert (database.stat().st_mtime_ns, places(database)) == before


def test_artifacts_that_stayed_behind_are_named(tmp_path: Path) -> None:
    old = made(tmp_path / "old" / "mlflow.db")
    (tmp_path / "new").mkdir()
    new = Path(shutil.copy(old, tmp_path / "new"))
    before = places(new)
    with pytest.raises(FileNotFoundError, match=f"copy {tmp_path}/old/mlartifacts to {tmp_path}/new/mlartifacts"):
        follow(new)
    assert places(new) == before
    (tmp_path / "old" / "mlartifacts").rmdir()
    follow(new)
    assert places(new) != before, "there are none, so nothing is lost"


def test_an_empty_database_has_nothing_to_follow(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    follow(tmp_path / "mlflow.db")
