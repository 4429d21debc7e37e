"""What a search finds for its trials and CPU seconds, replayed on a table of cells that were all trained.

    vae-sweep launch benchmarks/searchers.yaml --set name=rungs --set search.kind=random \\
        --set search.trials=32 --set 'search.pruning={rungs: [3, 4], margin: 0.99}'
    vae-sweep launch benchmarks/searchers.yaml --set name=full --set 'methods={vae: , vae_pretrain: , \\
        vae_anneal: {anneal_epochs: 2}, vae_cyclic_sgd: {cycle_epochs: 4}}'
    python -m benchmarks.searchers sweeps/rungs sweeps/full

The first sweep trains every cell, measured at the rungs (a margin of 99 % prunes none); the second trains to
their end the cells of which a seed was collapsed at one. Each search then runs for many search seeds with a
trainer that looks its numbers up: two workers, the shortest seconds that an epoch of the method took, the
pretraining paid once a seed. `found` is the hypervolume of the cells that a search takes for its front, at
their means over all seeds of the table, as a share of the whole table's.
"""

import heapq
import itertools
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as Printed

from benchmarks.lookup import Lookup, key_of, lookup
from trainables.training.report import FinalReport, RungReport
from vae_sweep.config.reader import read_spec
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.search.pruning import AsyncSuccessiveHalving, RungStopper
from vae_sweep.search.sampling import Cell
from vae_sweep.search.state import Assignment, SearchState, column_means
from vae_sweep.search.study import open_study
from vae_sweep.search.sweep_search import SweepSearch
from vae_sweep.statistics.front import on_front

SPACE = Path(__file__).parent / "searchers.yaml"
WORKERS, CELLS = 2, 20
PRUNING = {"rungs": [3, 4]}
SEARCHES: dict[str, dict[str, Any]] = {
    "grid, rows in any order": {"kind": "grid"},
    "random": {"kind": "random"},
    "tpe": {"kind": "tpe"},
    "nsga2": {"kind": "nsga2"},
    "tpe, racing": {"kind": "tpe", "first_seeds": 1},
    "tpe, pruning": {"kind": "tpe", "pruning": PRUNING},
    "tpe, racing, pruning": {"kind": "tpe", "first_seeds": 1, "pruning": PRUNING},
    "fill, racing": {"kind": "fill", "first_seeds": 1},
    "fill, racing, pruning": {"kind": "fill", "first_seeds": 1, "pruning": PRUNING},
}


@dataclass(order=True)
class Event:
    """Something that a trial reports: `spent` seconds were computed for it by then."""

    time: float
    number: int
    name: str = field(compare=False)
    assignment: Assignment = field(compare=False)
    result: dict[str, Any] = field(compare=False)
    spent: float = field(compare=False)


@dataclass(frozen=True)
class LookedUp:
    """The SearchContext of a table: all may start, a seed's pretraining is shared, costs are the table's."""

    table: Lookup
    stopped: bool = False

    def note_cell(self, cell: Cell) -> None:
        """Nothing is journaled."""

    def config(self, assignment: Assignment) -> dict[str, Any]:
        """Return the trial as it is."""
        return vars(assignment)

    def has_room(self, running: Sequence[Assignment], wanted: Assignment | None) -> bool:
        """Trials are limited by workers alone."""
        return True

    def pretraining(self, assignment: Assignment) -> int | None:
        """Return the seed of a method that pretrains."""
        return assignment.seed if self._seconds(assignment)[1] else None

    def cost(self, assignment: Assignment) -> tuple[float, float]:
        """Return the seconds of the trial's own epochs, and of its pretraining."""
        own, shared = self._seconds(assignment)
        return sum(own), sum(shared)

    def _seconds(self, wanted: Assignment) -> tuple[list[float], list[float]]:
        return self.table.seconds_of(key_of(wanted.cell.method, wanted.cell.values, wanted.seed))


