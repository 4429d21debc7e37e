"""A sweep's folder on disk, and its spec there."""

import secrets
import sys
from pathlib import Path

from trainables.files import content, is_file, words, write_whole
from trainables.storage_paths import StoragePath, place_of
from vae_sweep.config.relocation import relocated
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.journal.checkpoint_paths import RAY_FOLDER
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import JournalError
from vae_sweep.storage.pretraining_store import STORE_FOLDER

SPEC_FILE, JOURNAL_FILE = "sweep.json", "journal.jsonl"
ROOM = 1 << 16
"""Bytes that a launch wants to find room for before it begins."""


def storage_directory(spec: SweepSpec) -> Path:
    """Return the absolute storage directory."""
    return Path(spec.storage.directory).expanduser().absolute()


def sweep_folder(spec: SweepSpec) -> Path:
    """Return the absolute folder of the sweep."""
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


def stored_spec(folder: Path) -> SweepSpec | None:
    """Return the spec that the sweep was launched with last, or None; where its file is damaged, the journal's.

    Its paths are those of today where the storage directory was moved or copied. Raises LaunchError where neither
    makes sense, StorageError where its file cannot be read now.
    """
    path = folder / SPEC_FILE
    if not is_file(path) and not is_file(folder / JOURNAL_FILE):
        return None
    try:
        return relocated(SweepSpec.model_validate_json(content(path)), folder.absolute().parent)
    except (FileNotFoundError, ValueError) as error:
        problem = f"{path}: not a sound sweep spec ({str(error).splitlines()[0]})"
    try:
        spec = SweepSpec.model_validate(read_sweep(folder / JOURNAL_FILE).spec)
    except (JournalError, ValueError):
        raise LaunchError(f"{problem}; restore the file or move the folder away") from None
    print(f"{problem}; the journal's newest is used", file=sys.stderr)
    return relocated(spec, folder.absolute().parent)


def existing_spec(folder: Path) -> SweepSpec:
    """Return the spec of the sweep kept in `folder`, wherever it was moved. Raises LaunchError where none is."""
    spec = stored_spec(folder)
    if spec is None:
        raise LaunchError(f"{folder}: no sweep there; give the folder that launch printed")
    if folder.absolute().name != spec.name:
        raise LaunchError(
            f"{folder}: holds sweep {spec.name!r}; a sweep's folder carries its name, rename it back"
        )
    return spec


def store_spec(folder: Path, spec: SweepSpec) -> None:
    """Store the spec of a sweep, the latest where only free parts differ."""
    write_whole(folder / SPEC_FILE, spec.model_dump_json(indent=1, by_alias=True).encode())
