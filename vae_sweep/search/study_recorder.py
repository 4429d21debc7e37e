"""Recording each cell's result in the Optuna study once, whatever was interrupted."""

from collections.abc import Iterable, Sequence

from optuna import Study, Trial
from optuna.trial import FrozenTrial, TrialState, create_trial

from vae_sweep.config.sweep_spec import Draw, SweepSpec
from vae_sweep.search.sampling import Cell, as_params, distributions
from vae_sweep.search.state import EvaluatedCell

CELL, WARM = "cell", "warm"
"""User attributes of an Optuna trial: the number of its cell, or its place among those of an earlier sweep."""


class StudyRecorder:
    """Gives the study the result of each cell once; a cell that the study does not hold is added to it whole.

    At the start each RUNNING trial of no cell in the journal is marked as failed, and the cells of an
    earlier sweep (`warm`) that the study does not hold are added.
    """

    def __init__(
        self, spec: SweepSpec, study: Study, cells: Iterable[int], warm: Sequence[EvaluatedCell] = ()
    ) -> None:
        self._spec, self._study, known = spec, study, set(cells)
        self._asked: dict[int, FrozenTrial] = {}
        for trial in study.get_trials(deepcopy=False):
            cell = trial.user_attrs.get(CELL)
            if cell in known:
                before = self._asked.get(cell)
                if before is None or before.state != TrialState.COMPLETE:
                    self._asked[cell] = trial
            elif trial.state == TrialState.RUNNING:
                study.tell(trial.number, state=TrialState.FAIL)
        held = {trial.user_attrs.get(WARM) for trial in study.get_trials(deepcopy=False)}
        for place, known_cell in enumerate(warm):
            if place not in held:
                self._add(
                    known_cell.method, known_cell.values, TrialState.COMPLETE, known_cell.objectives, {WARM: place}
                )

    def asked(self, trial: Trial, cell: int) -> None:
        """Remember that a live trial of the study is this cell."""
        trial.set_user_attr(CELL, cell)
        self._asked[cell] = self._study.get_trials(deepcopy=False)[trial.number]

    def tell(self, cell: Cell, state: TrialState, values: Sequence[float] | None) -> None:
        """Give the study a cell's result; one that failed before and now has values becomes another trial."""
        known = self._asked.get(cell.number)
        if known is not None:
            known = self._study.get_trials(deepcopy=False)[known.number]
            if known.state == TrialState.RUNNING:
                self._study.tell(known.number, values, state=state)
                return
            if known.state == state or known.state == TrialState.COMPLETE:
                return
        self._add(cell.method, cell.values, state, values, {CELL: cell.number})
        self._asked[cell.number] = self._study.get_trials(deepcopy=False)[-1]

    def _add(
        self,
        method: str,
        values: Draw,
        state: TrialState,
        objectives: Sequence[float] | None,
        attributes: dict[str, int],
    ) -> None:
        self._study.add_trial(
            create_trial(
                state=state,
                values=objectives,
                params=as_params(self._spec, method, values),
                distributions=distributions(self._spec, method),
                user_attrs=attributes,
            )
        )

    def values(self, cell: int) -> list[float] | None:
        """Return the values that the study has of a cell, None where it has none."""
        known = self._asked.get(cell)
        if known is None:
            return None
        trial = self._study.get_trials(deepcopy=False)[known.number]
        return list(trial.values) if trial.state == TrialState.COMPLETE else None
