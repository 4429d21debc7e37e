"""Whether a running sweep is to stop: why no trial starts any more, and whether those that run go on."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from trainables.files import words
from trainables.storage_paths import objects_fail, storage_fails
from trainables.training.report import ErrorClass, FinalReport
from vae_sweep.errors import LaunchError
from vae_sweep.running.patience import PATIENCE
from vae_sweep.storage.stop_request import ASKED, Mode, read_request

SAME_IN_A_ROW = 3
"""How many trials in a row may fail in the same way before the sweep stops."""

_OUTAGES: dict[ErrorClass, str] = {
    "disk": "a disk is full; make space",
    "storage": "the storage refuses or is out of reach; mend that",
    "objects": "object storage refuses or is out of reach; mend that",
}
"""Classes of errors that stop a sweep at once -> what is said."""


class StopController:
    """Asked for by hand (`vae-sweep stop`), or by what makes going on useless; the first reason counts.

    A later one may still end trials that were to finish.

    `request` is the file by which another process asks for a stop; while storage does not answer it is looked for
    again, `say` hears of it, and after a while the sweep stops. `lost` says whether another driver has taken the
    sweep over. Safe from any thread. Raises LaunchError where an old request cannot be removed.
    """

    def __init__(
        self,
        request: Path,
        lost: Callable[[], bool] = lambda: False,
        say: Callable[[str], None] = lambda text: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._request, self._lost, self._say, self._clock = request, lost, say, clock
        self._lock = threading.Lock()
        self._unread_since: float | None = None
        self._same: list[str] = []
        self._reason: str | None = None
        self._mode: Mode = "finish"
        try:
            request.unlink(missing_ok=True)
        except OSError as error:
            raise LaunchError(words(error, request, "a request to stop cannot be removed")) from None

    @property
    def reason(self) -> str | None:
        """Return why the sweep is to stop, or None while it is to go on."""
        if self._reason is None and self._lost():
            self.stop("another driver has taken the sweep over, since this one gave no sign of life")
        if self._mode == "finish" and (mode := self._asked()) is not None:
            self.stop(ASKED, mode)
        return self._reason

    @property
    def trials_end(self) -> bool:
        """Say whether running trials end after the epoch that they are in."""
        return self.reason is not None and self._mode == "epoch"

    def stop(self, reason: str, mode: Mode = "epoch") -> None:
        """Stop the sweep for a reason."""
        with self._lock:
            if self._reason is None:
                self._reason, self._mode = reason, mode
            elif mode == "epoch":
                self._mode = mode

    def stop_for(self, outage: ErrorClass, said: object) -> None:
        """Stop the sweep for an outage."""
        self.stop(f"{_OUTAGES[outage]}, then resume ({said})")

    def ended(self, trial: str, final: FinalReport) -> None:
        """Take notice of a trial's end; an outage stops the sweep, the same failure in a row does."""
        if final.outcome != "failed" or final.error == "memory":
            self._same = []
            return
        text = (final.reason or "").strip()
        if final.error in _OUTAGES:
            self.stop_for(final.error, text.splitlines()[-1] if text else trial)
            return
        last = text.splitlines()[-1] if text else ""
        self._same = [*self._same, last] if self._same[-1:] in ([], [last]) else [last]
        if len(self._same) >= SAME_IN_A_ROW:
            self.stop(f"{len(self._same)} trials in a row failed in the same way, {trial} the last:\n{text}")

    def release(self) -> None:
        """Take the request back, so that the next driver does not find it."""
        with suppress(OSError):  # the next driver says so, if it is still there then
            self._request.unlink(missing_ok=True)

    def _asked(self) -> Mode | None:
        try:
            mode = read_request(self._request)
        except OSError as error:
            self._note_outage(error)
            return None
        self._unread_since = None
        return mode

    def _note_outage(self, error: OSError) -> None:
        """Say once that storage does not answer; stop where it has not for too long."""
        said = words(error, self._request, "cannot be looked for now")
        if self._unread_since is None:
            self._unread_since = self._clock()
            self._say(f"{said}: the sweep goes on, and stops after {PATIENCE:g} s of this")
        elif self._clock() - self._unread_since >= PATIENCE:
            self.stop_for("storage", said)


def outage_of(error: object) -> ErrorClass | None:
    """Return which of the outages an error is, by its message: Ray passes on nothing else."""
    if "No space left" in str(error) or "Disk quota exceeded" in str(error):
        return "disk"
    if objects_fail(error):
        return "objects"
    return "storage" if storage_fails(error) else None
