"""SweepSearch: the schedule of a sweep as Ray Tune's searcher, one Ray trial a (cell, seed)."""

from typing import Any, Literal

from optuna import Study
from ray.tune.search import Searcher

from trainables.training.report import FinalReport, StoreReport
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.search.context import SearchContext
from vae_sweep.search.grid_cells import GridCells
from vae_sweep.search.schedule import Schedule
from vae_sweep.search.state import SearchState
from vae_sweep.search.study_cells import StudyCells


class SweepSearch(Searcher):
    """Hands out what the schedule says, until the budget is out, and tells it how trials end.

    Cells come from the study, or are those of a grid, which has none. Nothing is pickled: study and journal are
    the state, and a resume is a new search.
    """

    def __init__(self, spec: SweepSpec, study: Study | None, state: SearchState, context: SearchContext) -> None:
        super().__init__()
        self._context = context
        self._source = GridCells(spec, state) if study is None else StudyCells(spec, study, state)
        self._schedule = Schedule(spec, state, self._source, context)

    @property
    def budget(self) -> int:
        """How many distinct cells the sweep wants."""
        return self._source.budget

    def suggest(self, trial_id: str) -> dict[str, Any] | Literal["FINISHED"] | None:  # type: ignore[override]
        """Return the config of the next (cell, seed), FINISHED, or None while a running trial may come again."""
        found = self._schedule.next(trial_id)
        return found if found is None or found == "FINISHED" else self._context.config(found)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Note that a trial has its pretraining behind it; the schedule gets final reports only."""
        if result.get("vae_epoch") or (result.get("kind") == "store" and _is_taken(result["report"])):
            self._schedule.note_pretrained(trial_id)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Note a trial's end; a trial that was stopped without a final report stays to be resumed."""
        self._schedule.note_end(trial_id, _final(result or {}, error))

    def save(self, checkpoint_path: str) -> None:
        """Write nothing: the study and the journal are the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Read nothing: a resume is a new search over what the journal says is missing."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything out of Ray's snapshots of the tuner."""
        return {}


def _final(result: dict[str, Any], error: bool) -> FinalReport | None:
    if error:
        return FinalReport(outcome="failed", error="worker")
    if result.get("kind") == "final":
        return FinalReport.model_validate_json(result["report"])
    if result.get("pruned"):
        return FinalReport(outcome="pruned", reason=result["pruned"])
    return None


def _is_taken(report: str) -> bool:
    """Say whether a report of the store says that the pretraining is there."""
    return StoreReport.model_validate_json(report).event in ("hit", "waited")
