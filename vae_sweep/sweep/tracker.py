"""Where a sweep's mirror in MLflow lies."""

from pathlib import Path

from vae_sweep.spec import SweepSpec
from vae_sweep.sweep.folder import JOURNAL_FILE, storage_directory
from vae_sweep.tracking.mirror import Mirror


def tracking_uri(spec: SweepSpec) -> str:
    """Return the spec's tracking URI, or that of the sqlite database in its storage directory."""
    return spec.tracking.uri or f"sqlite:///{storage_directory(spec) / 'mlflow.db'}"


def browse_command(spec: SweepSpec) -> str:
    """Return what opens the MLflow UI on the sweep."""
    return spec.tracking.uri or f"mlflow ui --backend-store-uri {tracking_uri(spec)}"


def mirror_for(spec: SweepSpec, folder: Path) -> Mirror:
    """Return the mirror of a sweep's journal, not yet started."""
    return Mirror(folder / JOURNAL_FILE, tracking_uri(spec), spec.tracking.experiment, spec.name)
