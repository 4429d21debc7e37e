"""SweepSearch: Optuna under Ray Tune, with one Optuna trial a cell and one Ray trial a (cell, seed)."""

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Literal

from optuna import Study
from optuna.trial import TrialState
from ray.tune.search import Searcher

from trainables.training.report import FinalReport, StoreReport
from vae_sweep.config.search_spec import BLIND
from vae_sweep.config.sweep_spec import Draw, SweepSpec
from vae_sweep.search.front_filling import propose
from vae_sweep.search.racing import next_seed
from vae_sweep.search.sampling import METHOD, Cell, as_params, draw
from vae_sweep.search.state import (
    Assignment,
    EvaluatedCell,
    Replicate,
    SearchState,
    known_replicates,
    mean_objectives,
    race_tables,
    seeds_left,
)
from vae_sweep.search.study_recorder import StudyRecorder

_MOST_REPEATS = 20
"""Draws of known cells in a row before a new cell is named outright."""

AHEAD = 32
"""Trials that may be drawn, at most, while all of them would wait for a pretraining."""

TrialCostOf = Callable[[Assignment], tuple[float, float]]
"""What a trial's own training takes, and the pretraining that it may share; in any one unit."""


class SweepSearch(Searcher):
    """Hand out the journal's unfinished trials first, then cells that Optuna draws, until the budget is out.

    `stopped` says that nothing more is to start, `room` whether a trial, or any before one is drawn, may start
    beside those that run, `pretraining` names what trials share, or is None: one that need not wait for what a
    running trial trains goes before those that must. A trial that ran out of memory is handed out again, as often
    as the spec allows. Once all cells are drawn, those that contend for the front race for further seeds.

    Optuna gets a cell's result once, when its first replicates have ended, with their mean; as failed where one
    failed or diverged, or its likelihood is not known; as pruned where one was, and its others do not start.
    """

    def __init__(
        self,
        spec: SweepSpec,
        study: Study,
        progress: SearchState,
        on_cell: Callable[[Cell], None],
        config: Callable[[Assignment], dict[str, Any]],
        stopped: Callable[[], bool] = lambda: False,
        room: Callable[[Sequence[Assignment], Assignment | None], bool] = lambda running, wanted: True,
        pretraining: Callable[[Assignment], Hashable | None] = lambda wanted: None,
        price: TrialCostOf = lambda wanted: (1.0, 0.0),
    ) -> None:
        super().__init__()
        self._spec, self._study, self._on_cell, self._config = spec, study, on_cell, config
        self._stopped, self._room, self._pretraining, self._price = stopped, room, pretraining, price
        self._cells, self._ended, self._warm = progress.cells, progress.ended, progress.warm
        self._queue = deque(progress.unfinished)
        self._running: dict[str, Assignment] = {}
        self._shared: dict[tuple[int, int], Hashable | None] = {}
        self._trained: dict[str, Hashable] = {}
        self._points = spec.points()
        self._paid: set[Hashable] = set()
        self._teller = StudyRecorder(spec, study, [cell.number for cell in self._cells], self._warm)
        for cell in self._cells:
            self._tell_if_complete(cell)

    @property
    def budget(self) -> int | None:
        """How many distinct cells the sweep wants; None never occurs for a checked spec's grid."""
        wanted = len(self._points or ()) if self._spec.search.kind == "grid" else self._spec.search.trials
        return wanted if self._points is None else min(wanted or 0, len(self._points))

    def suggest(self, trial_id: str) -> dict[str, Any] | Literal["FINISHED"] | None:  # type: ignore[override]
        """Return the config of the next (cell, seed), FINISHED, or None while a running trial may come again."""
        if self._stopped():
            return "FINISHED"
        running = [*self._running.values()]
        if running and not self._room(running, None):
            return None
        if not self._queue and not self._draw_more() and not self._race_on():
            return None if running and self._may_come_again else "FINISHED"
        assignment = self._first_that_need_not_wait()
        if running and not self._room(running, assignment):
            return None
        self._queue.remove(assignment)
        self._running[trial_id] = assignment
        if (shared := self._shared_by(assignment)) is not None:
            self._trained[trial_id] = shared
            self._paid.add(shared)
        return self._config(assignment)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Note that a trial has its pretraining behind it; Optuna gets final reports only."""
        if result.get("vae_epoch") or (result.get("kind") == "store" and _is_taken(result["report"])):
            self._trained.pop(trial_id, None)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Note a trial's end; a trial that was stopped without a final report stays to be resumed."""
        self._trained.pop(trial_id, None)
        assignment = self._running.pop(trial_id, None)
        if assignment is None:
            return
        if error:
            final = FinalReport(outcome="failed", error="worker")
        elif result and result.get("kind") == "final":
            final = FinalReport.model_validate_json(result["report"])
        elif result and result.get("pruned"):
            final = FinalReport(outcome="pruned", reason=result["pruned"])
        else:
            return
        if final.error == "memory" and assignment.retries < self._spec.resources.memory_retries:
            self._queue.append(replace(assignment, retries=assignment.retries + 1))
            return
        self._ended.setdefault(assignment.cell.number, {})[assignment.seed] = final
        if final.outcome == "pruned":
            self._queue = deque(each for each in self._queue if each.cell != assignment.cell or each.starts)
        self._tell_if_complete(assignment.cell)

    @property
    def _may_come_again(self) -> bool:
        """Whether the end of a running trial may ask for another: of itself, or of its cell's next seed."""
        return bool(self._spec.resources.memory_retries) or self._spec.first_seeds != self._spec.seeds

    def _race_on(self) -> bool:
        """Put the next seed of a cell that contends for the front into the queue; False where none is now."""
        if self._spec.first_seeds == self._spec.seeds:
            return False
        cells = {cell.number: cell for cell in self._cells}
        replicates = {number: rows for number in cells if (rows := self._replicates(number))}
        taken = {(wanted.cell.number, wanted.seed) for wanted in self._running.values()}
        if (found := next_seed(self._spec.seeds, *race_tables(self._spec, replicates), taken)) is not None:
            self._queue.append(Assignment(cells[found[0]], found[1]))
        return found is not None

    def _replicates(self, number: int) -> dict[int, Replicate]:
        """Return what a cell gave by seed; empty before its first seeds have all ended and are known."""
        known = known_replicates(self._spec, self._ended.get(number, {}))
        return known if known.keys() >= set(self._spec.first_seeds) else {}

    def _first_that_need_not_wait(self) -> Assignment:
        """Return the first trial whose pretraining no running one computes, drawn ahead or not; else the first."""
        trained, seen = set(self._trained.values()), 0
        while True:
            for assignment in islice(self._queue, seen, None):
                if self._shared_by(assignment) not in trained:
                    return assignment
            seen = len(self._queue)
            if seen >= AHEAD or self._spec.search.kind not in BLIND or not self._draw_more():
                return self._queue[0]

    def _shared_by(self, assignment: Assignment) -> Hashable | None:
        """Return what names a trial's pretraining, computed once."""
        trial = assignment.cell.number, assignment.seed
        if trial not in self._shared:
            self._shared[trial] = self._pretraining(assignment)
        return self._shared[trial]

    def _draw_more(self) -> bool:
        """Put the trials of the next cell into the queue; False where there is none."""
        if (cell := self._next_cell()) is not None:
            self._queue.extend(Assignment(cell, seed) for seed in self._spec.first_seeds)
        return cell is not None

    def _next_cell(self) -> Cell | None:
        if len(self._cells) >= (self.budget or 0):
            return None
        for attempt in range(_MOST_REPEATS + 1):
            if self._spec.search.kind == "grid" or attempt == _MOST_REPEATS:
                self._enqueue_new()
            elif self._spec.search.kind == "fill" and attempt == 0:
                self._enqueue_gap()
            trial = self._study.ask()
            method, values = draw(self._spec, trial)
            if not self._known(method, values):
                cell = Cell(max((cell.number for cell in self._cells), default=-1) + 1, method, values)
                self._teller.asked(trial, cell.number)
                self._cells.append(cell)
                self._on_cell(cell)
                return cell
            self._tell_repeat(trial.number, method, values)
        return None

    def _enqueue_new(self) -> None:
        if self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            return
        if self._points is not None:
            method, values = next(point for point in self._points if not self._known(*point))
            self._study.enqueue_trial(as_params(self._spec, method, values))
            return
        open_rows = [name for name in self._spec.methods if self._spec.row_points(name) is None]
        self._study.enqueue_trial({METHOD: open_rows[len(self._cells) % len(open_rows)]})

    def _enqueue_gap(self) -> None:
        """Have Optuna draw the cell that fills the front's widest gap; where there is none it draws at random."""
        found = [(cell, rows) for cell in self._cells if (rows := self._replicates(cell.number))]
        known = [EvaluatedCell(cell.method, cell.values, mean_objectives(rows)) for cell, rows in found]
        tried = [(cell.method, cell.values) for cell in self._cells]
        guess = propose(self._spec, [*self._warm, *known], tried, self._cell_price)
        if guess is not None:
            self._study.enqueue_trial(as_params(self._spec, guess.method, guess.values))

    def _cell_price(self, method: str, values: Draw) -> float:
        """Return what a cell's first seeds take, without the pretrainings that this sweep has begun."""
        wanted = [Assignment(Cell(-1, method, values), seed) for seed in self._spec.first_seeds]
        prices = [(self._price(each), self._pretraining(each) in self._paid) for each in wanted]
        return sum(own + (0.0 if paid else shared) for (own, shared), paid in prices)

    def _known(self, method: str, values: Draw) -> bool:
        return any(cell.same_as(method, values) for cell in self._cells)

    def _tell_repeat(self, number: int, method: str, values: Draw) -> None:
        """Give a repeated draw its cell's result, or mark it as failed while the cell still runs."""
        told = self._teller.values(next(cell.number for cell in self._cells if cell.same_as(method, values)))
        self._study.tell(number, told, state=TrialState.COMPLETE if told else TrialState.FAIL)

    def _tell_if_complete(self, cell: Cell) -> None:
        finals = self._ended.get(cell.number, {})
        if any(final.outcome == "pruned" for final in finals.values()):
            self._teller.tell(cell, TrialState.PRUNED, None)
        elif not seeds_left(self._spec, finals):
            known = known_replicates(self._spec, {seed: finals[seed] for seed in self._spec.first_seeds})
            values = mean_objectives(known) if known else None
            self._teller.tell(cell, TrialState.COMPLETE if values else TrialState.FAIL, values)

    def save(self, checkpoint_path: str) -> None:
        """Write nothing: the study and the journal are the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Read nothing: a resume is a new search over what the journal says is missing."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything out of Ray's snapshots of the tuner."""
        return {}


def _is_taken(report: str) -> bool:
    """Say whether a report of the store says that the pretraining is there."""
    return StoreReport.model_validate_json(report).event in ("hit", "waited")
