"""What a sweep of many cells costs beside its trials, in CPU seconds a stage; nothing is trained.

`python -m benchmarks.bench --only scale`, or `python -m benchmarks.scale [--cells 100 --cells 1000]` for rows of
JSON alone.

- `draw`: the searcher hands out a grid's trials one after another, and each ends at once;
- `fold`: the journal is read, six lines for each trial;
- `status`: what `vae-sweep status` says, with its own reading of the journal;
- `results`: tables, front, differences, verdicts, as `vae-sweep report` shows them.
"""

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.side_by_side import Row
from trainables.training.report import FinalReport
from trainables.training.spec import VERSION
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.events import CellEvent, EpochEvent, FinalEvent, JournalEvent, LaunchEvent, TrialStarted
from vae_sweep.journal.fold import read_sweep
from vae_sweep.monitoring.status import sweep_status
from vae_sweep.results.results import compute_results
from vae_sweep.search.sampling import Cell
from vae_sweep.search.state import Assignment, SearchState
from vae_sweep.search.sweep_search import SweepSearch
from vae_sweep.storage.layout import JOURNAL_FILE

CELLS = (100, 1_000, 10_000)
RATES = 10
EPOCHS = 3
MOST_RESULTS = 10_000
"""Cells up to which results are computed here: their cost grows with the square."""
CORPUS = "f00d"


class Unlimited:
    """A SearchContext in which all may start, nothing is shared and all costs the same; it keeps the cells."""

    stopped = False

    def __init__(self) -> None:
        self.cells: list[Cell] = []

    def note_cell(self, cell: Cell) -> None:
        """Keep a cell."""
        self.cells.append(cell)

    def config(self, assignment: Assignment) -> dict[str, Any]:
        """Return the trial as it is."""
        return vars(assignment)

    def has_room(self, running: Sequence[Assignment], wanted: Assignment | None) -> bool:
        """There is always room."""
        return True

    def pretraining(self, assignment: Assignment) -> None:
        """Nothing is shared."""

    def cost(self, assignment: Assignment) -> tuple[float, float]:
        """All costs the same."""
        return 1.0, 0.0


def grid(cells: int, storage: Path) -> SweepSpec:
    """Return a grid of so many cells of one method, one seed each."""
    values = {
        "target_rate": {"choice": [2 + number / 1000 for number in range(cells // RATES)]},
        "training.learning_rate": {"choice": [0.001 * (1 + number) for number in range(RATES)]},
    }
    return SweepSpec.model_validate(
        {
            "name": "many",
            "corpus": {"name": "captions"},
            "methods": {"ours": values},
            "model": {"precision": "float32"},
            "storage": {"directory": str(storage)},
        }
    )


def drawn(spec: SweepSpec) -> list[Cell]:
    """Draw all cells of a grid, ending each trial before the next."""
    context = Unlimited()
    search = SweepSearch(spec, None, SearchState(), context)
    ended = {"kind": "final", "report": final(0).model_dump_json()}
    for number in range(search.budget):
        search.suggest(str(number))
        search.on_trial_complete(str(number), ended)
    return context.cells


def final(number: int) -> FinalReport:
    """Return numbers made up of a trial's number, by which about every hundredth cell is on the front."""
    draw = random.Random(number)  # noqa: S311
    words = {"perplexity": draw.uniform(8, 9), "reconstruction": draw.uniform(10, 20), "kl": draw.uniform(0, 9)}
    words |= {"nll": 20.0, "pareto_k_bad": 0.0, "mutual_information": 1.0, "active_units": 3.0, "neg_elbo": 21.0}
    return FinalReport(outcome="finished", numbers={f"validation/{word}": value for word, value in words.items()})


def events(spec: SweepSpec, cells: Sequence[Cell]) -> Iterator[JournalEvent]:
    """Yield what a driver journals of a sweep of these cells."""
    plain = spec.model_dump(mode="json", by_alias=True)
    about = {"name": "captions", "fingerprint": CORPUS}
    yield LaunchEvent(sweep=spec.name, attempt=1, spec=plain, versions={}, corpus=about, keys_version=VERSION)
    for cell in cells:
        yield CellEvent(cell=cell.number, method=cell.method, values=cell.values)
        name = f"{cell.number:04d}-{cell.method}-s0"
        trial = spec.trial(cell.method, cell.values, 0, CORPUS).model_dump(mode="json")
        yield TrialStarted(
            trial=name, cell=cell.number, seed=0, method=cell.method, values=cell.values, attempt=1, spec=trial
        )
        numbers: dict[str, float | None] = dict(final(cell.number).numbers)
        for epoch in range(EPOCHS):
            yield EpochEvent(trial=name, phase="vae", epoch=epoch, numbers={**numbers, "train/seconds": 1.0})
        yield FinalEvent(trial=name, outcome="finished", numbers=numbers)


def timed(name: str, work: Callable[[], Any]) -> tuple[Row, Any]:
    """Do something; return its CPU seconds as a row, and what it gave."""
    began = time.process_time()
    found = work()
    return {"name": name, "unit": "CPU s", "ours": time.process_time() - began}, found


def scale(counts: Sequence[int] = CELLS) -> Iterator[Row]:
    """Yield a row for each stage of sweeps of so many cells."""
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="scale.") as place:
            spec = grid(count, Path(place))
            row, cells = timed(f"draw, {count} cells", lambda: drawn(spec))  # noqa: B023
            yield row
            folder = Path(place) / spec.name
            folder.mkdir()
            with (folder / JOURNAL_FILE).open("w") as journal:
                journal.writelines(event.model_dump_json() + "\n" for event in events(spec, cells))
            row, record = timed(f"fold, {count} cells", lambda: read_sweep(folder / JOURNAL_FILE))  # noqa: B023
            yield row
            yield timed(f"status, {count} cells", lambda: sweep_status(folder))[0]  # noqa: B023
            if count <= MOST_RESULTS:
                yield timed(f"results, {count} cells", lambda: compute_results(record, spec.search.objectives))[0]  # noqa: B023


def main(cells: Annotated[list[int] | None, typer.Option(min=RATES)] = None) -> None:
    """Print a row of JSON for each stage."""
    for row in scale(cells or CELLS):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    typer.run(main)
