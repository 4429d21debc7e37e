"""All that lies in a pretraining store, and what is held by a living lease."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainables import files
from trainables.base import StateError
from trainables.storage_paths import S3Place, StoragePath, contents, is_folder, read, size
from trainables.training.state import STATE_FILE
from vae_sweep.storage.lease import Watch, newest
from vae_sweep.storage.pretraining_entry import MANIFEST_FILE, is_stored, sound_entry

Kind = Literal["entry", "damaged", "progress", "aside", "half", "lease"]

_ADDRESS = "(?P<address>[0-9a-f]{64})"
_KINDS: dict[Kind, re.Pattern[str]] = {
    "entry": re.compile(_ADDRESS),
    "progress": re.compile(rf"{_ADDRESS}\.progress"),
    "aside": re.compile(rf"{_ADDRESS}\.damaged\.\d+"),
    "lease": re.compile(rf"{_ADDRESS}\.lease\.\d+"),
    "half": re.compile(rf"{_ADDRESS}\.new\.[0-9a-f]+|\.(?P<beat>[0-9a-f]{{64}})\.lease\.\d+\..+"),
}


@dataclass(frozen=True)
class StoredEntry:
    """One file or folder of a store.

    `kind`: a finished phase (entry), one that is unfit (damaged) or was set aside for that (aside), a training in
    progress, what a dead writer left half written (half), a lease. `phase_key` is None where it is not known.
    `held`: by a living lease, as far as one look shows: an owner elsewhere counts as living.
    """

    path: StoragePath
    address: str
    kind: Kind
    phase_key: str | None
    bytes: int
    held: bool


def entries(directory: StoragePath, leases: Path | None = None) -> list[StoredEntry]:
    """Return all that lies in the store, by name; what is not the store's is left out. Raises PlaceError.

    The `leases` on a store on object storage lie in a directory of their own.
    """
    found = [
        (each.place, kind, match.groupdict().get("beat") or match["address"])
        for each in (contents(directory) if is_folder(directory) else ())
        for kind, name in _KINDS.items()
        if (match := name.fullmatch(each.name))
    ]
    folder = leases or Path(str(directory))
    return [entry for path, kind, address in found if (entry := _entry(path, kind, address, folder))]


def _entry(path: StoragePath, kind: Kind, address: str, leases: Path) -> StoredEntry | None:
    """Return what is known of a path; None where it has gone meanwhile."""
    base = leases / f"{address}.lease"
    held = Watch(base).look() is not None
    if kind == "lease":
        seen = newest(base)
        held = held and seen is not None and path.name == f"{base.name}.{seen.number}"
    if kind == "entry" and isinstance(path, S3Place) and not is_stored(path):
        kind = "half"
    if kind == "entry" and not _sound(path, address):
        kind = "damaged"
    taken = sum(_bytes(path)) if isinstance(path, Path) else size(path)
    there = files.is_there(path) if isinstance(path, Path) else is_folder(path)
    return StoredEntry(path, address, kind, _phase_key(path), taken, held) if there else None


def _sound(folder: StoragePath, address: str) -> bool:
    try:
        manifest, _ = sound_entry(folder)
    except StateError:
        return False
    return manifest.address == address


def _bytes(path: Path) -> Iterator[int]:
    for file in path.rglob("*") if files.is_folder(path) else [path]:
        try:
            if files.is_file(file):
                yield file.stat().st_size
        except FileNotFoundError:
            continue


def _phase_key(path: StoragePath) -> str | None:
    """Return the phase key that a manifest, or else a progress state, states."""
    for file, field in [
        (path / MANIFEST_FILE, "phase_key"),
        *((each.place / STATE_FILE, "trial_key") for each in (contents(path) if is_folder(path) else ())),
    ]:
        try:
            key = json.loads(read(file))[field]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            continue
        return str(key).partition("@")[0]
    return None
