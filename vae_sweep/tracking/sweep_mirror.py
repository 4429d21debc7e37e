"""Where a sweep's mirror in MLflow lies, and what it says beyond the journal."""

from functools import partial
from pathlib import Path

from vae_sweep.config.paths import pasted, sqlite_uri
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.history import find_trial
from vae_sweep.results.winners import leaders, no_front
from vae_sweep.storage.layout import JOURNAL_FILE, storage_directory
from vae_sweep.tracking.mirror import Mirror, register_models, sync_journal
from vae_sweep.tracking.writer import MirrorCounts


def tracking_uri(spec: SweepSpec) -> str:
    """Return the spec's tracking URI, or that of the sqlite database in its storage directory."""
    return spec.tracking.uri or sqlite_uri(storage_directory(spec) / "mlflow.db")


def browse_command(spec: SweepSpec) -> str:
    """Return what opens the MLflow UI on the sweep."""
    return spec.tracking.uri or f"mlflow ui --backend-store-uri {pasted(tracking_uri(spec))}"


def mirror_for(spec: SweepSpec, folder: Path) -> Mirror:
    """Return the mirror of a sweep's journal, not yet started."""
    judge = partial(leaders, spec)
    return Mirror(folder / JOURNAL_FILE, tracking_uri(spec), spec.tracking.experiment, spec.name, judge=judge)


def sync_sweep(spec: SweepSpec, folder: Path) -> MirrorCounts:
    """Send to MLflow what is missing there of a sweep. Raises JournalError, TrackingError."""
    judge = partial(leaders, spec)
    return sync_journal(folder / JOURNAL_FILE, tracking_uri(spec), spec.tracking.experiment, judge=judge)


def register_trials(spec: SweepSpec, folder: Path, trial: str | None, name: str | None) -> dict[str, str]:
    """Register a trial, or without one the winners of the front so far, of which the first becomes `best`.

    Returns trial -> version; the name is the sweep's if none is given. Raises LaunchError, JournalError,
    TrackingError.
    """
    record = read_sweep(folder / JOURNAL_FILE)
    chosen = (find_trial(record, trial).id,) if trial else leaders(spec, record).winners
    if not chosen:
        raise LaunchError(f"sweep {record.name} {no_front(spec, record)}; name a trial to register")
    uri, judge = tracking_uri(spec), partial(leaders, spec)
    known = name or spec.name
    return register_models(
        folder / JOURNAL_FILE, uri, spec.tracking.experiment, judge, chosen, known, trial is None
    )
