"""How a sweep stands, from its journal and its lock alone; nothing is written."""

import time
from collections.abc import Mapping
from pathlib import Path

from vae_sweep.journal.history import History, renamed
from vae_sweep.journal.records import TrialRecord
from vae_sweep.journal.sweep_log import SweepLog, sweep_log
from vae_sweep.monitoring.eta import Left, cell_count, sweep_spec, time_left
from vae_sweep.monitoring.status_schema import (
    Driver,
    FailedTrial,
    Pretraining,
    RunningTrial,
    StatusRemark,
    SweepState,
    SweepStatus,
    TrialCounts,
)
from vae_sweep.results.evaluations import unlike
from vae_sweep.storage.driver_lock import LOCK, driver_of
from vae_sweep.storage.lease import BEAT, Owner, newest
from vae_sweep.storage.stop_request import REQUEST_FILE, requested

_OUTCOMES = ("finished", "collapsed", "pruned", "diverged", "failed")
SHOWN = ("neg_elbo", "reconstruction", "kl", "mutual_information", "active_units")
LIVE = ("running", "waiting")
WATCH = 1.5 * BEAT
"""Seconds in which a living driver gives a sign."""


def sweep_status(folder: Path, watch: float = 0.0) -> SweepStatus:
    """Return how the sweep in `folder` stands; a driver elsewhere is watched for `watch` seconds for a heartbeat.

    Raises LaunchError where no sweep is there, JournalError where its journal is damaged.
    """
    return status_now(sweep_log(folder), watch)


def status_now(log: SweepLog, watch: float = 0.0) -> SweepStatus:
    """Return how a sweep stands once its log has read what was added. Raises JournalError."""
    (owner, history), folder = read_status(log), log.folder
    drives = history.driven_by(owner)
    record, now = history.record, time.time()
    states = {name: history.state(trial, drives) for name, trial in sorted(record.trials.items())}
    running = [_running(history, record.trials[name], now) for name, at in states.items() if at in LIVE]
    spans = history.spans
    elapsed = (now if drives else spans[-1][1]) - spans[-1][0] if spans else 0.0
    idle = Left(seconds=None, why="nobody drives the sweep")
    return SweepStatus(
        sweep=record.name,
        folder=str(folder),
        state=state_of(history, owner),
        driver=_driver(folder, owner, drives, watch) if owner else None,
        outcome=record.ended,
        reason=history.reason,
        stop=requested(folder / REQUEST_FILE),
        launches=len(record.launches),
        trials=_counts(history, states),
        running=running,
        interrupted=[name for name, at in states.items() if at == "interrupted"],
        failed=[_failed(record.trials[name]) for name, at in states.items() if at == "failed"],
        pretraining=_pretraining(list(record.trials.values())),
        elapsed=max(0.0, elapsed),
        driven=max(0.0, elapsed) + sum(end - start for start, end in spans[:-1]),
        left=time_left(history, len(running)) if drives else idle,
        lines=history.lines,
        last_line=history.last,
        remarks=_remarks(folder, history),
    )


def read_status(log: SweepLog) -> tuple[Owner | None, History]:
    """Return a sweep's driver and its history, read at one moment: the driver did not change between the two."""
    while True:
        before, history, after = driver_of(log.folder), log.refresh().history, driver_of(log.folder)
        if (before and before.nonce) == (after and after.nonce):
            return after, history


def state_of(history: History, owner: Owner | None) -> SweepState:
    """Return the state of a sweep."""
    if not history.spans:
        return "never launched"
    if history.driven_by(owner):
        return "running"
    ended = history.record.ended
    if ended and history.launched_by(owner):
        return "ending"
    known: dict[str, SweepState] = {"complete": "complete", "failed": "failed", "stopped": "stopped"}
    return known.get(ended or "", "interrupted")


