"""What a launch gives its search: the journal, trials' configs, room, costs."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from vae_sweep.journal.events import CellEvent
from vae_sweep.planning.plan import Plan
from vae_sweep.running.nodes.admission import Admission
from vae_sweep.running.nodes.placement import Placement
from vae_sweep.running.pending_trials import pretraining_of, trial_config
from vae_sweep.running.stop_controller import StopController
from vae_sweep.running.trial_cost import TrialCostOf
from vae_sweep.search.sampling import Cell
from vae_sweep.search.state import Assignment


@dataclass(frozen=True)
class LaunchSearchContext:
    """The SearchContext of a launch."""

    plan: Plan
    stop_controller: StopController
    write: Callable[[CellEvent], None]
    trial_cost: TrialCostOf
    placement: Placement
    admission: Admission

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to start."""
        return self.stop_controller.reason is not None

    def note_cell(self, cell: Cell) -> None:
        """Journal a cell that was drawn."""
        self.write(CellEvent(cell=cell.number, method=cell.method, values=cell.values))

    def config(self, assignment: Assignment) -> dict[str, Any]:
        """Return the config of a Ray trial."""
        return trial_config(self.plan, assignment) | {"left_out": list(self.placement.left_out)}

    def has_room(self, running: Sequence[Assignment], wanted: Assignment | None) -> bool:
        """Say whether a trial, or any before one is drawn, may start beside those that run."""
        return self.admission.admits(running, wanted)

    def pretraining(self, assignment: Assignment) -> Hashable | None:
        """Return what names the pretraining that a trial shares with others; None where it has none."""
        return pretraining_of(self.plan, assignment)

    def cost(self, assignment: Assignment) -> tuple[float, float]:
        """Return the seconds of a trial's own training, and of the pretraining that it may share."""
        return self.trial_cost(assignment)
