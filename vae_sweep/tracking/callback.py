"""The callback that writes every report of a Tune run into the journal."""

from collections.abc import Callable
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from trainables.training.report import EpochReport, FinalReport
from vae_sweep.tracking.journal import Journal


class JournalCallback(Callback):
    """Write a line for each start, epoch and end of a trial, then poke whoever watches."""

    def __init__(self, journal: Journal, attempt: int, watch: Callable[[dict[str, Any]], None]) -> None:
        self._journal, self._attempt, self._watch = journal, attempt, watch

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Journal a start, or a restart after a lost worker."""
        self._write(trial, "trial", **trial.config["identity"], attempt=self._attempt, spec=trial.config["trial"])

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Journal an epoch's report, or the final one, with where its checkpoint lies."""
        if "report" not in result:
            return
        name = result.get("checkpoint_dir_name")
        place = f"{trial.storage.trial_fs_path}/{name}" if name and trial.storage else None
        common = {"checkpoint": place, "host": result["host"], "damaged": result["damaged"]}
        if result["kind"] == "epoch":
            epoch = EpochReport.model_validate_json(result["report"])
            self._write(trial, "epoch", **epoch.model_dump(), **common)
        else:
            final = FinalReport.model_validate_json(result["report"])
            self._write(trial, "final", **final.model_dump(), **common)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Journal a trial whose worker was lost more often than is allowed."""
        reason = f"the worker was lost {trial.num_failures} times: {trial.get_error()}"
        self._write(trial, "final", outcome="failed", reason=reason, numbers={}, checkpoint=None)

    def _write(self, run: Trial, kind: str, **fields: Any) -> None:
        fields["trial"] = run.config["identity"]["trial"]
        self._watch(self._journal.append(kind, **fields))

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything out of Ray's snapshots of the tuner."""
        return {}
