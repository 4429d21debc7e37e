"""Reading a journal back: its lines folded, in order, into the record of its sweep."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from vae_sweep.journal.conflicts import conflicts, merge
from vae_sweep.journal.events import (
    CellEvent,
    ChangedEvent,
    EndEvent,
    EpochEvent,
    FinalEvent,
    JournalEvent,
    LaunchEvent,
    LostEvent,
    ProbedEvent,
    ReportEvent,
    RungEvent,
    ScoredEvent,
    StoreEvent,
    TrialEvent,
    TrialStarted,
    WarmEvent,
)
from vae_sweep.journal.journal import JournalError, JournalTail, remedy
from vae_sweep.journal.journaled_spec import JournaledSpec
from vae_sweep.journal.records import (
    SETTLED,
    CellRecord,
    EpochRecord,
    FinalRecord,
    LaunchRecord,
    Numbers,
    RungRecord,
    ScoreRecord,
    StoreRecord,
    SweepRecord,
    TrialRecord,
)
from vae_sweep.storage.checkpoint_paths import located


def read_sweep(path: Path) -> SweepRecord:
    """Read a journal back. Raises JournalError where it is absent, damaged or contradicts itself."""
    fold = JournalFold(path)
    for event in JournalTail(path).read():
        fold.add(event)
    return fold.record()


class JournalFold:
    """Folds the events of one journal, in order from the first, into the record of its sweep."""

    def __init__(self, path: Path) -> None:
        self._path, self._count = path, 0
        self._folder, self._name = path.absolute().parent, path.resolve().parent.name
        self._launches: list[LaunchRecord] = []
        self._cells: dict[int, CellRecord] = {}
        self._trials: dict[str, TrialRecord] = {}
        self._last: dict[tuple[str, str], int] = {}
        self._end: EndEvent | None = None
        self._warm: list[dict[str, Any]] = []
        self._changes: list[str] = []

    def record(self) -> SweepRecord:
        """Return the sweep as of the last line; it grows with the lines that are added later."""
        ended, ended_at = (self._end.outcome, self._end.time) if self._end else (None, None)
        return SweepRecord(
            self._name,
            self._folder,
            self._launches,
            self._cells,
            self._trials,
            ended,
            ended_at,
            self._warm,
            self._changes,
        )

    def add(self, event: JournalEvent) -> Numbers:
        """Take one event in; return those of its numbers that no event before had reported.

        Raises JournalError where it speaks of a trial that never started.
        """
        numbers = self._fold(event)
        self._count += 1
        return numbers

    def _fold(self, event: JournalEvent) -> Numbers:
        match event:
            case EpochEvent():
                return self._epoch(self._trial(event), event)
            case RungEvent():
                return self._rung(self._trial(event), event)
            case FinalEvent():
                return self._final(self._trial(event), event)
            case ScoredEvent():
                return self._scored(event)
            case ProbedEvent():
                return self._probed(self._trial(event), event)
            case LaunchEvent():
                self._launch(event)
            case CellEvent(cell=number):
                self._cells[number] = CellRecord(number, event.method, event.values)
            case TrialStarted():
                self._start(event)
            case StoreEvent():
                found = StoreRecord(event.key, event.event, event.seconds, event.saved, event.holder)
                self._about(self._trial(event), event).store.append(found)
            case ChangedEvent():
                self._changes.extend(event.texts)
            case WarmEvent():
                self._warm[:] = event.cells
            case LostEvent():
                trial = self._trial(event)
                trial.damaged.append(event.reason)
                self._trials[trial.id] = replace(trial, final=None)
            case EndEvent():
                self._end = event
        return {}

    def _launch(self, event: LaunchEvent) -> None:
        self._name, self._end = event.sweep, None
        self._changes.clear()
        launch = LaunchRecord(
            event.attempt,
            event.time,
            event.spec,
            event.versions,
            event.git_commit,
            event.corpus,
            event.data_directory,
            event.keys_version,
        )
        self._launches.append(launch)

    def _start(self, event: TrialStarted) -> None:
        name = event.trial
        if not self._launches:
            raise JournalError(
                f"{self._path}, line {self._count + 1}: trial {name} starts, and no line before it launches the "
                f"sweep. {remedy(self._path)}"
            )
        known = self._trials.get(name)
        if known is None:
            cell, seed, method, values = event.cell, event.seed, event.method, event.values
            spec = JournaledSpec(event.spec)
            trial = TrialRecord(name, cell, seed, method, values, spec, event.time, self._folder)
        else:
            final = known.final if known.final and known.final.outcome in SETTLED else None
            trial = replace(known, attempts=known.attempts + 1, spec=JournaledSpec(event.spec), final=final)
        self._trials[name] = trial

    def _trial(self, event: TrialEvent) -> TrialRecord:
        if event.trial not in self._trials:
            raise JournalError(
                f"{self._path}, line {self._count + 1}: {event.kind} of trial {event.trial}, which no line "
                f"before it starts. {remedy(self._path)}"
            )
        return self._trials[event.trial]

    @staticmethod
    def _about(trial: TrialRecord, event: ReportEvent) -> TrialRecord:
        """Note where a report came from, and what was found damaged on the way."""
        if event.damaged:
            trial.damaged.extend(text for text in event.damaged if text not in trial.damaged)
        if event.host and event.host not in trial.hosts:
            trial.hosts.append(event.host)
        if event.checkpoint is not None:
            trial.reported.append(event.checkpoint)
        return trial

    def _epoch(self, trial: TrialRecord, event: EpochEvent) -> Numbers:
        self._about(trial, event)
        number, last = event.epoch, self._last.setdefault((trial.id, event.phase), -1)
        if number <= last:
            for known in trial.epochs:
                if (known.phase, known.epoch) == (event.phase, number):
                    place = f"{known.phase} epoch {known.epoch}"
                    trial.conflicts.extend(conflicts(place, known.numbers, event.numbers))
                    return {}
        self._last[trial.id, event.phase] = max(number, last)
        trial.epochs.append(EpochRecord(event.phase, number, event.numbers, event.time))
        return event.numbers

    def _rung(self, trial: TrialRecord, event: RungEvent) -> Numbers:
        numbers: Numbers = event.numbers
        for known in trial.rungs:
            if known.epoch == event.epoch:
                trial.conflicts.extend(conflicts(f"rung {known.epoch}", known.numbers, numbers))
                return {}
        trial.rungs.append(RungRecord(event.epoch, numbers, event.collapsed))
        return numbers

    def _final(self, trial: TrialRecord, event: FinalEvent) -> Numbers:
        self._about(trial, event)
        place = None if event.checkpoint is None else located(event.checkpoint, self._folder)
        error, reason = event.error, event.reason
        final = FinalRecord(event.outcome, error, reason, event.numbers, place, event.time)
        old = trial.final
        if old is None or old.outcome not in SETTLED:
            self._trials[trial.id] = replace(trial, final=final)
            if final.numbers:
                trial.scores.append(self._score("validation", final.numbers, event))
            return final.numbers
        kept = {"outcome": old.outcome, **trial.own_numbers("validation")}
        came = {"outcome": final.outcome, **final.numbers}
        trial.conflicts.extend(conflicts("the end", kept, came))
        return {}

    def _scored(self, event: ScoredEvent) -> Numbers:
        """Take in a score, split by split; one under another evaluation takes the place of the one before."""
        self._trial(event)
        fresh: Numbers = {}
        for split in dict.fromkeys(key.partition("/")[0] for key in event.numbers):
            trial = self._trial(event)
            numbers = {key: value for key, value in event.numbers.items() if key.startswith(f"{split}/")}
            before, came = trial.score(split), self._score(split, numbers, event)
            if before is not None and before.evaluation == came.evaluation:
                fresh |= _merge(trial, "the score", before.numbers, numbers)
                continue
            trial.scores.append(came)
            fresh |= numbers
            if split == "test":
                self._trials[trial.id] = replace(trial, scored=numbers)
            elif trial.final is not None:
                self._trials[trial.id] = replace(trial, final=replace(trial.final, numbers=numbers))
        return fresh

    def _score(self, split: str, numbers: Numbers, event: FinalEvent | ScoredEvent) -> ScoreRecord:
        settings = event.settings if isinstance(event, ScoredEvent) else None
        return ScoreRecord(split, numbers, event.evaluation, settings, event.time, self._count)

    def _probed(self, trial: TrialRecord, event: ProbedEvent) -> Numbers:
        trial.probes.extend(name for name in event.probes if name not in trial.probes)
        if event.texts:
            trial = self._trials[trial.id] = replace(trial, texts=self._folder / event.texts)
        return _merge(trial, "the probes", trial.probed, event.numbers)


def _merge(trial: TrialRecord, place: str, kept: Numbers, came: Numbers) -> Numbers:
    fresh, found = merge(place, kept, came)
    trial.conflicts.extend(found)
    return fresh
