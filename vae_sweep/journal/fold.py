"""Reading a journal back: its lines folded, in order, into the record of its sweep."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from trainables.former_keys import in_todays_keys
from trainables.methods import METHODS
from trainables.storage_paths import StoragePath
from vae_sweep.journal.conflicts import conflicts, merge
from vae_sweep.journal.former_metrics import in_todays_words
from vae_sweep.journal.journal import JournalError, Line, read_journal, remedy
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

_MEASURED = ("rung", "final", "scored")
"""Kinds of lines with likelihoods."""


def read_sweep(path: Path) -> SweepRecord:
    """Read a journal back. Raises JournalError where it is absent, damaged or contradicts itself."""
    ledger = Ledger(path)
    for line in read_journal(path):
        ledger.add(line)
    return ledger.record()


class Ledger:
    """Folds the lines of one journal, in order from the first, into the record of its sweep."""

    def __init__(self, path: Path) -> None:
        self._path, self._count = path, 0
        self._folder, self._name = path.absolute().parent, path.resolve().parent.name
        self._launches: list[LaunchRecord] = []
        self._cells: dict[int, CellRecord] = {}
        self._trials: dict[str, TrialRecord] = {}
        self._end: Line | None = None
        self._warm: list[dict[str, Any]] = []
        self._changes: list[str] = []

    def record(self) -> SweepRecord:
        """Return the sweep as of the last line; it grows with the lines that are added later."""
        ended, ended_at = (self._end["outcome"], self._end["time"]) if self._end else (None, None)
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

    def add(self, line: Line) -> Numbers:
        """Take one line in; return those of its numbers that no line before had reported.

        Raises JournalError where the line speaks of a trial that never started.
        """
        numbers = self._fold(line)
        self._count += 1
        return numbers

    def _fold(self, line: Line) -> Numbers:
        if line["kind"] in _MEASURED:
            line = self._in_todays_words(line)
        match line["kind"]:
            case "launch":
                self._launch(line)
            case "cell":
                number = line["cell"]
                self._cells[number] = CellRecord(number, line["method"], in_todays_keys(line["values"]))
            case "trial":
                self._start(line)
            case "store":
                seconds, saved = line["seconds"], line["saved"]
                found = StoreRecord(line["key"], line["event"], seconds, saved, line.get("holder"))
                self._about(self._trial(line), line).store.append(found)
            case "epoch":
                return self._epoch(self._trial(line), line)
            case "rung":
                return self._rung(self._trial(line), line)
            case "changed":
                self._changes.extend(line["texts"])
            case "warm":
                self._warm[:] = in_todays_keys(line["cells"])
            case "final":
                return self._final(self._trial(line), line)
            case "lost":
                trial = self._trial(line)
                trial.damaged.append(line["reason"])
                self._trials[trial.id] = replace(trial, final=None)
            case "scored":
                return self._scored(line)
            case "probed":
                return self._probed(self._trial(line), line)
            case "end":
                self._end = line
        return {}

    def _in_todays_words(self, line: Line) -> Line:
        method = METHODS.get(self._trial(line).method)
        exact = method is not None and method.language_model
        return {**line, "numbers": in_todays_words(line["numbers"], exact)}

    def _launch(self, line: Line) -> None:
        self._name, self._end = line["sweep"], None
        self._changes.clear()
        launch = LaunchRecord(
            line["attempt"],
            line["time"],
            in_todays_keys(line["spec"]),
            line["versions"],
            line.get("git_commit"),
            line["corpus"],
            line.get("data_directory"),
            line.get("keys_version"),
        )
        self._launches.append(launch)

    def _start(self, line: Line) -> None:
        name = line["trial"]
        if not self._launches:
            raise JournalError(
                f"{self._path}, line {self._count + 1}: trial {name} starts, and no line before it launches the "
                f"sweep. {remedy(self._path)}"
            )
        known = self._trials.get(name)
        if known is None:
            cell, seed, method = line["cell"], line["seed"], line["method"]
            values, spec = in_todays_keys(line["values"]), in_todays_keys(line["spec"])
            trial = TrialRecord(name, cell, seed, method, values, spec, line["time"])
        else:
            final = known.final if known.final and known.final.outcome in SETTLED else None
            trial = replace(known, attempts=known.attempts + 1, spec=in_todays_keys(line["spec"]), final=final)
        self._trials[name] = trial

    def _trial(self, line: Line) -> TrialRecord:
        if line["trial"] not in self._trials:
            raise JournalError(
                f"{self._path}, line {self._count + 1}: {line['kind']} of trial {line['trial']}, which no line "
                f"before it starts. {remedy(self._path)}"
            )
        return self._trials[line["trial"]]

    @staticmethod
    def _about(trial: TrialRecord, line: Line) -> TrialRecord:
        """Note where a report came from, and what was found damaged on the way."""
        trial.damaged.extend(text for text in line.get("damaged") or () if text not in trial.damaged)
        if line.get("host") and line["host"] not in trial.hosts:
            trial.hosts.append(line["host"])
        return trial

    def _place(self, trial: TrialRecord, line: Line) -> StoragePath | None:
        if line.get("checkpoint") is None:
            return None
        checkpoint = located(line["checkpoint"], self._folder)
        trial.checkpoints.append(checkpoint)
        return checkpoint

    def _epoch(self, trial: TrialRecord, line: Line) -> Numbers:
        checkpoint = self._place(self._about(trial, line), line)
        for known in trial.epochs:
            if (known.phase, known.epoch) == (line["phase"], line["epoch"]):
                place = f"{known.phase} epoch {known.epoch}"
                trial.conflicts.extend(conflicts(place, known.numbers, line["numbers"]))
                return {}
        numbers: Numbers = line["numbers"]
        trial.epochs.append(EpochRecord(line["phase"], line["epoch"], numbers, checkpoint, line["time"]))
        return numbers

    def _rung(self, trial: TrialRecord, line: Line) -> Numbers:
        numbers: Numbers = line["numbers"]
        for known in trial.rungs:
            if known.epoch == line["epoch"]:
                trial.conflicts.extend(conflicts(f"rung {known.epoch}", known.numbers, numbers))
                return {}
        trial.rungs.append(RungRecord(line["epoch"], numbers, line["collapsed"]))
        return numbers

    def _final(self, trial: TrialRecord, line: Line) -> Numbers:
        place = self._place(self._about(trial, line), line)
        error, reason = line.get("error"), line.get("reason")
        final = FinalRecord(line["outcome"], error, reason, line["numbers"], place, line["time"])
        old = trial.final
        if old is None or old.outcome not in SETTLED:
            self._trials[trial.id] = replace(trial, final=final)
            if final.numbers:
                trial.scores.append(self._score("validation", final.numbers, line))
            return final.numbers
        kept = {"outcome": old.outcome, **trial.own_numbers("validation")}
        came = {"outcome": final.outcome, **final.numbers}
        trial.conflicts.extend(conflicts("the end", kept, came))
        return {}

    def _scored(self, line: Line) -> Numbers:
        """Take in a score, split by split; one under another evaluation takes the place of the one before."""
        fresh: Numbers = {}
        for split in dict.fromkeys(key.partition("/")[0] for key in line["numbers"]):
            trial = self._trial(line)
            numbers = {key: value for key, value in line["numbers"].items() if key.startswith(f"{split}/")}
            before, came = trial.score(split), self._score(split, numbers, line)
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

    def _score(self, split: str, numbers: Numbers, line: Line) -> ScoreRecord:
        evaluation, settings = line.get("evaluation"), line.get("settings")
        return ScoreRecord(split, numbers, evaluation, settings, line["time"], self._count)

    def _probed(self, trial: TrialRecord, line: Line) -> Numbers:
        trial.probes.extend(name for name in line["probes"] if name not in trial.probes)
        if line.get("texts"):
            trial = self._trials[trial.id] = replace(trial, texts=self._folder / line["texts"])
        return _merge(trial, "the probes", trial.probed, line["numbers"])


def _merge(trial: TrialRecord, place: str, kept: Numbers, came: Numbers) -> Numbers:
    fresh, found = merge(place, kept, came)
    trial.conflicts.extend(found)
    return fresh
