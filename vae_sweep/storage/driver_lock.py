"""The lock that keeps a second driver out of a sweep."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainables.files import FULL, words
from vae_sweep.config.paths import pasted
from vae_sweep.errors import LaunchError
from vae_sweep.storage.layout import REPORT_FOLDER
from vae_sweep.storage.lease import Lease, LeaseReading, Owner, Watch, newest

LOCK = "driver"


@contextmanager
def driver_lock(folder: Path, watch: Watch | None = None) -> Iterator[Lease]:
    """Hold the sweep's lock, taking over that of a dead driver; one elsewhere is dead without a heartbeat.

    Raises LaunchError where another living driver holds it, or it cannot be written.
    """
    watch = watch or Watch(folder / LOCK)
    while True:
        lease = _taken(watch, folder)
        if lease is not None:
            break
        before = watch.look()
        if before is None:
            continue
        _refuse_if_alive(folder, before, None)
        time.sleep(watch.beat)
        after = watch.look()
        if after is not None:
            _refuse_if_alive(folder, before, after)
    try:
        yield lease
    finally:
        lease.release(forget=True)


def _taken(watch: Watch, folder: Path) -> Lease | None:
    try:
        return watch.take(f"driver {os.getpid()}")
    except OSError as error:
        if error.errno in FULL:
            report = folder / REPORT_FOLDER
            spare = (
                f", or delete {pasted(report)}, which is made anew, and run vae-sweep gc"
                if report.is_dir()
                else ""
            )
            raise LaunchError(
                f"{folder}: no room for the sweep's lock, some hundred bytes ({error.strerror}); make space{spare}"
            ) from error
        raise LaunchError(words(error, what="the lock of the sweep cannot be written")) from error


def driver_of(folder: Path) -> Owner | None:
    """Return who drives a sweep by its lock, None where nobody does."""
    seen = newest(folder / LOCK)
    return None if seen is None or seen.owner is None or seen.owner.gone else seen.owner


def _refuse_if_alive(folder: Path, before: LeaseReading, after: LeaseReading | None) -> None:
    owner = (after or before).owner
    if owner is None:
        return
    beating = after is not None and (after.number, after.content) != (before.number, before.content)
    if owner.here or beating:
        raise LaunchError(
            f"{folder}: the sweep is driven by process {owner.process} on {owner.host} for {owner.age:.0f} s; "
            f"look with vae-sweep status {pasted(folder)}, end it with vae-sweep stop {pasted(folder)}"
        )
