"""Asking a running sweep to stop, and waiting until its driver is gone."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainables.files import words
from vae_sweep.config.paths import pasted
from vae_sweep.errors import LaunchError
from vae_sweep.journal.sweep_log import SweepLog, sweep_log
from vae_sweep.monitoring.status import read_status, status_now
from vae_sweep.monitoring.status_schema import SweepStatus
from vae_sweep.storage.driver_lock import LOCK
from vae_sweep.storage.lease import Owner, Watch
from vae_sweep.storage.stop_request import REQUEST_FILE, Mode, request_stop, requested

POLL = 0.5
"""Seconds between two looks at the driver."""

_Note = Callable[[str], None]


@dataclass(frozen=True)
class Stopped:
    """How the sweep ended: its outcome and reason; None where its driver was killed before it wrote an end."""

    outcome: str | None
    reason: str | None


def stop_sweep(folder: Path, mode: Mode, note: _Note, watch: Watch | None = None, poll: float = POLL) -> Stopped:
    """Ask the driver of a sweep to stop, note what it waits for, and return when it is gone.

    A driver on another machine counts as gone once it has given no sign of life for as long as a launch would
    wait. Raises LaunchError where nobody drives the sweep; nothing is written then.
    """
    log = sweep_log(folder)
    owner = _driver(log)
    request, status = folder / REQUEST_FILE, status_now(log)
    note(_waits_for(status))
    try:
        request_stop(folder, mode)
    except OSError as error:
        asked = words(error, request, "the request cannot be written")
        by_hand = f"kill -INT {owner.process} on {owner.host}"
        raise LaunchError(f"{asked}; or stop the driver by hand: Ctrl-C there, or {by_hand}") from error
    watch = watch or Watch(folder / LOCK)
    try:
        while watch.look() is not None:
            before, status = status, status_now(log)
            if _stage(before) != _stage(status):
                note(_waits_for(status))
            if status.outcome is None and requested(request) is None:
                request_stop(folder, mode)
            time.sleep(poll)
    finally:
        if watch.look() is None:
            request.unlink(missing_ok=True)
    history = log.refresh().history
    return Stopped(history.record.ended, history.reason)


def _driver(log: SweepLog) -> Owner:
    """Return who drives the sweep. Raises LaunchError where nobody does."""
    (owner, history), folder = read_status(log), log.folder
    if owner is None:
        ended = history.record.ended
        how = f"it ended: {ended}" if ended else "its driver is gone"
        ahead = "" if ended == "complete" else f"; go on with vae-sweep resume {pasted(folder)}"
        raise LaunchError(f"{folder}: nobody drives the sweep, there is nothing to stop ({how}){ahead}")
    if not history.launched_by(owner):
        raise LaunchError(
            f"{folder}: process {owner.process} on {owner.host} holds the sweep but runs no trials: it probes, "
            f"scores, collects garbage, or starts this moment; end it with Ctrl-C there, or "
            f"kill -INT {owner.process}"
        )
    return owner


def _stage(status: SweepStatus) -> tuple[str | None, list[str]]:
    return status.outcome, [one.trial for one in status.running]


def _waits_for(status: SweepStatus) -> str:
    """Return in a line what the driver still has to do."""
    if status.outcome is not None:
        return "the sweep has ended; its driver brings MLflow up to date"
    shown = []
    for one in status.running:
        at = f"{one.phase} epoch {one.done + 1}" if one.phase else "its first epoch"
        shown.append(f"{one.trial} ({f'waits for {one.waits_for}' if one.waits_for else at})")
    return f"waiting for the driver; running: {', '.join(shown)}" if shown else "waiting for the driver to end"
