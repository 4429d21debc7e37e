"""Trained models in MLflow's registry: each trial is logged as a model once, and registered once under a name."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.storage_paths import StoragePath
from vae_sweep.config.paths import sqlite_path
from vae_sweep.journal.records import SweepRecord, TrialRecord
from vae_sweep.tracking.client import open_client, translated_errors
from vae_sweep.tracking.descriptions import short_numbers, trial_note
from vae_sweep.tracking.model_files import TRIAL_FOLDER, ModelError, model_files, save
from vae_sweep.tracking.runs import SWEEP_TAG, TRIAL_TAG, milliseconds, storable

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

BEST = "best"
"""Alias of the version that is the best by the sweep's first objective, of those that did not collapse."""

SCHEME = "models:/"
_ADDRESS = re.compile(SCHEME + r"[^/@]+(/[0-9]+|@[^/@]+)")
_KIND = "text VAE"
VERSIONS_TAG = "mlflow.modelVersions"


@dataclass(frozen=True, slots=True)
class ModelCandidate:
    """A trial as a model: what its version says, and where its files lie."""

    trial: str
    identity: dict[str, str]
    tags: dict[str, str]
    numbers: dict[str, float]
    note: str
    moment: int
    files: StoragePath


def model_candidate(sweep: SweepRecord, trial: TrialRecord) -> ModelCandidate:
    """Return an ended trial as a model. Raises ModelError where it left no weights."""
    final = trial.final
    if final is None or final.checkpoint is None:
        raise ModelError(f"{trial.id}: not ended with weights, so there is no model to register")
    numbers = short_numbers(final.numbers, "validation")
    about = {
        "trial": trial.id,
        "sweep": sweep.name,
        "method": trial.method,
        "seed": trial.seed,
        "cell": trial.cell,
    }
    measured = {metric: f"{value:.6g}" for metric, value in numbers.items()}
    return ModelCandidate(
        trial.id,
        {SWEEP_TAG: sweep.identity, TRIAL_TAG: trial.id},
        {key: storable(str(value)) for key, value in {**about, **trial.values, **measured}.items()},
        numbers,
        storable(trial_note(sweep, trial)),
        milliseconds(final.time),
        final.checkpoint,
    )


class Registry:
    """Registers trials of one experiment; every call may be repeated without effect. Raises TrackingError."""

    def __init__(self, client: "MlflowClient", experiment: str) -> None:
        self._client, self._experiment = client, experiment

    def register(self, name: str, wanted: ModelCandidate, run_id: str) -> tuple[str, bool]:
        """Return the version under which a trial is registered, and whether it was made just now."""
        known = self._version(name, wanted)
        if known is not None:
            return str(known.version), False
        model = self._model(wanted) or self._log(wanted, run_id)
        self._link(model, run_id)
        self._make(name)
        tags, source = wanted.identity | wanted.tags, model.artifact_location
        made = self._client.create_model_version(name, source, run_id, tags, None, wanted.note, 0, model.model_id)
        self._tell(model, made)
        return str(made.version), True

    def crown(self, name: str, version: str) -> None:
        """Give the version the alias of the best."""
        if str(self._client.get_registered_model(name).aliases.get(BEST)) != version:
            self._client.set_registered_model_alias(name, BEST, version)

    def _version(self, name: str, wanted: ModelCandidate) -> "ModelVersion | None":
        for found in self._client.search_model_versions(f"name = '{name}'", max_results=10_000):
            if wanted.identity.items() <= found.tags.items():
                return found
        return None

    def _model(self, wanted: ModelCandidate) -> "LoggedModel | None":
        """Return the trial's logged model; one that a kill left half logged is deleted."""
        query = " AND ".join(f"tags.`{key}` = '{value}'" for key, value in wanted.identity.items())
        ready = None
        for found in self._client.search_logged_models([self._experiment], query):
            if found.status == "READY":
                ready = found
            else:
                self._client.delete_logged_model(found.model_id)
        return ready

    def _log(self, wanted: ModelCandidate, run_id: str) -> "LoggedModel":
        from mlflow.entities import Metric

        tags = wanted.identity | wanted.tags
        with model_files(wanted.files, wanted.trial) as files:
            model = self._client.create_logged_model(self._experiment, wanted.trial, run_id, tags, None, _KIND)
            save(files, files / "model", run_id, model)
            self._client.log_model_artifacts(model.model_id, str(files / "model"))
        points = [
            Metric(key, value, wanted.moment, 0, model_id=model.model_id, run_id=run_id)
            for key, value in wanted.numbers.items()
        ]
        self._client.log_batch(run_id, points)
        return self._client.finalize_logged_model(model.model_id, "READY")

    def _link(self, model: "LoggedModel", run_id: str) -> None:
        from mlflow.entities import LoggedModelOutput

        outputs = self._client.get_run(run_id).outputs
        if model.model_id not in {found.model_id for found in (outputs.model_outputs if outputs else ())}:
            self._client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])

    def _make(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(
                name,
                description="Text VAEs; `best` is the best by its sweep's first objective that did not collapse.",
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _tell(self, model: "LoggedModel", made: "ModelVersion") -> None:
        """Have the logged model name its versions, as the UI's links do."""
        known = json.loads(model.tags.get(VERSIONS_TAG, "[]"))
        known.append({"name": made.name, "version": made.version})
        self._client.set_logged_model_tags(model.model_id, {VERSIONS_TAG: json.dumps(known)})


def fetch_model(uri: str, address: str, directory: Path) -> Path:
    """Download a registered model, `models:/name/version` or `models:/name@alias`; return its trial's files.

    Raises ModelError for a wrong address or a model that vae-sweep did not make, TrackingError for an absent one.
    """
    if not _ADDRESS.fullmatch(address):
        raise ModelError(f"{address}: expected models:/NAME/VERSION or models:/NAME@ALIAS")
    database = sqlite_path(uri)
    if database is not None and not database.is_file():
        raise ModelError(f"{address}: no database {database}; give the URI of the registry that has the model")
    with translated_errors(uri):
        from mlflow.artifacts import download_artifacts

        client = open_client(uri)
        version = _resolved(client, address)
        place = client.get_model_version_download_uri(version.name, version.version)
        local = download_artifacts(artifact_uri=place, dst_path=str(directory), tracking_uri=uri)
    trial = Path(local, "artifacts", TRIAL_FOLDER)
    if not trial.is_dir():
        raise ModelError(f"{address}: not a model that vae-sweep registered")
    return trial


def _resolved(client: "MlflowClient", address: str) -> "ModelVersion":
    name, at, alias = address.removeprefix(SCHEME).partition("@")
    if at:
        return client.get_model_version_by_alias(name, alias)
    name, _, number = name.partition("/")
    return client.get_model_version(name, number)
