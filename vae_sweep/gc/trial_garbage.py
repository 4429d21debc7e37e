"""Which of a sweep's checkpoints are still used, and which could go."""

import re
from collections.abc import Iterator
from pathlib import Path

from trainables.base import StateError
from trainables.files import is_there
from trainables.outputs import WEIGHTS_FILE
from trainables.storage_paths import S3Place, StoragePath, is_file, is_folder
from trainables.training.state import STATE_FILE, TENSOR_FILE, load_state
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.gc.garbage import Survey, Waste, bytes_of, leftovers, link, listed, subfolders
from vae_sweep.journal.records import SweepRecord, TrialRecord
from vae_sweep.results.retention import COLLECTED_FILE, Why, stored_weights, wanted_weights
from vae_sweep.storage.checkpoint_paths import RAY_FOLDER
from vae_sweep.storage.layout import checkpoints_place
from vae_sweep.storage.object_storage import foreign

STARTS = 2
"""How many sound checkpoints an open trial keeps to start from."""

RESUMING = (STATE_FILE, TENSOR_FILE)
"""Files of a final checkpoint that only a restart reads; scores and probes read the weights."""

ATTEMPT, TRIAL, CHECKPOINT = (
    re.compile(r"attempt-\d+"),
    re.compile(r"\d{4,}-.+-s\d+"),
    re.compile(r"checkpoint_\d+"),
)
RAY_FILE = re.compile(
    r"\.validate_storage_marker|(experiment_state|search_gen_state|basic-variant-state|searcher-state)-.*"
    r"|(tuner|trainable|params|error)\.pkl|(params|result)\.json|progress\.csv|error\.txt|events\.out\.tfevents\..*"
    r"|\.[0-9a-f]{8}-[0-9a-f-]{27}-.*"
)
"""What Ray writes beside checkpoints; nothing of it is ever read, and the journal has what matters."""

Spot = tuple[str, str, str]
"""Attempt, trial and name of a checkpoint: where it lies in the sweep's folder, wherever that was moved."""


def survey_trials(
    found: Survey, folder: Path, spec: SweepSpec, record: SweepRecord, running: str | None = None
) -> None:
    """Add what could go below a sweep's folder and on its objects; `running` is an attempt to be left out."""
    root, objects = folder / RAY_FOLDER, checkpoints_place(spec)
    if root.is_symlink():
        found.remarks.append(link(root))
        return
    places: dict[str, dict[Spot, StoragePath]] = {name: {} for name in record.trials}
    roots: list[StoragePath] = [root]
    if isinstance(objects, S3Place):
        if problem := foreign(spec, objects.parent.parent):
            found.remarks.append(f"{problem}; left as they are")
        else:
            roots.append(objects)
    for each in roots:
        _survey_root(found, each, places, running)
    found.wanted = wanted_weights(spec, record, lambda trial: _has_weights(trial, places[trial.id]))
    for name, known in record.trials.items():
        found.waste += _checkpoints(known, places[name], found.wanted.get(name))
    found.remarks += _elsewhere(roots, record)


def _survey_root(
    found: Survey, root: StoragePath, places: dict[str, dict[Spot, StoragePath]], running: str | None
) -> None:
    """Add what Ray and an interrupted gc left below a folder, and to `places` the checkpoints there."""
    found.total += bytes_of(root)
    for attempt in subfolders(root, ATTEMPT, found.remarks):
        if attempt.name == running:
            continue
        found.waste += [*leftovers(attempt), *_ray_files(attempt)]
        for trial in subfolders(attempt, TRIAL, found.remarks):
            if trial.name not in places:
                found.remarks.append(f"{trial}: of no trial that the journal knows; left as it is")
                continue
            found.waste += [*leftovers(trial), *_ray_files(trial)]
            for path in subfolders(trial, CHECKPOINT, found.remarks):
                places[trial.name][attempt.name, trial.name, path.name] = path


def _has_weights(trial: TrialRecord, own: dict[Spot, StoragePath]) -> bool:
    last = _spot(trial.final.checkpoint if trial.final else None)
    return stored_weights(trial) or (last in own and is_file(own[last] / WEIGHTS_FILE))


def _checkpoints(trial: TrialRecord, own: dict[Spot, StoragePath], why: Why | None) -> Iterator[Waste]:
    """Yield what could go of one trial's checkpoints."""
    kept: set[StoragePath] = set()
    if not trial.settled:
        known = [own[place] for path in reversed(trial.checkpoints) if (place := _spot(path)) in own]
        kept.update(_starts(trial, list(dict.fromkeys(known))))
    elif (last := _spot(trial.final.checkpoint if trial.final else None)) in own:
        kept.add(own[last])
        yield from _parts(own[last], why)
    for path in own.values():
        if path not in kept:
            yield Waste("epochs" if trial.settled else "earlier", path, bytes_of(path))


def _starts(trial: TrialRecord, known: list[StoragePath]) -> list[StoragePath]:
    """Return what an open trial may start from: of checkpoints, newest first, all up to the second sound one."""
    if trial.spec.trial is None:
        return known
    key, sound = trial.spec.trial.key(), 0
    for number, path in enumerate(known, start=1):
        try:
            load_state(path, key)
        except StateError:
            continue
        sound += 1
        if sound == STARTS:
            return known[:number]
    return known


def _parts(place: StoragePath, why: Why | None) -> Iterator[Waste]:
    """Yield what could go of a settled trial's final checkpoint; nothing where it may be restarted from."""
    if why == "unscored" or (why and not is_file(place / WEIGHTS_FILE)):
        return
    files = RESUMING if why else (WEIGHTS_FILE, *RESUMING)
    present = tuple(name for name in files if is_file(place / name))
    if present:
        mark = COLLECTED_FILE if WEIGHTS_FILE in present else None
        size = sum(bytes_of(place / name) for name in present)
        yield Waste("resuming" if why else "weights", place, size, present, mark)


def _ray_files(folder: StoragePath) -> Iterator[Waste]:
    for entry in listed(folder):
        if RAY_FILE.fullmatch(entry.name) and entry.kind == "file":
            yield Waste("snapshots", entry.place, bytes_of(entry.place))


def _elsewhere(roots: list[StoragePath], record: SweepRecord) -> Iterator[str]:
    """Yield a remark for each place outside the sweep's folders where checkpoints of the journal lie."""
    paths = (path for trial in record.trials.values() for path in trial.checkpoints)
    for other in dict.fromkeys(path.parents[2] if _spot(path) else path for path in paths):
        if not any(_below(other, root.parent) for root in roots) and _exists(other):
            yield f"{other}: outside of the sweep's folder, though the journal names it; left as it is"


def _exists(place: StoragePath) -> bool:
    return is_there(place) if isinstance(place, Path) else is_folder(place)


def _below(place: StoragePath, root: StoragePath) -> bool:
    if isinstance(place, Path) and isinstance(root, Path):
        return place.resolve().is_relative_to(root.resolve())
    return place == root or root in place.parents


def _spot(path: StoragePath | None) -> Spot | None:
    if path is None or len(path.parts) < 4 or path.parts[-4] != RAY_FOLDER:
        return None
    return (path.parts[-3], path.parts[-2], path.parts[-1])
