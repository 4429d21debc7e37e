"""A searcher on a real study, driven by hand: what is asked of it, and what it is told."""

import itertools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import TrialState
from ray.tune.search import Searcher

from trainables.training.report import FinalReport
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.search.sampling import Cell
from vae_sweep.search.state import Assignment, SearchState
from vae_sweep.search.sweep_search import SweepSearch

GRID = {"vae": {}, "vae_fbp": {"target_rate": {"choice": [2, 4]}}, "ours": {"target_rate": {"choice": [2, 4, 8]}}}
ENDLESS = {"vae": {}, "ours": {"target_rate": {"float": [2, 8]}}}


def sweep(methods: dict[str, Any], seeds: Sequence[int] = (0,), retries: int = 0, **search: Any) -> SweepSpec:
    return SweepSpec.model_validate(
        {
            "name": "test",
            "corpus": {"name": "captions"},
            "methods": methods,
            "seeds": list(seeds),
            "search": search,
            "resources": {"memory_retries": retries},
        }
    )


@dataclass(frozen=True)
class BenchContext:
    """A SearchContext of functions; by default all may start, nothing is shared and all costs the same."""

    note: Callable[[Cell], None]
    halt: Callable[[], bool] = lambda: False
    room: Callable[[Sequence[Assignment], Assignment | None], bool] = lambda running, wanted: True
    shared: Callable[[Assignment], Hashable | None] = lambda wanted: None
    price: Callable[[Assignment], tuple[float, float]] = lambda wanted: (1.0, 0.0)

    @property
    def stopped(self) -> bool:
        return self.halt()

    def note_cell(self, cell: Cell) -> None:
        self.note(cell)

    def config(self, assignment: Assignment) -> dict[str, Any]:
        own = {"cell": assignment.cell, "seed": assignment.seed, "starts": assignment.starts}
        return own | ({"retries": assignment.retries} if assignment.retries else {})

    def has_room(self, running: Sequence[Assignment], wanted: Assignment | None) -> bool:
        return self.room(running, wanted)

    def pretraining(self, assignment: Assignment) -> Hashable | None:
        return self.shared(assignment)

    def cost(self, assignment: Assignment) -> tuple[float, float]:
        return self.price(assignment)


class Bench:
    """A searcher on a real study, the cells that it journals, and what it was told by cell and seed.

    A grid leaves the study alone. `around` are functions of a BenchContext.
    """

    def __init__(
        self,
        spec: SweepSpec,
        study: optuna.Study | None = None,
        progress: SearchState | None = None,
        **around: Callable[..., Any],
    ) -> None:
        sampler = optuna.samplers.RandomSampler(seed=1)
        self.study = study or optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
        own = None if spec.search.kind == "grid" else self.study
        self.journaled: list[Cell] = []
        self.ended: dict[int, dict[int, FinalReport]] = {}
        context = BenchContext(self.journaled.append, **around)
        self.search = SweepSearch(spec, own, progress or SearchState(), context)
        self._started: dict[str, Any] = {}
        self._ids = itertools.count()

    def next(self) -> tuple[str, Any]:
        trial_id = f"t{next(self._ids)}"
        self._started[trial_id] = self.search.suggest(trial_id)
        return trial_id, self._started[trial_id]

    def end(
        self,
        trial_id: str,
        ppl: float = 3.0,
        recon: float = 9.0,
        outcome: str = "finished",
        error: Any = None,
        **more: float,
    ) -> None:
        metrics = {"perplexity": ppl, "reconstruction": recon} | more
        numbers = {f"validation/{metric}": value for metric, value in metrics.items()}
        measured = numbers if outcome not in ("diverged", "failed") else {}
        report = FinalReport(outcome=outcome, numbers=measured, error=error)  # type: ignore[arg-type]
        started = self._started[trial_id]
        self.ended.setdefault(started["cell"].number, {})[started["seed"]] = report
        self.search.on_trial_complete(trial_id, {"kind": "final", "report": report.model_dump_json()})

    def states(self) -> list[TrialState]:
        return [trial.state for trial in self.study.trials]


def drain(bench: Bench) -> list[Any]:
    configs = []
    while True:
        trial_id, config = bench.next()
        if config == Searcher.FINISHED:
            return configs
        configs.append(config)
        bench.end(trial_id)
