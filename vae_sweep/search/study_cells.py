"""Cells that Optuna draws, each distinct, and what it is told of them."""

from optuna import Study
from optuna.trial import TrialState

from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.search.front_filling import CellCostOf, propose
from vae_sweep.search.sampling import METHOD, Cell, as_params, draw, point_of
from vae_sweep.search.state import (
    EvaluatedCell,
    SearchState,
    first_replicates,
    known_replicates,
    mean_objectives,
    seeds_left,
)
from vae_sweep.search.study_recorder import StudyRecorder

_MOST_REPEATS = 20
"""Draws of known cells in a row before a new cell is named outright."""


class StudyCells:
    """Draws distinct cells from a study until the budget is out.

    Optuna gets a cell's result once, when its first replicates have ended, with their mean; as failed where one
    failed or diverged, or its likelihood is not known; as pruned where one was.
    """

    def __init__(self, spec: SweepSpec, study: Study, state: SearchState) -> None:
        self._spec, self._study, self._state = spec, study, state
        self._points = spec.points()
        self._drawn = {cell.point: cell for cell in state.cells}
        self._recorder = StudyRecorder(spec, study, [cell.number for cell in state.cells], state.warm)
        for cell in state.cells:
            self.tell_if_complete(cell)

    @property
    def budget(self) -> int:
        """How many distinct cells the sweep wants."""
        wanted = self._spec.search.trials or 0
        return wanted if self._points is None else min(wanted, len(self._points))

    def draw(self, number: int, cost: CellCostOf) -> Cell | None:
        """Return a new cell of this number; None where the budget is out, or nothing new is found."""
        if len(self._state.cells) >= self.budget:
            return None
        for attempt in range(_MOST_REPEATS + 1):
            if attempt == _MOST_REPEATS:
                self._enqueue_new()
            elif self._spec.search.kind == "fill" and attempt == 0:
                self._enqueue_gap(cost)
            trial = self._study.ask()
            cell = Cell(number, *draw(self._spec, trial))
            twin = self._drawn.setdefault(cell.point, cell)
            if twin is cell:
                self._recorder.asked(trial, number)
                return cell
            self._tell_repeat(trial.number, twin)
        return None

    def tell_if_complete(self, cell: Cell) -> None:
        """Give Optuna a cell's result once its first seeds have ended, or one of them was pruned."""
        finals = self._state.ended.get(cell.number, {})
        if any(final.outcome == "pruned" for final in finals.values()):
            self._recorder.tell(cell, TrialState.PRUNED, None)
        elif not seeds_left(self._spec, finals):
            known = known_replicates(self._spec, {seed: finals[seed] for seed in self._spec.first_seeds})
            values = mean_objectives(known) if known else None
            self._recorder.tell(cell, TrialState.COMPLETE if values else TrialState.FAIL, values)

    def _enqueue_new(self) -> None:
        """Have Optuna draw a cell that is not known, or of a method that has such."""
        if self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            return
        if self._points is not None:
            method, values = next(each for each in self._points if point_of(*each) not in self._drawn)
            self._study.enqueue_trial(as_params(self._spec, method, values))
            return
        open_rows = [name for name in self._spec.methods if self._spec.row_points(name) is None]
        self._study.enqueue_trial({METHOD: open_rows[len(self._state.cells) % len(open_rows)]})

    def _enqueue_gap(self, cost: CellCostOf) -> None:
        """Have Optuna draw the cell that fills the front's widest gap; where there is none it draws at random."""
        cells, ended = self._state.cells, self._state.ended
        found = [(cell, first_replicates(self._spec, ended.get(cell.number, {}))) for cell in cells]
        known = [EvaluatedCell(cell.method, cell.values, mean_objectives(rows)) for cell, rows in found if rows]
        tried = [(cell.method, cell.values) for cell in cells]
        guess = propose(self._spec, [*self._state.warm, *known], tried, cost)
        if guess is not None:
            self._study.enqueue_trial(as_params(self._spec, guess.method, guess.values))

    def _tell_repeat(self, number: int, twin: Cell) -> None:
        """Give a repeated draw its cell's result, or mark it as failed while the cell still runs."""
        told = self._recorder.values(twin.number)
        self._study.tell(number, told, state=TrialState.COMPLETE if told else TrialState.FAIL)
