"""What a search asks of the launch around it, and what a schedule asks of its source of cells."""

from collections.abc import Hashable, Sequence
from typing import Any, Protocol

from vae_sweep.search.front_filling import CellCostOf
from vae_sweep.search.sampling import Cell
from vae_sweep.search.state import Assignment


class SearchContext(Protocol):
    """The surroundings of a search; `vae_sweep/running` has those of a launch."""

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to start."""

    def note_cell(self, cell: Cell) -> None:
        """Record a cell that was drawn, before its trials start."""

    def config(self, assignment: Assignment) -> dict[str, Any]:
        """Return the config of a Ray trial."""

    def has_room(self, running: Sequence[Assignment], wanted: Assignment | None) -> bool:
        """Say whether a trial, or where none is drawn yet any, may start beside those that run."""

    def pretraining(self, assignment: Assignment) -> Hashable | None:
        """Return what names the pretraining that a trial shares with others; None where it has none."""

    def cost(self, assignment: Assignment) -> tuple[float, float]:
        """Return what a trial's own training takes, and the pretraining that it may share; in any one unit."""


class CellSource(Protocol):
    """Where new cells come from, and who learns from what they gave."""

    @property
    def budget(self) -> int:
        """How many distinct cells the sweep wants."""

    def draw(self, number: int, cost: CellCostOf) -> Cell | None:
        """Return a new cell of this number; None where the budget is out, or nothing new is found."""

    def tell_if_complete(self, cell: Cell) -> None:
        """Learn what a cell gave, once its first seeds have ended or one of them was pruned."""
