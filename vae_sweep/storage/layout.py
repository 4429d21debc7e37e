"""A sweep's folder on disk, and its spec there."""

import fcntl
import secrets
from pathlib import Path

from trainables.files import words, write_whole
from trainables.storage_paths import StoragePath, place_of
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.storage.checkpoint_paths import RAY_FOLDER

SPEC_FILE, JOURNAL_FILE, REPORT_FOLDER = "sweep.json", "journal.jsonl", "report"
STORE_FOLDER = "pretrained"
"""Holds the pretrainings of all sweeps in a storage directory."""

ROOM = 1 << 16
"""Bytes that a launch wants to find room for before it begins."""


def storage_directory(spec: SweepSpec) -> Path:
    return Path(spec.storage.directory).expanduser().absolute()


def sweep_folder(spec: SweepSpec) -> Path:
    return storage_directory(spec) / spec.name


def objects_place(spec: SweepSpec) -> StoragePath:
    """Return what holds checkpoints and pretrainings: `storage.objects`, else the storage directory."""
    return place_of(spec.storage.objects) if spec.storage.objects else storage_directory(spec)


def checkpoints_place(spec: SweepSpec) -> StoragePath:
    """Return where Ray puts the checkpoints of the sweep."""
    return objects_place(spec) / spec.name / RAY_FOLDER


def store_place(spec: SweepSpec) -> StoragePath:
    """Return where pretrainings lie; their leases are always in the storage directory."""
    return objects_place(spec) / STORE_FOLDER


def warm_folder(spec: SweepSpec) -> Path | None:
    """Return the absolute folder of the earlier sweep: the name of one in the same storage, or a path."""
    if spec.search.warm_start is None:
        return None
    given = Path(spec.search.warm_start).expanduser()
    beside = storage_directory(spec) / given
    return (beside if len(given.parts) == 1 and beside.is_dir() else given).absolute()


def check_writable(folder: Path) -> None:
    """Make the folder and write to it. Raises LaunchError where it cannot be written, or has no room."""
    trial = folder / f".writable.{secrets.token_hex(4)}"
    try:
        write_whole(trial, bytes(ROOM))
        trial.unlink()
    except OSError as error:
        said = words(error, folder, "cannot be written")
        raise LaunchError(
            f"storage.directory: {said}; --set storage.directory=PATH sets another directory"
        ) from None


def check_lockable(folder: Path) -> None:
    """Lock a file in the folder, as what writes to MLflow will. Raises LaunchError where that cannot be done."""
    trial = folder / f".lockable.{secrets.token_hex(4)}"
    try:
        with trial.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        said = words(error, folder, "files there cannot be locked, and MLflow would never be written")
        raise LaunchError(f"storage.directory: {said}") from None
    finally:
        trial.unlink(missing_ok=True)
