"""What a search asks of the launch around it."""

from collections.abc import Hashable, Sequence
from typing import Any, Protocol

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
