"""The census: all that lies in a pretraining store, and what a living lease still stands on."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainables.base import StateError
from trainables.training.state import STATE_FILE
from vae_sweep.store.entry import MANIFEST_FILE, sound_entry
from vae_sweep.store.lease import Watch, newest

Kind = Literal["entry", "damaged", "progress", "aside", "half", "lease"]

ADDRESS = "(?P<address>[0-9a-f]{64})"
KINDS: dict[Kind, re.Pattern[str]] = {
    "entry": re.compile(ADDRESS),
    "progress": re.compile(rf"{ADDRESS}\.progress"),
    "aside": re.compile(rf"{ADDRESS}\.damaged\.\d+"),
    "lease": re.compile(rf"{ADDRESS}\.lease\.\d+"),
    "half": re.compile(rf"{ADDRESS}\.new\.[0-9a-f]+|\.(?P<beat>[0-9a-f]{{64}})\.lease\.\d+\..+"),
}


@dataclass(frozen=True)
class StoredEntry:
    """One file or folder of a store.

    `kind`: a finished phase (entry), one that is unfit (damaged) or was set aside for that (aside), a training in
    progress, what a dead writer left half written (half), a lease. `phase_key` is None where it cannot be told.
    `held`: a living lease stands on it, as far as one look tells: an owner elsewhere counts as living.
    """

    path: Path
    address: str
    kind: Kind
    phase_key: str | None
    bytes: int
    held: bool


def entries(directory: Path) -> list[StoredEntry]:
    """Return all that lies in the store, by name; what is not the store's is left out."""
    if not directory.is_dir():
        return []
    found = [
        (path, kind, match.groupdict().get("beat") or match["address"])
        for path in sorted(directory.iterdir())
        for kind, name in KINDS.items()
        if (match := name.fullmatch(path.name))
    ]
    return [entry for path, kind, address in found if (entry := _entry(path, kind, address))]


def _entry(path: Path, kind: Kind, address: str) -> StoredEntry | None:
    """Return what is known of a path; None where it has gone meanwhile."""
    base = path.with_name(f"{address}.lease")
    held = Watch(base).look() is not None
    if kind == "lease":
        seen = newest(base)
        held = held and seen is not None and path.name == f"{base.name}.{seen.number}"
    if kind == "entry" and not _sound(path, address):
        kind = "damaged"
    size = sum(_bytes(path))
    return StoredEntry(path, address, kind, _phase_key(path), size, held) if path.exists() else None


def _sound(folder: Path, address: str) -> bool:
    try:
        manifest, _ = sound_entry(folder)
    except StateError:
        return False
    return manifest.address == address


def _bytes(path: Path) -> Iterator[int]:
    for file in path.rglob("*") if path.is_dir() else [path]:
        try:
            if file.is_file():
                yield file.stat().st_size
        except FileNotFoundError:
            continue


def _phase_key(path: Path) -> str | None:
    """Return the phase key that a manifest, or else a progress state, states."""
    for file, field in [
        (path / MANIFEST_FILE, "phase_key"),
        *((p, "trial_key") for p in path.glob(f"*/{STATE_FILE}")),
    ]:
        try:
            key = json.loads(file.read_bytes())[field]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        return str(key).partition("@")[0]
    return None
