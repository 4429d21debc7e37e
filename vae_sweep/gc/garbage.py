"""Garbage: what on disk could go, how much it is, and its removal, which may be interrupted anywhere."""

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from trainables.base import VaeSweepError
from trainables.files import move
from trainables.storage_paths import Found, PlaceError, S3Place, StoragePath, contents, delete, size, write
from trainables.training.state import STATE_FILE
from vae_sweep.results.retention import Why
from vae_sweep.storage.pretraining_entry import MANIFEST_FILE

KINDS = {
    "epochs": "older checkpoints of ended trials",
    "earlier": "older checkpoints of open trials",
    "resuming": "second copies of kept weights, for restarts",
    "weights": "weights of trials neither on the front nor the best of their cell",
    "snapshots": "snapshots and logs of Ray",
    "orphans": "pretrainings that no sweep refers to",
    "progress": "progress of pretrainings that are finished or that no sweep refers to",
    "damaged": "damaged pretrainings",
    "halves": "pretrainings half written by a dead process",
    "leases": "leases of dead processes",
    "leftovers": "what an interrupted gc left",
}
"""Kinds of garbage -> what they are, in words."""

_WHOLE = (STATE_FILE, MANIFEST_FILE)
"""Files without which a folder on object storage is none; they are deleted first."""

ASIDE = ".gc."
"""Beginning of the names of folders that are being deleted."""


class CollectError(VaeSweepError):
    """Something could not be deleted, or the sweep was taken over meanwhile."""


@dataclass(frozen=True)
class Waste:
    """What could go: a file, a folder, or only some `files` of a folder.

    `mark` is the name of an empty file that says so in their place, `address` that of a pretraining in the store.
    """

    kind: str
    path: StoragePath
    bytes: int
    files: tuple[str, ...] = ()
    mark: str | None = None
    address: str | None = None


@dataclass
class Survey:
    """What could go, the bytes of all that was looked at, whose weights are wanted and why, remarks in words."""

    waste: list[Waste] = field(default_factory=list)
    total: int = 0
    wanted: dict[str, Why] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def remove(waste: Waste) -> None:
    """Delete a piece of garbage; a folder is renamed first, so that no half of it is ever taken for a whole.

    What is gone already is no error. Raises CollectError.
    """
    with _told(waste.path):
        if isinstance(waste.path, S3Place):
            _remove_objects(waste, waste.path)
        elif waste.files:
            if waste.mark:
                (waste.path / waste.mark).touch()
            for name in waste.files:
                (waste.path / name).unlink(missing_ok=True)
        elif waste.path.is_dir():
            with suppress(FileNotFoundError):
                shutil.rmtree(_aside(waste.path))
        else:
            waste.path.unlink(missing_ok=True)


def remove_empty(folder: StoragePath) -> None:
    """Delete the empty folders below a folder, which stays. Raises CollectError."""
    for path in subfolders(folder):
        remove_empty(path)
        if not listed(path):
            with _told(path):
                delete(path) if isinstance(path, S3Place) else path.rmdir()


def leftovers(folder: StoragePath) -> Iterator[Waste]:
    """Yield the folders in a folder that an interrupted gc was deleting."""
    for entry in listed(folder):
        if entry.name.startswith(ASIDE) and entry.kind != "link":
            yield Waste("leftovers", entry.place, bytes_of(entry.place))


def subfolders(
    folder: StoragePath, name: re.Pattern[str] | None = None, remarks: list[str] | None = None
) -> list[StoragePath]:
    """Return the folders of this name in a folder; links among them are left out and named."""
    below: list[StoragePath] = []
    for entry in listed(folder):
        if entry.name.startswith(ASIDE) or not (name is None or name.fullmatch(entry.name)):
            continue
        if entry.kind == "link" and remarks is not None:
            remarks.append(link(entry.place))
        elif entry.kind == "folder":
            below.append(entry.place)
    return below


def link(path: StoragePath) -> str:
    """Return in words that a link is not followed."""
    return f"{path}: a link to {Path(str(path)).resolve()}; left as it is"


def bytes_of(path: StoragePath) -> int:
    """Return the bytes of a file, or of all files below a folder, which may change meanwhile; links count none."""
    if isinstance(path, S3Place):
        return size(path)
    if path.is_symlink():
        return 0
    if path.is_dir():
        return sum(bytes_of(entry.place) for entry in listed(path))
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def listed(folder: StoragePath) -> list[Found]:
    """Return what is in a folder, by name; nothing where it is not there. Raises PlaceError."""
    return contents(folder)


@contextmanager
def _told(path: StoragePath) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CollectError(
            f"{error.filename or path}: cannot be deleted ({error.strerror}); what was deleted before is gone, "
            "all else is as it was: mend this and run vae-sweep gc again"
        ) from error
    except PlaceError as error:
        raise CollectError(
            f"{path}: cannot be deleted; what was deleted before is gone, all else is as it was: mend this and "
            f"run vae-sweep gc again ({error})"
        ) from error


def _remove_objects(waste: Waste, place: S3Place) -> None:
    if not waste.files:
        delete(place, first=_WHOLE)
        return
    if waste.mark:
        write(place / waste.mark, b"")
    for name in waste.files:
        delete(place / name)


def _aside(folder: Path) -> Path:
    if folder.name.startswith(ASIDE):
        return folder
    return move(folder, folder.with_name(f"{ASIDE}{secrets.token_hex(8)}.{folder.name}"))