def planned_trials(history: History) -> int | None:
    """Return how many trials the sweep has when it is complete, at most; None where its spec cannot be read."""
    spec = sweep_spec(history.record)
    if spec is not None and history.record.ended == "complete":
        return len(history.record.trials)
    return None if spec is None else cell_count(spec, len(history.record.cells)) * len(spec.seeds)


def _driver(folder: Path, owner: Owner, drives: bool, watch: float) -> Driver:
    sign = True if owner.here else None
    if sign is None and watch:
        before = newest(folder / LOCK)
        time.sleep(watch)
        after = newest(folder / LOCK)
        sign = before is not None and after is not None and before.content != after.content
    return Driver(process=owner.process, host=owner.host, seconds=owner.age, drives=drives, sign=sign)


def _running(history: History, trial: TrialRecord, now: float) -> RunningTrial:
    timeline, last = history.timelines[trial.id], trial.epochs[-1] if trial.epochs else None
    spec = trial.spec.trial
    most: dict[str, int] = {phase.name: phase.training.epochs for phase in spec.phases()} if spec else {}
    return RunningTrial(
        trial=trial.id,
        state="waiting" if timeline.holder else "running",
        method=trial.method,
        values=trial.values,
        phase=last.phase if last else None,
        done=last.epoch + 1 if last else 0,
        epochs=most.get(last.phase) if last else None,
        numbers=_shown(last.numbers) if last else {},
        host=timeline.host,
        silent=max(0.0, now - timeline.last),
        waits_for=timeline.holder,
    )


def _shown(numbers: Mapping[str, float | None]) -> dict[str, float | None]:
    return {metric: numbers[key] for metric in SHOWN if (key := f"validation/{metric}") in numbers}


def _failed(trial: TrialRecord) -> FailedTrial:
    lines = ((trial.final and trial.final.reason) or "").strip().splitlines()
    error = trial.final.error if trial.final else None
    return FailedTrial(trial=trial.id, error=error, reason=lines[-1] if lines else "")


def _counts(history: History, states: dict[str, str]) -> TrialCounts:
    found = list(states.values())
    return TrialCounts(
        planned=planned_trials(history),
        cells=len(history.record.cells),
        started=len(states),
        running=found.count("running"),
        waiting=found.count("waiting"),
        interrupted=found.count("interrupted"),
        ended={outcome: found.count(outcome) for outcome in _OUTCOMES},
        scored=sum(bool(trial.scored) for trial in history.record.trials.values()),
    )


def _pretraining(trials: list[TrialRecord]) -> Pretraining:
    known = [found for trial in trials if (found := trial.pretraining) is not None]
    events = [found.event for found in known]
    return Pretraining(
        trained=events.count("miss"),
        hits=events.count("hit"),
        waited=events.count("waited"),
        seconds_waited=sum(found.seconds for found in known),
        seconds_saved=sum(found.saved for found in known),
    )


def _remarks(folder: Path, history: History) -> list[StatusRemark]:
    remarks = [StatusRemark(kind="repaired", trial=None, text=text) for text in history.repaired]
    for name, trial in sorted(history.record.trials.items()):
        timeline = history.timelines[name]
        remarks += [StatusRemark(kind="lost", trial=name, text=text) for text in timeline.lost]
        other = [text for text in trial.damaged if text not in timeline.lost]
        remarks += [StatusRemark(kind="damaged", trial=name, text=text) for text in other]
        remarks += [StatusRemark(kind="conflict", trial=name, text=str(found)) for found in trial.conflicts]
        if timeline.unscored:
            remarks.append(StatusRemark(kind="unscored", trial=name, text=timeline.unscored))
    remarks += [StatusRemark(kind="changed", trial=None, text=text) for text in history.record.changes]
    if text := unlike(history.record):
        remarks.append(StatusRemark(kind="measured", trial=None, text=text))
    remarks += [StatusRemark(kind="renamed", trial=None, text=text) for text in renamed(folder, history.record)]
    return remarks
