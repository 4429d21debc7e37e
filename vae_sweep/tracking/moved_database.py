"""A database of MLflow that was moved or copied: its rows name their artifacts by absolute paths.

MLflow makes a location absolute when it makes an experiment, a run or a model, and has no call that changes it.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

FOLDER = "mlartifacts"
"""Where artifacts lie beside a database, if nothing else is asked for."""

KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Tag of our experiments, which MLflow's pages show as training; others they take for evaluations of prompts."""

COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def beside(database: Path) -> str:
    """Return the artifact location that experiments of a database get if nothing else is asked for."""
    return database.parent.joinpath(FOLDER).resolve().as_uri()


def follow(database: Path) -> None:
    """Have a database name the artifacts that lie beside it, where it was moved or copied.

    Locations of our own experiments alone are rewritten, all or none. Raises FileNotFoundError where the artifacts
    stayed behind, sqlite3.Error.
    """
    with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
        wanted = beside(database)
        if _elsewhere(connection, wanted):
            connection.execute("BEGIN IMMEDIATE")
            for old in _elsewhere(connection, wanted):
                _check_came_along(database, _directory(old))
                _rewrite(connection, old, wanted)
            connection.execute("COMMIT")


def _elsewhere(connection: sqlite3.Connection, wanted: str) -> list[str]:
    """Return the locations, beside a database in another directory, that our experiments name."""
    if not {"experiments", "experiment_tags"} <= _tables(connection):
        return []
    [(key, value)] = KIND.items()
    found = connection.execute(
        "SELECT DISTINCT artifact_location FROM experiments JOIN experiment_tags USING (experiment_id) "
        "WHERE key = ? AND value = ?",
        (key, value),
    )
    locations = [str(location) for (location,) in found]
    return [each for each in locations if each.startswith("file:") and _is_beside(each) and each != wanted]


def _check_came_along(database: Path, old: Path) -> None:
    new = database.parent / FOLDER
    if old.is_dir() and not new.exists():
        raise FileNotFoundError(
            f"{database} was moved or copied without its artifacts: copy {old} to {new}, or move the database "
            "away, and run vae-sweep sync"
        )


def _directory(location: str) -> Path:
    return Path(unquote(urlsplit(location).path))


def _is_beside(location: str) -> bool:
    return location.endswith(f"/{FOLDER}")


def _rewrite(connection: sqlite3.Connection, old: str, new: str) -> None:
    tables = _tables(connection)
    for table, column in COLUMNS:
        if table in tables:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 - names of ours
                f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
            )


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
