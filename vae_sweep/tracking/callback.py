"""The callback that writes every report of a Tune run into the journal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import cloudpickle
from ray.exceptions import OutOfMemoryError, RayTaskError
from ray.tune import Callback, Stopper
from ray.tune.experiment import Trial

from trainables.places import place_on
from trainables.ray_trainable import STARTED, WAITS
from trainables.training.report import EpochReport, ErrorClass, FinalReport, RungReport, StoreReport
from vae_sweep.tracking.brake import Brake, outage_of
from vae_sweep.tracking.checkpoint_places import journaled
from vae_sweep.tracking.journal import Journal, JournalError

REPORTS: dict[str, type[EpochReport] | type[StoreReport] | type[RungReport] | type[FinalReport]] = {
    "epoch": EpochReport,
    "store": StoreReport,
    "rung": RungReport,
    "final": FinalReport,
}


class JournalCallback(Callback):
    """Write a line for each start, report and end of a trial, then poke whoever watches.

    Where the journal refuses, the brake is pulled and nothing more is written: what runs is run again. A trial
    whose worker is lost after its final report is started once more by Ray; of that nothing is written.
    """

    def __init__(
        self, journal: Journal, attempt: int, watch: Callable[[dict[str, Any]], None], brake: Brake
    ) -> None:
        self._journal, self._attempt, self._watch, self._brake = journal, attempt, watch, brake
        self._refused = False
        self._started: set[str] = set()
        self._ended: set[str] = set()

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Journal a start, or a restart after a lost worker."""
        self._started.add(trial.trial_id)
        own = {"spec": trial.config["trial"], "threads": trial.config["threads"]}
        self._write(trial, "trial", **trial.config["identity"], attempt=self._attempt, **own)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Journal a report, with where its checkpoint lies, and the end of a trial that was pruned with it."""
        if "report" not in result:
            return
        report = REPORTS[result["kind"]].model_validate_json(result["report"])
        name = result.get("checkpoint_dir_name")
        place = None
        if name and (storage := trial.storage):
            place = journaled(place_on(storage.storage_filesystem, f"{storage.trial_fs_path}/{name}"))
        about = {"checkpoint": place, "host": result["host"], "damaged": result["damaged"]}
        own = report.model_dump(mode="json")
        self._write(
            trial, result["kind"], **(about | own | {"damaged": [*about["damaged"], *own.get("damaged", ())]})
        )
        final = FinalReport(outcome="pruned", reason=result["pruned"]) if result.get("pruned") else report
        if isinstance(final, FinalReport):
            if final is not report:
                self._write(trial, "final", **final.model_dump(mode="json"), checkpoint=None)
            self._end(trial, final)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Journal a trial whose worker was lost more often than is allowed, perhaps before it could start."""
        if trial.trial_id not in self._started:
            self.on_trial_start(iteration, trials, trial)
        final = lost(trial)
        self._write(trial, "final", **final.model_dump(mode="json"), checkpoint=None)
        self._end(trial, final)

    def _end(self, trial: Trial, final: FinalReport) -> None:
        if trial.trial_id not in self._ended:
            self._brake.ended(trial.config["identity"]["trial"], final)
        self._ended.add(trial.trial_id)

    def _write(self, run: Trial, kind: str, **fields: Any) -> None:
        if self._refused or run.trial_id in self._ended:
            return
        fields["trial"] = run.config["identity"]["trial"]
        try:
            self._watch(self._journal.append(kind, **fields))
        except JournalError as error:
            self._refused = True
            self._brake.pull(str(error))

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything out of Ray's snapshots of the tuner."""
        return {}


class BrakeStopper(Stopper):
    """Ends each running trial with its next report once the brake asks for it; that report is journaled.

    A trial that only starts, or waits for a pretraining, has nothing to run to its end: any reason ends it.
    """

    def __init__(self, brake: Brake) -> None:
        self._brake = brake

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Say whether a trial ends here."""
        idle = result.get("kind") in (STARTED, WAITS) and self._brake.reason is not None
        return idle or self._brake.trials_end

    def stop_all(self) -> bool:
        """Never end trials between two reports: that would lose their running epochs."""
        return False

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything out of Ray's snapshots of the tuner."""
        return {}


def lost(trial: Trial) -> FinalReport:
    """Return the end of a trial that reported none: out of memory, a bug outside of training, or lost workers."""
    error = _caught(trial)
    kind: ErrorClass = "worker"
    reason = f"the worker was lost {trial.num_failures} times: {error}"
    if isinstance(error, OutOfMemoryError):
        kind, reason = "memory", f"Ray ended the worker {trial.num_failures} times for want of memory: {error}"
    elif isinstance(error, RayTaskError) or getattr(error, "actor_init_failed", False):
        kind, reason = outage_of(error) or "bug", str(error)
    return FinalReport(outcome="failed", error=kind, reason=reason)


def _caught(trial: Trial) -> object:
    """Return what Ray caught last, an exception or words; its copy in the storage comes later than the end."""
    if trial.pickled_error_file and Path(trial.pickled_error_file).is_file():
        return cloudpickle.loads(Path(trial.pickled_error_file).read_bytes())
    if trial.error_file and Path(trial.error_file).is_file():
        return Path(trial.error_file).read_text()
    return None
