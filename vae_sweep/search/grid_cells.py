"""The cells of a grid: its points in their order, for which no study is needed."""

from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.search.front_filling import CellCostOf
from vae_sweep.search.sampling import Cell, point_of
from vae_sweep.search.state import SearchState


class GridCells:
    """Draws each point that the journal does not know; nothing is learned from what a cell gave."""

    def __init__(self, spec: SweepSpec, state: SearchState) -> None:
        points, drawn = spec.points() or [], {cell.point for cell in state.cells}
        self.budget = len(points)
        self._left = iter([(method, values) for method, values in points if point_of(method, values) not in drawn])

    def draw(self, number: int, cost: CellCostOf) -> Cell | None:
        """Return the next point as a cell of this number; None where all are drawn."""
        following = next(self._left, None)
        return None if following is None else Cell(number, *following)

    def tell_if_complete(self, cell: Cell) -> None:
        """Learn nothing."""
