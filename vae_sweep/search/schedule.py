"""Which trial comes next: seeds of cells, seeds raced, retries, pretrainings that others wait for."""

from collections import deque
from collections.abc import Hashable
from dataclasses import replace
from itertools import islice
from typing import Literal

from trainables.training.report import FinalReport
from vae_sweep.config.search_spec import BLIND
from vae_sweep.config.sweep_spec import Draw, SweepSpec
from vae_sweep.search.context import CellSource, SearchContext
from vae_sweep.search.racing import next_seed
from vae_sweep.search.sampling import Cell
from vae_sweep.search.state import Assignment, SearchState, first_replicates, race_tables

AHEAD = 32
"""Trials that may be drawn, at most, while all of them would wait for a pretraining."""


class Schedule:
    """The order of trials: the journal's unfinished ones first, then new cells, then the race for further seeds.

    A trial that need not wait for what a running one trains is handed out before those that must. A trial that
    ran out of memory comes again, as often as the spec allows. Once all cells are drawn, those that contend for
    the front race for the seeds beyond the first.
    """

    def __init__(self, spec: SweepSpec, state: SearchState, source: CellSource, context: SearchContext) -> None:
        self._spec, self._state, self._source, self._context = spec, state, source, context
        self._queue = deque(state.unfinished)
        self._running: dict[str, Assignment] = {}
        self._shared: dict[tuple[int, int], Hashable | None] = {}
        self._trained: dict[str, Hashable] = {}
        self._paid: set[Hashable] = set()
        self._number = max((cell.number for cell in state.cells), default=-1) + 1

    def next(self, trial_id: str) -> Assignment | Literal["FINISHED"] | None:
        """Return the next trial, FINISHED, or None while a running trial may come again."""
        if self._context.stopped:
            return "FINISHED"
        running = [*self._running.values()]
        if running and not self._context.has_room(running, None):
            return None
        if not self._queue and not self._draw_more() and not self._race_on():
            return None if running and self._may_come_again else "FINISHED"
        assignment = self._first_that_need_not_wait()
        if running and not self._context.has_room(running, assignment):
            return None
        self._queue.remove(assignment)
        self._running[trial_id] = assignment
        if (shared := self._shared_by(assignment)) is not None:
            self._trained[trial_id] = shared
            self._paid.add(shared)
        return assignment

    def note_pretrained(self, trial_id: str) -> None:
        """Note that a running trial has its pretraining behind it."""
        self._trained.pop(trial_id, None)

    def note_end(self, trial_id: str, final: FinalReport | None) -> None:
        """Note how a trial ended; one that was stopped without a final report stays to be resumed."""
        self._trained.pop(trial_id, None)
        assignment = self._running.pop(trial_id, None)
        if assignment is None or final is None:
            return
        if final.error == "memory" and assignment.retries < self._spec.resources.memory_retries:
            self._queue.append(replace(assignment, retries=assignment.retries + 1))
            return
        self._state.ended.setdefault(assignment.cell.number, {})[assignment.seed] = final
        if final.outcome == "pruned":
            self._queue = deque(each for each in self._queue if each.cell != assignment.cell or each.starts)
        self._source.tell_if_complete(assignment.cell)

    @property
    def _may_come_again(self) -> bool:
        """Whether the end of a running trial may ask for another: of itself, or of its cell's next seed."""
        return bool(self._spec.resources.memory_retries) or self._spec.first_seeds != self._spec.seeds

    def _draw_more(self) -> bool:
        """Put the trials of the next cell into the queue; False where there is none."""
        cell = self._source.draw(self._number, self._cell_cost)
        if cell is None:
            return False
        self._number += 1
        self._state.cells.append(cell)
        self._context.note_cell(cell)
        self._queue.extend(Assignment(cell, seed) for seed in self._spec.first_seeds)
        return True

    def _race_on(self) -> bool:
        """Put the next seed of a cell that contends for the front into the queue; False where none is now."""
        if self._spec.first_seeds == self._spec.seeds:
            return False
        cells = {cell.number: cell for cell in self._state.cells}
        found = {number: first_replicates(self._spec, self._state.ended.get(number, {})) for number in cells}
        replicates = {number: rows for number, rows in found.items() if rows}
        taken = {(wanted.cell.number, wanted.seed) for wanted in self._running.values()}
        raced = next_seed(self._spec.seeds, *race_tables(self._spec, replicates), taken)
        if raced is not None:
            self._queue.append(Assignment(cells[raced[0]], raced[1]))
        return raced is not None

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
            self._shared[trial] = self._context.pretraining(assignment)
        return self._shared[trial]

    def _cell_cost(self, method: str, values: Draw) -> float:
        """Return what a cell's first seeds take, without the pretrainings that this sweep has begun."""
        wanted = [Assignment(Cell(-1, method, values), seed) for seed in self._spec.first_seeds]
        costs = [(self._context.cost(each), self._context.pretraining(each) in self._paid) for each in wanted]
        return sum(own + (0.0 if paid else shared) for (own, shared), paid in costs)
