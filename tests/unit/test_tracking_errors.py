"""What is said where MLflow fails: always a reason, never SQL, and what helps."""

import sqlite3
from pathlib import Path

import pytest

from tests.journals import whole_sweep
from vae_sweep.tracking.client import TrackingError, translated_errors
from vae_sweep.tracking.mirror import Mirror, reason, sync_journal


def said_of(tmp_path: Path, error: Exception) -> str:
    with pytest.raises(TrackingError) as caught, translated_errors(f"sqlite:///{tmp_path}/my mlflow.db"):
        raise error
    return str(caught.value)


@pytest.mark.slow
def test_a_damaged_database_is_named_with_what_to_move_and_what_comes_back(tmp_path: Path) -> None:
    database, journal = tmp_path / "my mlflow.db", tmp_path / "journal.jsonl"
    whole_sweep(journal, tmp_path)
    database.write_bytes(b"no database" * 1000)
    for _ in range(2):
        with pytest.raises(TrackingError) as caught:
            sync_journal(journal, f"sqlite:///{database}", "texts")
        said = str(caught.value)
        assert f"{database}: MLflow's database is damaged (file is not a database)" in said
        assert f"mv '{database}' '{database}.damaged'" in said
        assert "run vae-sweep sync on each sweep beside it" in said
        assert "SQL:" not in said
        assert "sqlalche.me" not in said
        assert caught.value.lasting
    database.rename(f"{database}.damaged")
    unknown_to_this_process = f"sqlite:///{tmp_path}/./{database.name}"
    assert sync_journal(journal, unknown_to_this_process, "texts").runs == 4


def test_no_error_of_a_database_shows_sql(tmp_path: Path) -> None:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import OperationalError

    locked = OperationalError("SELECT secrets FROM runs", {}, sqlite3.OperationalError("database is locked"))
    for error in (locked, MlflowException(str(locked))):
        assert said_of(tmp_path, error) == f"MLflow at sqlite:///{tmp_path}/my mlflow.db: database is locked"
    assert said_of(tmp_path, OSError()).endswith(": no reason was given")


def test_what_is_missing_at_the_end_has_a_reason(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    whole_sweep(journal, tmp_path)
    mirror = Mirror(journal, f"sqlite:///{tmp_path}/mlflow.db", "texts", "small")
    assert mirror.close(0.0) > 0
    assert mirror.last_error == "0 seconds were not enough to send them"
    assert reason(KeyError()) == "KeyError"
    assert reason(TrackingError("the server is away")) == "the server is away"