class Trainer:
    """Looks up what trials give, on two workers with a clock of their own; `seconds` were computed, by all."""

    def __init__(self, table: Lookup, spec: SweepSpec, folder: Path) -> None:
        self.table, self.spec, self.seconds, self.ended = table, spec, 0.0, 0
        self.paid: set[int] = set()
        self.values: dict[tuple[str, str], list[list[float]]] = {}
        self.events: list[Event] = []
        self.running: set[str] = set()
        self.count = itertools.count()
        study, _ = open_study(spec, folder)
        self.search = SweepSearch(spec, study, SearchState(), LookedUp(table))
        pruning = spec.search.pruning
        self.stopper = (
            None
            if pruning is None
            else RungStopper(AsyncSuccessiveHalving(pruning, spec.search.objectives), spec.first_seeds)
        )

    def trace(self) -> Iterator[tuple[int, float, float]]:
        """Run the search; yield trials ended, seconds computed and the share found, after each trial."""
        now = 0.0
        while True:
            while len(self.running) < WORKERS:
                name = f"t{next(self.count)}"
                if not isinstance(config := self.search.suggest(name), dict):
                    break
                self._start(name, Assignment(**config), now)
            if not self.events:
                return
            event = heapq.heappop(self.events)
            now = event.time
            if event.name in self.running and self._ends(event):
                self.ended += 1
                self.seconds += event.spent
                yield self.ended, self.seconds, self.table.share(self._front())

    def _start(self, name: str, wanted: Assignment, now: float) -> None:
        """Queue all that a trial will report."""
        self.running.add(name)
        key = key_of(wanted.cell.method, wanted.cell.values, wanted.seed)
        plain, measured = self.table.plain[key], self.table.rungs[key]
        own, shared = self.table.seconds_of(key)
        spent = 0.0 if shared and wanted.seed in self.paid else sum(shared)
        self.paid |= {wanted.seed} if shared else set()
        final = plain
        for rung in measured.rungs if self.stopper else ():
            report = RungReport.model_validate(asdict(rung))
            at = spent + sum(own[: rung.epoch])
            self._queue(now, name, wanted, {"kind": "rung", "report": report.model_dump_json()}, at)
            if rung.collapsed is not None:
                final, own = measured, own[: rung.epoch]
        ended = final.final
        if ended is None:
            raise ValueError(f"{final.id} did not end")
        last = FinalReport.model_validate({"outcome": ended.outcome, "numbers": ended.numbers})
        at = spent + sum(own)
        self._queue(now, name, wanted, {"kind": "final", "report": last.model_dump_json()}, at)

    def _queue(self, now: float, name: str, wanted: Assignment, result: dict[str, Any], spent: float) -> None:
        result = {**result, "identity": {"cell": wanted.cell.number, "seed": wanted.seed}}
        heapq.heappush(self.events, Event(now + spent, next(self.count), name, wanted, result, spent))

    def _ends(self, event: Event) -> bool:
        """Tell the search of an event; return whether the trial ends with it."""
        final = event.result["kind"] == "final"
        if not final and not (self.stopper and self.stopper(event.name, event.result)):
            return False
        self.running.remove(event.name)
        self.search.on_trial_complete(event.name, event.result)
        if final:
            numbers = FinalReport.model_validate_json(event.result["report"]).numbers
            cell = event.assignment.cell
            place = key_of(cell.method, cell.values, 0)[:2]
            values = [numbers[f"validation/{metric}"] for metric in self.spec.search.objectives]
            self.values.setdefault(place, []).append(values)
        return True

    def _front(self) -> list[tuple[str, str]]:
        """Return the cells that the search takes for its front, by the means that it knows."""
        known = {cell: column_means(rows) for cell, rows in self.values.items()}
        return [cell for cell, flag in zip(known, on_front(list(known.values())), strict=True) if flag]


def replayed(table: Lookup, search: dict[str, Any], seed: int) -> list[tuple[int, float, float]]:
    """Return the trace of one search with one search seed."""
    space = read_spec(SPACE, ())
    plain = space.model_dump(mode="json", by_alias=True, exclude_none=True)
    if search["kind"] == "grid":
        rows = list(plain["methods"].items())
        random.Random(seed).shuffle(rows)  # noqa: S311
        plain["methods"] = dict(rows)
    else:
        search = {**search, "trials": CELLS}
    plain["search"] = {**search, "seed": seed}
    spec = SweepSpec.model_validate(plain)
    with tempfile.TemporaryDirectory(prefix="searchers.") as folder:
        return list(Trainer(table, spec, Path(folder)).trace())


def at_seconds(trace: list[tuple[int, float, float]], seconds: float) -> float:
    """Return the share found with so many seconds."""
    return max((found for _, spent, found in trace if spent <= seconds), default=0.0)


def until(trace: list[tuple[int, float, float]], share: float) -> float:
    """Return the seconds until a share is found, infinite where it never is."""
    return next((spent for _, spent, found in trace if found >= share), float("inf"))


def row(name: str, traces: list[list[tuple[int, float, float]]], budgets: list[float]) -> list[str]:
    """Return a search's line: medians over search seeds, with quartiles of what it found in the end."""
    ends = [trace[-1] for trace in traces]
    low, middle, high = quantiles([found for _, _, found in ends], n=4)
    cells = [name, f"{median(count for count, _, _ in ends):.0f}", f"{median(spent for _, spent, _ in ends):.0f}"]
    cells += [f"{median(at_seconds(trace, budget) for trace in traces):.3f}" for budget in budgets]
    reached = median(until(trace, 0.95) for trace in traces)
    return [
        *cells,
        f"{middle:.3f} ({low:.3f} to {high:.3f})",
        "-" if reached == float("inf") else f"{reached:.0f}",
    ]


def main(
    rungs: Annotated[Path, typer.Argument(help="the sweep of every cell, measured at rungs")],
    full: Annotated[Path, typer.Argument(help="the sweep of those that collapsed at one")],
    seeds: Annotated[int, typer.Option(min=2, help="search seeds")] = 20,
) -> None:
    """Print what each search finds for its trials and CPU seconds."""
    table = lookup(rungs, full, ("perplexity", "reconstruction"))
    whole = sum(sum(table.seconds_of(key)[0]) for key in table.plain)
    budgets = [whole * share for share in (0.1, 0.2, 0.4)]
    shown = Printed(
        "search", "trials", "CPU s", *(f"found at {budget:.0f} s" for budget in budgets), "in the end", "s to 95 %"
    )
    for name, search in SEARCHES.items():
        shown.add_row(*row(name, [replayed(table, search, seed) for seed in range(seeds)], budgets))
    Console(width=150).print(shown)
    print(f"{seeds} search seeds; all {len(table.plain)} trials of the table: {whole:.0f} s of VAE epochs")


if __name__ == "__main__":
    typer.run(main)
