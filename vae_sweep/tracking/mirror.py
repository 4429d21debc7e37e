"""The mirror of a journal in MLflow: it may lag, it never slows or stops a trial, it can be replayed."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from trainables.base import VaeSweepError
from trainables.files import words
from vae_sweep.journal.journal import JournalError
from vae_sweep.results.leaders import LeadersOf, no_leaders
from vae_sweep.tracking.client import TrackingError, import_mlflow
from vae_sweep.tracking.pending import Feed
from vae_sweep.tracking.registry import model_candidate
from vae_sweep.tracking.runs import trial_run
from vae_sweep.tracking.writer import MirrorCounts, MlflowWriter

PERIOD, LONGEST_DELAY, IDLE = 1.0, 30.0, 5.0
"""Seconds between two rounds, at most between two attempts, at most until the file is looked at again."""

_SHARE = 0.005
"""Part of the time that the thread may work: a round costs tens of milliseconds a run, however few its lines."""

LAST_PART = 0.8
"""Part of close's timeout in which the thread still begins something."""


class Mirror:
    """Mirrors a growing journal to MLflow on a thread of its own; no error of the server leaves it.

    `last_error` says what is wrong now, or is None. `uri` is a server's, or `sqlite:////absolute/path.db`;
    without an `artifact_location` artifacts lie beside the database, or where the server puts them.
    """

    def __init__(
        self,
        journal_path: Path,
        uri: str,
        experiment: str,
        sweep_name: str,
        artifact_location: str | None = None,
        judge: LeadersOf = no_leaders,
    ) -> None:
        self.last_error: str | None = None
        self._path = journal_path
        self._target = (uri, experiment, artifact_location)
        self._feed = Feed(journal_path, judge)
        self._writer: MlflowWriter | None = None
        self._alone = False
        self._wake, self._closing = threading.Event(), threading.Event()
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._work, name=f"mirror of {sweep_name}", daemon=True)

    def start(self) -> None:
        """Start the thread; call once, before `close`."""
        import_mlflow()
        self._thread.start()

    def poke(self) -> None:
        """Say that the journal has new lines."""
        self._wake.set()

    def close(self, timeout: float) -> int:
        """Mirror what is left for at most `timeout` seconds; return the number of lines not mirrored.

        `last_error` then says why, where any is left.
        """
        self._deadline = time.monotonic() + LAST_PART * timeout
        self._closing.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        left = self._feed.waiting()
        try:
            left += self._feed.unread()
        except JournalError as error:
            left, self.last_error = max(left, 1), str(error)
        if left and self.last_error is None:
            self.last_error = f"{timeout:.0f} seconds were not enough to send them"
        return left

    def _work(self) -> None:
        delay = PERIOD
        with ExitStack() as held:
            while True:
                closing, busy = self._closing.is_set(), time.thread_time()
                error = self._round(held)
                self.last_error = reason(error) if error else None
                worked = time.thread_time() - busy
                may_pass = isinstance(error, TrackingError) and not error.lasting
                if closing and (not may_pass or self._late()):
                    return
                if closing:
                    time.sleep(max(0.0, min(PERIOD, self._deadline - time.monotonic())))
                elif error:
                    self._closing.wait(delay)
                    delay = min(2 * delay, LONGEST_DELAY)
                else:
                    delay = PERIOD
                    self._wake.wait(IDLE)
                    self._wake.clear()
                    self._closing.wait(pause(worked))

    def _late(self) -> bool:
        return time.monotonic() >= self._deadline

    def _round(self, held: ExitStack) -> Exception | None:
        try:
            if not self._alone:
                held.enter_context(only_mirror(self._path))
                self._alone = True
            self._feed.read()
            if self._writer is None and self._feed.waiting():
                self._writer = MlflowWriter(*self._target, self._feed.sweep.identity)
            return self._feed.flush(self._writer, self._late) if self._writer else None
        except Exception as error:  # noqa: BLE001  the sweep must not feel even a bug in here; it is shown
            return error


def reason(error: Exception) -> str:
    """Return what an error says; of one that is not ours, what it is too."""
    return str(error) if isinstance(error, VaeSweepError) else f"{type(error).__name__} {error}".strip()


def pause(worked: float) -> float:
    """Return the seconds to wait after a round that worked for some seconds."""
    return min(max(PERIOD, worked / _SHARE), LONGEST_DELAY)


def sync_journal(
    journal_path: Path,
    uri: str,
    experiment: str,
    artifact_location: str | None = None,
    judge: LeadersOf = no_leaders,
) -> MirrorCounts:
    """Bring MLflow to what the journal says; running it twice changes nothing.

    Raises JournalError where the journal is damaged, TrackingError where MLflow is out of reach, refuses,
    or another process mirrors the journal now.
    """
    feed = Feed(journal_path, judge)
    with only_mirror(journal_path):
        feed.read()
        return _synced(feed, uri, experiment, artifact_location).counts if feed.waiting() else MirrorCounts()


def register_models(
    journal_path: Path, uri: str, experiment: str, judge: LeadersOf, trials: Sequence[str], name: str, best: bool
) -> dict[str, str]:
    """Bring MLflow up to date and register trials under a name; return the version of each.

    With `best` the first one gets that alias. Raises as `sync` does, and ModelError where a trial has no model.
    """
    feed = Feed(journal_path, judge)
    with only_mirror(journal_path):
        feed.read()
        writer, sweep, parent = _synced(feed, uri, experiment, None), feed.sweep, feed.parent()
        known = {trial: sweep.trials[trial] for trial in trials}
        return {
            key: writer.register(
                name, model_candidate(sweep, trial), trial_run(sweep, trial), parent, best and key == trials[0]
            )
            for key, trial in known.items()
        }


def _synced(feed: Feed, uri: str, experiment: str, artifact_location: str | None) -> MlflowWriter:
    writer = MlflowWriter(uri, experiment, artifact_location, feed.sweep.identity)
    if error := feed.flush(writer, lambda: False):
        raise TrackingError(
            f"{error}; {feed.waiting()} journal lines are not mirrored: mend this and run vae-sweep sync",
            error.lasting,
        )
    return writer


@contextmanager
def only_mirror(journal_path: Path) -> Iterator[None]:
    """Hold the lock that keeps two processes from creating the same runs twice. Raises TrackingError."""
    path = journal_path.with_name("mirror.lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise TrackingError(words(error, path, "cannot be opened")) from error
    try:
        _lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise TrackingError(
            f"{path}: another process mirrors this journal to MLflow now (a running sweep, or vae-sweep "
            "sync); let it finish"
        ) from error
    except OSError as error:
        raise TrackingError(words(error, path, "cannot be locked")) from error
