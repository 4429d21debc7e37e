"""The object storage of a storage directory: it must answer, take what is written, and belong to no other."""

import secrets
from pathlib import Path

from pydantic import ValidationError

from trainables.base import Spec
from trainables.storage_paths import PlaceError, S3Place, delete, read, write, write_file
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.storage.layout import objects_place, storage_directory

OWNER_FILE, IDENTITY_FILE = "vae-sweep-storage.json", "objects.json"


class _Owner(Spec):
    """Which storage directory the objects belong to: its own `identity`, and the path it had then."""

    identity: str
    directory: str


def check_objects(spec: SweepSpec) -> None:
    """Claim `storage.objects` for the storage directory. Raises LaunchError where it cannot be used.

    Leases lie in the storage directory and gc judges by the sweeps beside it, so that two directories on the same
    objects would delete each other's.
    """
    place = objects_place(spec)
    if not isinstance(place, S3Place):
        return
    if problem := unusable(place):
        raise LaunchError(f"storage.objects: {problem}")
    try:
        if _owner(place) is None:
            write(place / OWNER_FILE, _own(storage_directory(spec)).model_dump_json().encode())
        problem = foreign(spec, place)
    except PlaceError as error:
        raise LaunchError(f"storage.objects: {error}") from error
    if problem:
        raise LaunchError(f"storage.objects: {problem}")


def unusable(place: S3Place) -> str | None:
    """Write, read and delete an object there; return what is wrong, None where nothing is."""
    trial = place / f".writable-{secrets.token_hex(8)}"
    try:
        write(trial, trial.name.encode())
        read(trial)
        delete(trial)
    except (PlaceError, FileNotFoundError) as error:
        return f"{error}; the bucket must exist, and the key may need rights to list, read, write, delete"
    return None


def foreign(spec: SweepSpec, place: S3Place) -> str | None:
    """Return in words that objects belong to another storage directory, None where they are ours.

    Raises PlaceError.
    """
    owner, storage = _owner(place), storage_directory(spec)
    if owner is not None and owner == _known(storage) and not _is_copy(storage, owner):
        return None
    whose = f"the storage directory {owner.directory}" if owner else "no storage directory that is known"
    return (
        f"{place} belongs to {whose}, not to {storage}; give each storage directory a prefix of "
        f"its own (--set storage.objects={place}/NAME)"
    )


def _owner(place: S3Place) -> _Owner | None:
    try:
        return _Owner.model_validate_json(read(place / OWNER_FILE))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise LaunchError(f"{place / OWNER_FILE}: damaged; delete it if these objects are yours") from error


def _own(storage: Path) -> _Owner:
    """Return the identity of a storage directory, made at its first use; it moves with it, a copy gets its own."""
    if (known := _known(storage)) is None or _is_copy(storage, known):
        known = _Owner(identity=secrets.token_hex(16), directory=str(storage))
        write_file(storage / IDENTITY_FILE, known.model_dump_json().encode())
    return known


def _is_copy(storage: Path, known: _Owner) -> bool:
    """Say whether the directory that got this identity is still there, beside the one that has it."""
    first = Path(known.directory)
    return first.is_dir() and not first.samefile(storage) and _known(first) == known


def _known(storage: Path) -> _Owner | None:
    path = storage / IDENTITY_FILE
    try:
        return _Owner.model_validate_json(read(path))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise LaunchError(f"{path}: damaged; restore it from a copy of {OWNER_FILE} on storage.objects") from error
