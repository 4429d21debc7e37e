"""A trained model to use: a trial of a sweep, or a registered one."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from trainables.spec import TrialSpec
from trainables.text.corpus import Corpus, load_corpus
from trainables.text_vae import TextVae, load_text_vae
from vae_sweep.config.environment import data_directory
from vae_sweep.config.paths import sqlite_uri
from vae_sweep.config.sweep_spec import StorageSpec, SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.history import find_trial
from vae_sweep.journal.records import SweepRecord, TrialRecord
from vae_sweep.journal.stored_spec import existing_spec
from vae_sweep.results.retention import why_collected
from vae_sweep.results.winners import leaders, no_front
from vae_sweep.storage.layout import JOURNAL_FILE
from vae_sweep.tracking.registry import SCHEME, fetch_model

_DATABASE = "mlflow.db"

_Say = Callable[[str], None]


def trained_model(model: str, trial: str | None, uri: str | None, say: _Say) -> TextVae:
    """Return the model of a sweep's folder and a trial, or of `models:/NAME/VERSION` and a registry's URI.

    Without a trial it is the best replicate of the front's best cell by the first objective; `say` gets which.
    Raises LaunchError where there is no such sweep, trial or registry, or no weights; StateError, CorpusError,
    TrackingError.
    """
    if model.startswith(SCHEME):
        return _registered(model, trial, uri, say)
    folder = Path(model)
    spec, record = existing_spec(folder), read_sweep(folder / JOURNAL_FILE)
    chosen = find_trial(record, trial) if trial else _best(spec, record, say)
    final = chosen.final
    if final is None or final.checkpoint is None:
        state = f"{final.outcome}, without weights" if final else "it has not ended"
        raise LaunchError(f"trial {chosen.id} of sweep {record.name}: {state}; take one that has finished")
    if gone := why_collected(spec, record, chosen):
        raise LaunchError(f"trial {chosen.id} of sweep {record.name}: {gone}")

    def corpora(_: TrialSpec) -> Corpus:
        directory = spec.data.directory
        return load_corpus(spec.corpus, data_directory(Path(directory) if directory else None))

    return load_text_vae(final.checkpoint, corpora, _device())


def _best(spec: SweepSpec, record: SweepRecord, say: _Say) -> TrialRecord:
    winners = leaders(spec, record).winners
    if not winners:
        raise LaunchError(f"sweep {record.name} {no_front(spec, record)}; name a trial")
    word = spec.search.objectives[0]
    say(f"trial {winners[0]}: the best replicate of the front's best cell by {word}")
    return record.trials[winners[0]]


def _registered(model: str, trial: str | None, uri: str | None, say: _Say) -> TextVae:
    if trial is not None:
        raise LaunchError(f"{model} {trial}: a registered model is one trial; leave {trial} out")
    with tempfile.TemporaryDirectory(prefix="vae-sweep-") as directory:
        found = fetch_model(uri or _usual_registry(model, say), model, Path(directory))
        return load_text_vae(found, None, _device())


def _usual_registry(model: str, say: _Say) -> str:
    if known := os.environ.get("MLFLOW_TRACKING_URI"):
        return known
    database = Path(StorageSpec().directory, _DATABASE)
    if not database.is_file():
        raise LaunchError(
            f"{model}: in which registry? Give --tracking-uri, e.g. {sqlite_uri(database)}, or set "
            "MLFLOW_TRACKING_URI"
        )
    say(f"{model} of {database}")
    return sqlite_uri(database)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"
