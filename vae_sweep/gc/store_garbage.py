"""What in the pretraining store the sweeps beside it still use, what could go, and its removal."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from trainables.storage_paths import S3Place
from vae_sweep.gc.garbage import Survey, Waste, bytes_of, leftovers, link, remove
from vae_sweep.gc.references import References, references
from vae_sweep.storage.inventory import StoredEntry, entries
from vae_sweep.storage.layout import STORE_FOLDER
from vae_sweep.storage.lease import Watch

OWNER = "vae-sweep gc"


def survey_store(found: Survey, storage: Path) -> None:
    """Add what could go in the pretraining store of a storage directory."""
    store = storage / STORE_FOLDER
    if store.is_symlink():
        found.remarks.append(f"{link(store)}: other storage directories may share it")
        return
    if not store.is_dir():
        return
    found.total += bytes_of(store)
    found.waste += leftovers(store)
    stored = [entry for entry in entries(store) if not Path(str(entry.path)).is_symlink()]
    _survey(found, storage, stored)


def survey_objects(found: Survey, storage: Path, store: S3Place) -> None:
    """Add what could go of the pretrainings that a storage directory keeps on object storage."""
    found.total += bytes_of(store)
    _survey(found, storage, entries(store, storage / STORE_FOLDER))


def _survey(found: Survey, storage: Path, stored: list[StoredEntry]) -> None:
    referred = references(storage)
    remarks = [
        f"{problem}; which pretrainings it needs is not known, so all are kept: mend the sweep or move it away"
        for problem in referred.problems
    ]
    found.remarks += [remark for remark in remarks if remark not in found.remarks]
    found.waste += _waste(stored, referred)


def _waste(stored: list[StoredEntry], referred: References) -> Iterator[Waste]:
    ready = {entry.address for entry in stored if entry.kind == "entry"}
    going_on = set()
    for entry in stored:
        kind = _useless(entry, referred, ready)
        if kind:
            yield Waste(kind, entry.path, entry.bytes, address=None if entry.kind == "aside" else entry.address)
        elif entry.kind == "progress":
            going_on.add(entry.address)
    for entry in stored:
        if entry.kind == "lease" and not entry.held and entry.address not in going_on:
            yield Waste("leases", entry.path, entry.bytes, address=entry.address)


def _useless(entry: StoredEntry, referred: References, ready: set[str]) -> str | None:
    """Return the kind of garbage that an entry is, None where it is kept; of leases nothing is said."""
    if entry.kind == "aside":
        return "damaged"
    if entry.held or entry.kind == "lease":
        return None
    if entry.kind == "half":
        return "halves"
    if entry.kind == "progress" and entry.address in ready:
        return "progress"
    if referred.problems or entry.phase_key in referred.keys:
        return None
    return {"entry": "orphans", "damaged": "damaged", "progress": "progress"}[entry.kind]


def remove_stored(waste: list[Waste], leases: Path | None = None) -> list[Waste]:
    """Delete garbage of the store, each pretraining under its lease; return what a living process took meanwhile.

    The leases lie in a directory of their own where the store is on object storage.
    """
    left: list[Waste] = []
    for address, group in groupby(sorted(waste, key=_address), key=_address):
        pieces = list(group)
        folder = leases or Path(str(pieces[0].path.parent))
        lease = Watch(folder / f"{address}.lease").take(OWNER)
        if lease is None:
            left += pieces
            continue
        try:
            for piece in pieces:
                if piece.kind != "leases":
                    remove(piece)
        finally:
            lease.release(forget=True)
    return left


def _address(waste: Waste) -> str:
    return waste.address or ""
