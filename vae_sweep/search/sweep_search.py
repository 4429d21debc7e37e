"""SweepSearch: Optuna under Ray Tune, with one Optuna trial a cell and one Ray trial a (cell, seed)."""

import math
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal

from optuna import Study
from optuna.trial import TrialState
from ray.tune.search import Searcher

from trainables.training.report import FinalReport, StoreReport
from vae_sweep.search.space import METHOD, Cell, as_params, draw
from vae_sweep.search.teller import Teller
from vae_sweep.spec import Draw, SweepSpec

MOST_REPEATS = 20
"""Draws of known cells in a row before a new cell is named outright."""

FORESEEN = ("grid", "random")
"""Kinds of search whose draws no result changes, so that cells may be drawn ahead of their turn."""

AHEAD = 32
"""Trials that may be drawn, at most, while all of them would wait for a pretraining."""

TOLD = ("finished", "collapsed")
"""Outcomes whose values Optuna is told."""


@dataclass(frozen=True)
class Assignment:
    """One Ray trial to run: a cell, a seed, and the checkpoints it may start from, newest first.

    `retries` counts the times that it ran out of memory in this launch.
    """

    cell: Cell
    seed: int
    starts: tuple[str, ...] = ()
    retries: int = 0


@dataclass
class Progress:
    """What the journal knows of a sweep when a driver starts; grows while the driver lives."""

    cells: list[Cell] = field(default_factory=list)
    ended: dict[int, dict[int, FinalReport]] = field(default_factory=dict)
    unfinished: Sequence[Assignment] = ()


class SweepSearch(Searcher):
    """Hand out the journal's unfinished trials first, then cells that Optuna draws, until the budget is out.

    `stopped` says that nothing more is to start, `room` whether a trial may start beside those that run, and
    `pretraining` names what trials share, or is None: one that need not wait for what a running trial trains is
    handed out before those that must. A trial that ran out of memory is handed out again, as often as the spec
    allows.

    A cell is told to Optuna once, when its last replicate has ended, with the mean over its seeds; a cell
    with a diverged or failed replicate is told as failed, a pruned one as pruned. Reports that are not
    final are never told. Nothing is pickled: study and journal are the state, and a resume is a new search.
    """

    def __init__(
        self,
        spec: SweepSpec,
        study: Study,
        progress: Progress,
        on_cell: Callable[[Cell], None],
        config: Callable[[Assignment], dict[str, Any]],
        stopped: Callable[[], bool] = lambda: False,
        room: Callable[[Sequence[Assignment], Assignment], bool] = lambda running, wanted: True,
        pretraining: Callable[[Assignment], Hashable | None] = lambda wanted: None,
    ) -> None:
        super().__init__()
        self._spec, self._study, self._on_cell, self._config = spec, study, on_cell, config
        self._stopped, self._room, self._pretraining = stopped, room, pretraining
        self._cells, self._ended = progress.cells, progress.ended
        self._queue = deque(progress.unfinished)
        self._running: dict[str, Assignment] = {}
        self._shared: dict[tuple[int, int], Hashable | None] = {}
        self._trained: dict[str, Hashable] = {}
        self._points = spec.points()
        self._teller = Teller(spec, study, [cell.number for cell in self._cells])
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
        if not self._queue and not self._draw_more():
            return None if self._running and self._spec.resources.memory_retries else "FINISHED"
        assignment = self._first_that_need_not_wait()
        if self._running and not self._room([*self._running.values()], assignment):
            return None
        self._queue.remove(assignment)
        self._running[trial_id] = assignment
        if (shared := self._shared_by(assignment)) is not None:
            self._trained[trial_id] = shared
        return self._config(assignment)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Note that a trial has its pretraining behind it; nothing is told, for only final reports are."""
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
        else:
            return
        if final.error == "memory" and assignment.retries < self._spec.resources.memory_retries:
            self._queue.append(replace(assignment, retries=assignment.retries + 1))
            return
        self._ended.setdefault(assignment.cell.number, {})[assignment.seed] = final
        self._tell_if_complete(assignment.cell)

    def _first_that_need_not_wait(self) -> Assignment:
        """Return the first trial whose pretraining no running one computes, drawn ahead or not; else the first."""
        trained, seen = set(self._trained.values()), 0
        while True:
            for assignment in islice(self._queue, seen, None):
                if self._shared_by(assignment) not in trained:
                    return assignment
            seen = len(self._queue)
            if seen >= AHEAD or self._spec.search.kind not in FORESEEN or not self._draw_more():
                return self._queue[0]

    def _shared_by(self, assignment: Assignment) -> Hashable | None:
        """Return what names a trial's pretraining, computed once."""
        trial = assignment.cell.number, assignment.seed
        if trial not in self._shared:
            self._shared[trial] = self._pretraining(assignment)
        return self._shared[trial]

    def _draw_more(self) -> bool:
        """Put the trials of the next cell into the queue; False where there is none."""
        cell = self._next_cell()
        if cell is not None:
            self._queue.extend(Assignment(cell, seed) for seed in self._spec.seeds)
        return cell is not None

    def _next_cell(self) -> Cell | None:
        if len(self._cells) >= (self.budget or 0):
            return None
        for attempt in range(MOST_REPEATS + 1):
            if self._spec.search.kind == "grid" or attempt == MOST_REPEATS:
                self._enqueue_new()
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

    def _known(self, method: str, values: Draw) -> bool:
        return any(cell.same_as(method, values) for cell in self._cells)

    def _tell_repeat(self, number: int, method: str, values: Draw) -> None:
        """Tell a repeated draw what its cell gave, or that it failed while the cell still runs."""
        twin = next(cell for cell in self._cells if cell.same_as(method, values))
        told = self._teller.values(twin.number)
        self._study.tell(number, told, state=TrialState.COMPLETE if told else TrialState.FAIL)

    def _tell_if_complete(self, cell: Cell) -> None:
        finals = self._ended.get(cell.number, {})
        if not set(finals) >= set(self._spec.seeds):
            return
        reports = [finals[seed] for seed in self._spec.seeds]
        if any(report.outcome == "pruned" for report in reports):
            self._teller.tell(cell, TrialState.PRUNED, None)
            return
        values = self._means(reports)
        self._teller.tell(cell, TrialState.COMPLETE if values else TrialState.FAIL, values)

    def _means(self, reports: Sequence[FinalReport]) -> list[float] | None:
        """Return the objectives' means over replicates, or None where a replicate lacks a finite one."""
        keys = [f"validation/{word}" for word in self._spec.search.objectives]
        table = [[report.numbers.get(key, math.nan) for key in keys] for report in reports]
        good = all(report.outcome in TOLD for report in reports)
        if not good or not all(math.isfinite(value) for row in table for value in row):
            return None
        return [sum(column) / len(column) for column in zip(*table, strict=True)]

    def save(self, checkpoint_path: str) -> None:
        """Write nothing: the study and the journal are the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Read nothing: a resume is a new search over what the journal says is missing."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything out of Ray's snapshots of the tuner."""
        return {}


def _is_taken(report: str) -> bool:
    """Say whether a report of the store tells that the pretraining lies there."""
    return StoreReport.model_validate_json(report).event in ("hit", "waited")
