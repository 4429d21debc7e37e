"""What is not in MLflow: journal lines, changed runs, a changed report, models of a complete sweep's winners."""

from collections.abc import Callable
from pathlib import Path

from vae_sweep.journal.events import (
    EndEvent,
    FinalEvent,
    JournalEvent,
    LaunchEvent,
    LostEvent,
    ScoredEvent,
    TrialEvent,
    TrialStarted,
)
from vae_sweep.journal.records import Numbers, SweepRecord
from vae_sweep.journal.sweep_log import SweepLog
from vae_sweep.results.leaders import Leaders, LeadersOf
from vae_sweep.storage.layout import REPORT_FOLDER
from vae_sweep.tracking.client import TrackingError
from vae_sweep.tracking.registry import model_candidate
from vae_sweep.tracking.runs import SWEEP_KEY, RunState, metric_points, sweep_run, trial_run
from vae_sweep.tracking.writer import Entry, MlflowWriter

COUNTED = (TrialStarted, FinalEvent, LostEvent, ScoredEvent)
"""Events that change the numbers of the sweep's own run."""

JUDGED = (LaunchEvent, EndEvent, ScoredEvent)
"""Events that may change which models are to be registered."""


class Feed:
    """The lines of a journal that are missing in MLflow, by run; a run's state is that of the record when sent.

    `judge` says which trials lead: shown in the sweep's run, registered once the sweep is complete.
    """

    def __init__(self, journal_path: Path, judge: LeadersOf) -> None:
        self._log, self._judge = SweepLog(journal_path), judge
        self._report = journal_path.parent / REPORT_FOLDER
        self._report_seen: list[tuple[str, int, int]] = []
        self._begin()

    def _begin(self) -> None:
        self._seen: dict[str, int] = {}
        self._pending: dict[str, list[Entry]] = {}
        self._winners: list[str] = []
        self._moment = 0.0

    @property
    def sweep(self) -> SweepRecord:
        """Return the sweep as far as it was read."""
        return self._log.record

    def read(self) -> None:
        """Take in what the journal gained, and whether the report changed. Raises JournalError."""
        judged = False
        for event, numbers in self._log.read():
            if self._log.position.lines == 0:
                self._begin()
            self._take(event, numbers)
            judged |= isinstance(event, JUDGED)
        if judged:
            complete = self.sweep.ended == "complete"
            self._winners = list(self._judge(self.sweep).winners) if complete else []
        files = _files(self._report)
        if files != self._report_seen and self.sweep.launches:
            self._pending.setdefault(SWEEP_KEY, [])
            self._report_seen = files

    def waiting(self) -> int:
        """Return the number of lines not yet mirrored; a run that only changes its state, or a model, is one."""
        return sum(max(1, len(entries)) for entries in list(self._pending.values())) + len(self._winners)

    def unread(self) -> int:
        """Return the number of lines not yet read."""
        return self._log.unread()

    def flush(self, writer: MlflowWriter, stop: Callable[[], bool]) -> TrackingError | None:
        """Write run after run, then the models, until told to stop; return the first error.

        What fails stays pending. A server that cannot be reached ends the round; one run that is refused
        does not keep the others back.
        """
        first: TrackingError | None = None
        if not self.sweep.launches:
            return first
        parent = self.parent()
        for send, key in [
            *((self._run, key) for key in self._pending),
            *((self._model, key) for key in self._winners),
        ]:
            if stop():
                break
            try:
                send(writer, parent, key)
            except TrackingError as error:
                first = first or error
                if not error.lasting:
                    break
        return first

    def parent(self) -> RunState:
        """Return the sweep's run; judged only where it is to be sent."""
        leaders = self._judge(self.sweep) if SWEEP_KEY in self._pending else Leaders()
        return sweep_run(self.sweep, leaders, self._report if self._report.is_dir() else None, self._moment)

    def _run(self, writer: MlflowWriter, parent: RunState, key: str) -> None:
        if key == SWEEP_KEY:
            writer.write(parent, self._pending[key], None)
        else:
            writer.write(trial_run(self.sweep, self.sweep.trials[key]), self._pending[key], parent)
        del self._pending[key]

    def _model(self, writer: MlflowWriter, parent: RunState, key: str) -> None:
        sweep = self.sweep
        trial = sweep.trials[key]
        best = key in self._judge(sweep).winners[:1]
        writer.register_winner(sweep.name, model_candidate(sweep, trial), trial_run(sweep, trial), parent, best)
        self._winners.remove(key)

    def _take(self, event: JournalEvent, numbers: Numbers) -> None:
        """Take an event in; where the clock was set back, its points are still later: MLflow shows the latest."""
        self._moment = event.time if event.time >= self._moment else self._moment + 0.001
        key = event.trial if isinstance(event, TrialEvent) else SWEEP_KEY
        self._seen[key] = self._seen.get(key, 0) + 1
        mark = f"line {self._seen[key]} of {event.time!r}"
        self._pending.setdefault(key, []).append(Entry(mark, metric_points(event, numbers, self._moment)))
        if isinstance(event, COUNTED):
            self._pending.setdefault(SWEEP_KEY, [])
        if isinstance(event, EndEvent):
            for name, trial in self.sweep.trials.items():
                if trial.final is None:
                    self._pending.setdefault(name, [])


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """Return names, times and sizes of a folder's files: equal while nothing changed."""
    if not folder.is_dir():
        return []
    known = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
    return [(name, about.st_mtime_ns, about.st_size) for name, about in known]
