"""The callback that writes every report of a Tune run into the journal."""

import pickletools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune import Callback, Stopper
from ray.tune.experiment import Trial

from trainables.base import PlaceError, StateError
from trainables.files import words
from trainables.outputs import keep
from trainables.ray_trainable import STARTED, WAITS
from trainables.spec import TrialSpec
from trainables.storage_paths import StoragePath, place_on
from trainables.training.report import SCORED, EpochReport, ErrorClass, FinalReport, RungReport, StoreReport
from vae_sweep.journal.events import (
    EpochEvent,
    FinalEvent,
    JournalEvent,
    RungEvent,
    StoreEvent,
    TrialStarted,
)
from vae_sweep.journal.journal import Journal, JournalError
from vae_sweep.running.stop_controller import StopController, outage_of
from vae_sweep.storage.checkpoint_paths import journaled

CREATION = "an error raised in its creation task"
"""Ray's message for a worker that could not begin."""

FAILURE = re.compile(r"^Failure # \d+ \(occurred at .*\)$", re.MULTILINE)
"""What stands above each failure in Ray's file of them."""

REPORTS: dict[
    str, tuple[type[EpochReport | StoreReport | RungReport | FinalReport], Callable[..., JournalEvent]]
] = {
    "epoch": (EpochReport, EpochEvent),
    "store": (StoreReport, StoreEvent),
    "rung": (RungReport, RungEvent),
    "final": (FinalReport, FinalEvent),
}
"""Kind of a report -> what reads it, and the event that it is journaled as."""


class JournalCallback(Callback):
    """Write a line for each start, report and end of a trial, then wake whoever watches.

    If the journal cannot be written, the sweep stops and nothing more is written: what runs is run again. A trial
    whose worker is lost after its final report is started once more by Ray; of that nothing is written.
    """

    def __init__(
        self,
        journal: Journal,
        attempt: int,
        watch: Callable[[JournalEvent], None],
        stop_controller: StopController,
    ) -> None:
        self._journal, self._attempt, self._watch, self._stop_controller = journal, attempt, watch, stop_controller
        self._refused = False
        self._started: set[str] = set()
        self._ended: set[str] = set()

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Journal a start, or a restart after a lost worker."""
        self._started.add(trial.trial_id)
        own = {"spec": trial.config["trial"], "threads": trial.config["threads"]}
        self._write(trial, TrialStarted(**trial.config["identity"], attempt=self._attempt, **own))

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Journal a report, with where its checkpoint lies, and the end of a trial that was pruned with it."""
        if "report" not in result:
            return
        kind, event = REPORTS[result["kind"]]
        report = kind.model_validate_json(result["report"])
        name = result.get("checkpoint_dir_name")
        place = None
        if name and (storage := trial.storage):
            place = place_on(storage.storage_filesystem, f"{storage.trial_fs_path}/{name}")
        if isinstance(report, FinalReport) and report.outcome in SCORED and place is not None:
            report = kept(report, place, trial.config["trial"])
            place = place if report.error is None else None
        checkpoint = None if place is None else journaled(place)
        own = report.model_dump(mode="json")
        own["damaged"] = [*result["damaged"], *own.get("damaged", ())]
        self._write(trial, event(trial=_name(trial), checkpoint=checkpoint, host=result["host"], **own))
        final = FinalReport(outcome="pruned", reason=result["pruned"]) if result.get("pruned") else report
        if isinstance(final, FinalReport):
            if final is not report:
                self._write(trial, FinalEvent(trial=_name(trial), **final.model_dump(mode="json")))
            self._end(trial, final)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Journal a trial whose worker was lost more often than is allowed, perhaps before it could start."""
        if trial.trial_id not in self._started:
            self.on_trial_start(iteration, trials, trial)
        final = lost(trial)
        self._write(trial, FinalEvent(trial=_name(trial), **final.model_dump(mode="json")))
        self._end(trial, final)

    def _end(self, trial: Trial, final: FinalReport) -> None:
        if trial.trial_id not in self._ended:
            self._stop_controller.ended(_name(trial), final)
        self._ended.add(trial.trial_id)

    def _write(self, run: Trial, event: JournalEvent) -> None:
        if self._refused or run.trial_id in self._ended:
            return
        try:
            self._journal.append(event)
            self._watch(event)
        except JournalError as error:
            self._refused = True
            self._stop_controller.stop(str(error))

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything out of Ray's snapshots of the tuner."""
        return {}


class StopRequestStopper(Stopper):
    """Ends each running trial with its next report once the StopController asks for it; that report is journaled.

    A trial that only starts, or waits for a pretraining, has nothing to run to its end: any reason ends it.
    """

    def __init__(self, stop_controller: StopController) -> None:
        self._stop_controller = stop_controller

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Say whether a trial ends here."""
        idle = result.get("kind") in (STARTED, WAITS) and self._stop_controller.reason is not None
        return idle or self._stop_controller.trials_end

    def stop_all(self) -> bool:
        """Never end trials between two reports: that would lose their running epochs."""
        return False

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything out of Ray's snapshots of the tuner."""
        return {}


def kept(final: FinalReport, place: StoragePath, spec: dict[str, Any]) -> FinalReport:
    """Return a trial's end once what it left is on disk for good and reads back, else the end of one that failed.

    Nothing else reads the weights of a trial whose test split is not wanted.
    """
    try:
        keep(place, TrialSpec.model_validate(spec))
    except StateError as error:
        return FinalReport(outcome="failed", error="data", reason=f"what it left was not stored whole: {error}")
    except PlaceError as error:
        return FinalReport(outcome="failed", error=outage_of(error), reason=str(error))
    return final


def lost(trial: Trial) -> FinalReport:
    """Return the end of a trial that reported none: out of memory, a bug outside of training, or lost workers."""
    named, error = _names(trial.pickled_error_file), _words(trial.error_file)
    kind: ErrorClass = "worker"
    reason = f"the worker was lost {trial.num_failures} times: {error}"
    if "OutOfMemoryError" in named:
        kind, reason = "memory", f"Ray ended the worker {trial.num_failures} times for want of memory: {error}"
    elif "RayTaskError" in named or CREATION in error:
        kind, reason = outage_of(error) or "bug", error
    return FinalReport(outcome="failed", error=kind, reason=reason)


def _name(trial: Trial) -> str:
    return str(trial.config["identity"]["trial"])


def _names(pickled: str | None) -> set[str]:
    """Return the names in the pickle of what Ray caught last, without running it; empty where it is not whole."""
    try:
        content = Path(pickled).read_bytes() if pickled else b""
        return {argument for _, argument, _ in pickletools.genops(content) if isinstance(argument, str)}
    except (OSError, ValueError):
        return set()


def _words(file: str | None) -> str:
    """Return what Ray says of the last failure; its copy in the storage comes later than the end."""
    try:
        text = Path(file).read_text(encoding="utf-8", errors="replace") if file else ""
    except OSError as error:
        text = f"Ray's own words cannot be read: {words(error)}"
    return FAILURE.split(text)[-1].strip() or "Ray left no words"
