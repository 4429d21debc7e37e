"""Garbage collection: deletes what a sweep and the pretraining store beside it have no use for any more."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from trainables.base import Spec
from trainables.storage_paths import S3Place, StoragePath
from vae_sweep.config.paths import pasted
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.formatting import pluralise
from vae_sweep.gc.garbage import KINDS, CollectError, Survey, Waste, remove, remove_empty
from vae_sweep.gc.store_garbage import remove_stored, survey_objects, survey_store
from vae_sweep.gc.trial_garbage import survey_trials
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.records import SweepRecord
from vae_sweep.journal.stored_spec import existing_spec
from vae_sweep.results.retention import Why
from vae_sweep.storage.checkpoint_paths import RAY_FOLDER
from vae_sweep.storage.driver_lock import driver_lock, driver_of
from vae_sweep.storage.layout import (
    JOURNAL_FILE,
    STORE_FOLDER,
    checkpoints_place,
    storage_directory,
    store_place,
    sweep_folder,
)
from vae_sweep.storage.lease import Lease
from vae_sweep.storage.object_storage import foreign
from vae_sweep.tracking.mirror import only_mirror

_Note = Callable[[str], None]


class Tally(Spec):
    """How many things, and their bytes."""

    count: int = 0
    bytes: int = 0


class Collection(Spec):
    """What a gc deleted, or would delete in a `dry_run`, by kind; `kept` counts bytes of checkpoints and store.

    `wanted` are the ended trials whose weights stay, and why.
    """

    sweep: str
    dry_run: bool
    kinds: dict[str, Tally]
    freed: int
    kept: int
    wanted: dict[str, Why]
    remarks: list[str]


def collect(folder: Path, dry_run: bool, note: _Note = lambda text: None) -> Collection:
    """Delete what is of no use in a sweep's folder and its storage's pretrainings; a dry run deletes nothing.

    `note` gets each remark, those of the survey before anything is deleted. Raises LaunchError where no sweep
    is there or a driver holds it, TrackingError where its outputs are being sent to MLflow now, CollectError.
    """
    spec = existing_spec(folder)
    own = sweep_folder(spec)
    if dry_run:
        record = read_sweep(own / JOURNAL_FILE)
        found = _survey(spec, record, _running(own, record), note)
        return _collection(spec, found, found.waste, dry_run)
    with driver_lock(own) as lease, only_mirror(own / JOURNAL_FILE):
        found = _survey(spec, read_sweep(own / JOURNAL_FILE), None, note)
        left = _delete(found.waste, lease, own, checkpoints_place(spec))
        if left:
            found.remarks.append(f"{pluralise(len(left), 'thing')} in the store came into use meanwhile; left")
            note(found.remarks[-1])
        return _collection(spec, found, [waste for waste in found.waste if waste not in left], dry_run)


def _survey(spec: SweepSpec, record: SweepRecord, running: str | None, note: _Note) -> Survey:
    found = Survey()
    folder = sweep_folder(spec)
    if running:
        found.remarks.append(f"a driver holds the sweep: {running} is left out, and gc would refuse now")
    survey_trials(found, folder, spec, record, running)
    survey_store(found, storage_directory(spec))
    objects = store_place(spec)
    if isinstance(objects, S3Place) and foreign(spec, objects.parent) is None:
        survey_objects(found, storage_directory(spec), objects)
    doubtful = sum(waste.kind == "weights" for waste in found.waste)
    if doubtful:
        found.remarks.append(
            f"whether MLflow has the outputs of the {pluralise(doubtful, 'trial')} whose weights go cannot be "
            f"known without asking it; where it should have them, run this first: vae-sweep sync {pasted(folder)}"
        )
    for remark in found.remarks:
        note(remark)
    return found


def _running(folder: Path, record: SweepRecord) -> str | None:
    """Return the attempt that a living driver may be running now."""
    attempt = record.launches[-1].attempt if record.launches else 0
    return f"attempt-{attempt}" if driver_of(folder) else None


def _delete(waste: list[Waste], lease: Lease, folder: Path, objects: StoragePath | None = None) -> list[Waste]:
    """Delete what was found, while the sweep is ours; return what of the store was left."""
    for piece in waste:
        if not lease.held:
            raise CollectError(
                f"{folder}: another driver took the sweep over meanwhile; run vae-sweep gc again later"
            )
        if piece.address is None:
            remove(piece)
    if not (folder / RAY_FOLDER).is_symlink():
        remove_empty(folder / RAY_FOLDER)
    if isinstance(objects, S3Place) and any(isinstance(piece.path, S3Place) for piece in waste):
        remove_empty(objects)
    stored = [piece for piece in waste if piece.address is not None]
    return remove_stored(stored, folder.parent / STORE_FOLDER)


def _collection(spec: SweepSpec, found: Survey, gone: list[Waste], dry_run: bool) -> Collection:
    counts, sizes = Counter(waste.kind for waste in gone), Counter[str]()
    for waste in gone:
        sizes[waste.kind] += waste.bytes
    freed = sizes.total()
    return Collection(
        sweep=spec.name,
        dry_run=dry_run,
        kinds={kind: Tally(count=counts[kind], bytes=sizes[kind]) for kind in KINDS if counts[kind]},
        freed=freed,
        kept=found.total - freed,
        wanted=found.wanted,
        remarks=found.remarks,
    )
