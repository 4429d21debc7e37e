"""How MLflow is opened: quietly, with a whole database, and with its errors as messages of ours."""

import logging
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.base import VaeSweepError
from trainables.files import make_folder, sync_folder, write_new
from vae_sweep.config.paths import pasted, sqlite_path, sqlite_uri
from vae_sweep.tracking.moved_database import KIND, beside, follow

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_LASTING = {
    "BAD_REQUEST",
    "CUSTOMER_UNAUTHORIZED",
    "ENDPOINT_NOT_FOUND",
    "INVALID_PARAMETER_VALUE",
    "INVALID_STATE",
    "NOT_FOUND",
    "PERMISSION_DENIED",
    "RESOURCE_ALREADY_EXISTS",
    "RESOURCE_DOES_NOT_EXIST",
    "UNAUTHENTICATED",
}
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}

_DAMAGED = ("not a database", "malformed", "no such table", "no such column", "Can't locate revision")


class TrackingError(VaeSweepError):
    """MLflow cannot be reached, or refuses; `lasting` where waiting does not help."""

    def __init__(self, message: str, lasting: bool = False) -> None:
        self.lasting = lasting
        super().__init__(message)


@contextmanager
def translated_errors(uri: str) -> Iterator[None]:
    """Turn what MLflow raises inside into TrackingError."""
    _quieten()
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MlflowException as error:
        raise _in_words(uri, error.message, error.error_code in _LASTING) from error
    except (OSError, sqlite3.Error, SQLAlchemyError, CommandError) as error:
        raise _in_words(uri, str(error), False) from error


def _in_words(uri: str, text: str, lasting: bool) -> TrackingError:
    """Return an error without SQL; where a database of ours is damaged, with what helps."""
    said = " ".join(re.split(r"\[SQL|\(Background on this error", text, maxsplit=1)[0].split())
    said = re.sub(r"^(?:\(\w+\.\w+\) )+", "", said) or "no reason was given"
    database = sqlite_path(uri)
    if database is None or not any(sign in said for sign in _DAMAGED):
        return TrackingError(f"MLflow at {uri}: {said}", lasting)
    away = pasted(f"{database}.damaged")
    return TrackingError(
        f"{database}: MLflow's database is damaged ({said}). The journals of the sweeps have all that these wrote "
        f"there: move it away (mv {pasted(database)} {away}) and run vae-sweep sync on each sweep beside it, "
        "which makes the runs, their numbers and files and the registered models anew. What others wrote there, "
        "and notes of your own, are in that file alone",
        lasting=True,
    )


def find_experiment(client: "MlflowClient", uri: str, name: str, artifact_location: str | None) -> str:
    """Return an experiment's id; make it where it is absent. Raises TrackingError where it was deleted."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name, artifact_location or _beside(uri), KIND))
        except MlflowException as error:
            experiment = client.get_experiment_by_name(name)
            if experiment is None or error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
    if experiment.lifecycle_stage != "active":
        raise TrackingError(
            f"MLflow at {uri}: experiment {name!r} was deleted; restore it there, or name another "
            "with tracking.experiment",
            lasting=True,
        )
    return str(experiment.experiment_id)


def import_mlflow() -> None:
    """Import MLflow, in the thread that asks: Ray imports it too, and two threads at once deadlock in there."""
    _quieten()
    import mlflow  # noqa: F401


def open_client(uri: str) -> "MlflowClient":
    """Return a client; a database that is absent is made first, one that was moved names its artifacts anew."""
    from mlflow.tracking import MlflowClient

    database = sqlite_path(uri)
    if database and not database.exists():
        _create(database)
    elif database:
        follow(database)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _create(database: Path) -> None:
    """Make a database aside and link it to its name: a kill meanwhile, or two makers, would break it for good."""
    from mlflow.tracking import MlflowClient

    make_folder(database.parent)
    with tempfile.TemporaryDirectory(prefix=f"{database.name}.new.", dir=database.parent) as aside:
        made = Path(aside, database.name)
        write_new(made, b"")  # with the rights that the umask leaves: sqlite would take the group's
        MlflowClient(tracking_uri=sqlite_uri(made)).search_experiments(max_results=1)
        with suppress(FileExistsError):
            os.link(made, database)
            sync_folder(database.parent)


def _beside(uri: str) -> str | None:
    database = sqlite_path(uri)
    return beside(database) if database else None


def _quieten() -> None:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in ("mlflow", "alembic"):
        if logging.getLogger(name).level != logging.CRITICAL:  # to set it forgets every logger's level: 5 ms
            logging.getLogger(name).setLevel(logging.CRITICAL)
