"""How long until all slots of a cluster are busy, where a trial takes some seconds to set itself up.

    python -m benchmarks.ramp --slots 2 --slots 8 --slots 32
    python -m benchmarks.ramp --slots 8 --waiting 1

The slots are CPUs that Ray is told of, of this one machine; a trial's worker sleeps `--seconds` before it is
there. Trials are drawn by TPE under the sweep's own searcher and Ray's Tuner, as a launch sets them up. With
`--waiting` Ray lets so many wait for a worker; 1 is its own number for a searcher that sets none. `first` and
`all` are seconds from the start of the Tuner, `drawn` the cells that were drawn by then.
"""

import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from vae_sweep.running.ray_environment import prepare_environment

prepare_environment()

import ray  # noqa: E402
from ray import tune  # noqa: E402

from vae_sweep.config.sweep_spec import SweepSpec  # noqa: E402
from vae_sweep.planning.allocation import NodeCapacity, resources_by_method  # noqa: E402
from vae_sweep.running.nodes.admission import Admission  # noqa: E402
from vae_sweep.search.sampling import Cell  # noqa: E402
from vae_sweep.search.state import Assignment, SearchState  # noqa: E402
from vae_sweep.search.study import open_study  # noqa: E402
from vae_sweep.search.sweep_search import SweepSearch  # noqa: E402

CELLS = 1000
SPEC = {
    "name": "ramp",
    "corpus": {"name": "captions"},
    "methods": {"ours": {"target_rate": {"float": [2, 8]}}},
    "search": {"kind": "tpe", "trials": CELLS},
    "resources": {"cpu": 1, "gpu": 0},
}


class AllBusy(tune.Stopper):
    """Ends a run once so many trials have said that they are set up; `since` is when each did."""

    def __init__(self, slots: int) -> None:
        self.slots, self.since = slots, dict[str, float]()

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Note when a trial was set up."""
        self.since.setdefault(trial_id, result["now"])
        return False

    def stop_all(self) -> bool:
        """Say whether all are."""
        return len(self.since) >= self.slots


class Slow(tune.Trainable):
    """A trial whose worker takes so many seconds until it is there, as one that imports torch does."""

    def setup(self, config: dict[str, Any]) -> None:
        """Take the time."""
        time.sleep(config["seconds"])

    def step(self) -> dict[str, Any]:
        """Say that the worker is there."""
        time.sleep(1)
        return {"now": time.time()}


@dataclass
class Ramp:
    """The SearchContext of trials that only take their time to start; `drawn` are the cells."""

    admission: Admission
    seconds: float
    stopped: bool = False
    drawn: list[Cell] = field(default_factory=list)

    def note_cell(self, cell: Cell) -> None:
        """Note a cell that was drawn."""
        self.drawn.append(cell)

    def config(self, assignment: Assignment) -> dict[str, Any]:
        """Return how long the trial takes to set itself up."""
        return {"seconds": self.seconds}

    def has_room(self, running: Sequence[Assignment], wanted: Assignment | None) -> bool:
        """Say whether a trial may start beside others, as a launch does."""
        return self.admission.admits(running, wanted)

    def pretraining(self, assignment: Assignment) -> None:
        """Nothing is shared."""

    def cost(self, assignment: Assignment) -> tuple[float, float]:
        """All cost the same."""
        return 1.0, 0.0


def row(slots: int, seconds: float) -> dict[str, float]:
    """Run a Tuner on a Ray of so many slots until all are busy; return the times."""
    spec = SweepSpec.model_validate(SPEC)
    admission = Admission(spec, resources_by_method(spec, 0), lambda: [NodeCapacity(slots, 0)], autoscales=False)
    around = Ramp(admission, seconds)
    stopper = AllBusy(slots)
    with tempfile.TemporaryDirectory(prefix="ramp.") as folder:
        ray.init(address="local", num_cpus=slots, include_dashboard=False, log_to_driver=False)
        study, _ = open_study(spec, Path(folder))
        search = SweepSearch(spec, study, SearchState(), around)
        started = time.time()
        tune.Tuner(
            tune.with_resources(Slow, {"cpu": 1}),
            tune_config=tune.TuneConfig(search_alg=search, num_samples=CELLS, max_concurrent_trials=CELLS),
            run_config=tune.RunConfig(storage_path=folder, name="ramp", stop=stopper, verbose=0),
        ).fit()
        ray.shutdown()
    taken = sorted(stopper.since.values())
    return {"slots": slots, "first": taken[0] - started, "all": taken[-1] - started, "drawn": len(around.drawn)}


def main(
    slots: Annotated[list[int], typer.Option(help="CPUs that Ray is told of")] = [2, 8, 32],  # noqa: B006
    seconds: Annotated[float, typer.Option(help="set-up of a trial")] = 5.0,
    waiting: Annotated[int | None, typer.Option(help="trials that may wait for a worker at once")] = None,
) -> None:
    """Print a line of JSON for each number of slots."""
    if waiting is not None:
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(waiting)
    for count in slots:
        load = os.getloadavg()[0]
        print(json.dumps(row(count, seconds) | {"load": load}), flush=True)


if __name__ == "__main__":
    typer.run(main)
