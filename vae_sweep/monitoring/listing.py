"""Every sweep of a storage directory, a line each; a damaged one does not hide the others."""

import os
import time
from pathlib import Path

from trainables.base import Spec, VaeSweepError
from trainables.files import StorageError, is_file
from vae_sweep.config.paths import pasted
from vae_sweep.errors import LaunchError
from vae_sweep.journal.sweep_log import sweep_log
from vae_sweep.monitoring.status import planned_trials, read_status, state_of
from vae_sweep.monitoring.status_schema import SweepState
from vae_sweep.storage.layout import JOURNAL_FILE, SPEC_FILE

_MARKS = (JOURNAL_FILE, SPEC_FILE)


class ListedSweep(Spec):
    """A sweep; where `problem` says why it cannot be read, only its name and its bytes are known.

    `planned` trials when it is complete, `known` have started; `driver` as `process on host`; `age` seconds have
    passed since the last line.
    """

    name: str
    bytes: int
    methods: int = 0
    cells: int = 0
    planned: int | None = None
    known: int = 0
    ended: int = 0
    failed: int = 0
    state: SweepState | None = None
    driver: str | None = None
    age: float | None = None
    problem: str | None = None


class Listing(Spec):
    """The sweeps of a storage directory, by name."""

    storage: str
    sweeps: list[ListedSweep]


def list_sweeps(storage: Path) -> Listing:
    """Return the sweeps in a storage directory.

    Raises LaunchError where it cannot be read or is a sweep's own folder.
    """
    if is_file(storage / JOURNAL_FILE):
        raise LaunchError(
            f"{storage}: a sweep's own folder, not a storage directory; look at it with vae-sweep status "
            f"{pasted(storage)}, or at all beside it with vae-sweep list {pasted(storage.absolute().parent)}"
        )
    try:
        folders = sorted(filter(_is_sweep, storage.iterdir()))
    except OSError as error:
        raise LaunchError(
            f"{storage}: the storage directory cannot be read ({error.strerror}); give the one that the sweep "
            "file names as storage.directory (sweeps, if it names none)"
        ) from None
    return Listing(storage=str(storage), sweeps=[_listed(folder) for folder in folders])


def _is_sweep(folder: Path) -> bool:
    """Say whether a folder holds a sweep; one that is closed to us is listed with that."""
    try:
        return any(is_file(folder / mark) for mark in _MARKS)
    except StorageError:
        return True


def _listed(folder: Path) -> ListedSweep:
    taken = folder_bytes(folder)
    try:
        owner, history = read_status(sweep_log(folder))
    except VaeSweepError as error:
        return ListedSweep(name=folder.name, bytes=taken, problem=str(error))
    record = history.record
    trials = list(record.trials.values())
    outcomes = [trial.final.outcome for trial in trials if trial.final is not None]
    return ListedSweep(
        name=folder.name,
        bytes=taken,
        methods=len({cell.method for cell in record.cells.values()}),
        cells=len(record.cells),
        planned=planned_trials(history),
        known=len(trials),
        ended=len(outcomes),
        failed=outcomes.count("failed"),
        state=state_of(history, owner),
        driver=f"{owner.process} on {owner.host}" if owner else None,
        age=None if history.last is None else max(0.0, time.time() - history.last),
    )


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder that may be seen; it may change meanwhile."""
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(directory, name)).st_size  # noqa: PTH118
            except (FileNotFoundError, PermissionError):
                continue
    return total
