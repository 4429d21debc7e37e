"""Launching a sweep: a new Tuner over exactly what the journal says is missing."""

import importlib.metadata
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import ray
from ray import tune

from trainables.ray_trainable import train
from trainables.training.report import FinalReport
from vae_sweep.search.space import Cell
from vae_sweep.search.study import open_study
from vae_sweep.search.sweep_search import Assignment, Progress, SweepSearch
from vae_sweep.sweep.folder import JOURNAL_FILE, adopt_spec, check_folder, driver_lock, sweep_folder
from vae_sweep.sweep.plan import Plan
from vae_sweep.sweep.score import score_missing
from vae_sweep.sweep.tracker import mirror_for
from vae_sweep.tracking.callback import JournalCallback
from vae_sweep.tracking.journal import Journal
from vae_sweep.tracking.records import SweepRecord, read_sweep

WORKER_LOSSES = 3
"""How often a trial may lose its worker and go on from its checkpoint."""

LIBRARIES = ("vae-sweep", "torch", "ray", "optuna", "mlflow", "pydantic")
MIRROR_PATIENCE = 60.0
"""Seconds that a finished sweep waits for MLflow before leaving the rest to `vae-sweep sync`."""

Watch = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Launched:
    """How a launch ended: `unmirrored` journal lines have not reached MLflow, for `mirror_error`."""

    folder: Path
    complete: bool
    unmirrored: int
    mirror_error: str | None


def launch(plan: Plan, watch: Watch) -> Launched:
    """Run what is missing of a sweep. Raises LaunchError before Ray starts where it cannot run."""
    folder = sweep_folder(plan.spec)
    check_folder(folder, plan.spec)
    with driver_lock(folder):
        adopt_spec(folder, plan.spec)
        journal = Journal(folder / JOURNAL_FILE)
        record = read_sweep(folder / JOURNAL_FILE)
        mirror = mirror_for(plan.spec, folder)
        attempt = len(record.launches) + 1

        def note(line: dict[str, Any]) -> None:
            mirror.poke()
            watch(line)

        if journal.repaired:
            watch({"kind": "repaired", "text": journal.repaired})
        note(journal.append("launch", **_provenance(plan, attempt)))
        mirror.start()
        try:
            with _ray_session(plan):
                complete = _run_trials(plan, folder, journal, record, attempt, note)
                complete = complete and score_missing(plan, folder, journal, note)
            note(journal.append("end", outcome="complete" if complete else "stopped"))
        finally:
            unmirrored = mirror.close(MIRROR_PATIENCE)
        return Launched(folder, complete, unmirrored, mirror.last_error)


def progress_of(plan: Plan, record: SweepRecord) -> Progress:
    """Return what the journal knows: cells drawn, replicates ended, and what is left of the rest."""
    cells = [Cell(cell.number, cell.method, cell.values) for _, cell in sorted(record.cells.items())]
    ended: dict[int, dict[int, FinalReport]] = {}
    starts: dict[tuple[int, int], tuple[str, ...]] = {}
    for trial in record.trials.values():
        if trial.final is not None:
            final = trial.final
            plain = {"outcome": final.outcome, "reason": final.reason, "numbers": final.numbers}
            ended.setdefault(trial.cell, {})[trial.seed] = FinalReport.model_validate(plain)
        else:
            starts[trial.cell, trial.seed] = tuple(str(place) for place in reversed(trial.checkpoints))
    unfinished = [
        Assignment(cell, seed, starts.get((cell.number, seed), ()))
        for cell in cells
        for seed in plan.spec.seeds
        if seed not in ended.get(cell.number, {})
    ]
    return Progress(cells, ended, unfinished)


def trial_name(cell: Cell, seed: int) -> str:
    """Return a trial's identity: cell number, method, seed."""
    return f"{cell.number:04d}-{cell.method}-s{seed}"


def _config(plan: Plan, assignment: Assignment) -> dict[str, Any]:
    cell, seed = assignment.cell, assignment.seed
    trial = plan.spec.trial(cell.method, cell.values, seed, plan.corpus.fingerprint)
    return {
        "trial": trial.model_dump(mode="json"),
        "data_directory": str(plan.data_directory),
        "threads": plan.threads,
        "starts": list(assignment.starts),
        "identity": {
            "trial": trial_name(cell, seed),
            "cell": cell.number,
            "seed": seed,
            "method": cell.method,
            "values": cell.values,
        },
    }


def _run_trials(
    plan: Plan, folder: Path, journal: Journal, record: SweepRecord, attempt: int, note: Watch
) -> bool:
    progress = progress_of(plan, record)

    def on_cell(cell: Cell) -> None:
        note(journal.append("cell", cell=cell.number, method=cell.method, values=cell.values))

    study = open_study(plan.spec, folder)
    search = SweepSearch(plan.spec, study, progress, on_cell, lambda assignment: _config(plan, assignment))
    new_cells = max(0, (search.budget or 0) - len(progress.cells))
    left = len(progress.unfinished) + new_cells * len(plan.spec.seeds)
    if not left:
        return True
    tune.Tuner(
        tune.with_resources(train, {"cpu": plan.threads, "gpu": plan.gpus}),
        tune_config=tune.TuneConfig(
            search_alg=search,
            num_samples=left,
            max_concurrent_trials=plan.spec.resources.max_concurrent,
            reuse_actors=plan.gpus == 0,
            trial_dirname_creator=lambda trial: str(trial.config["identity"]["trial"]),
        ),
        run_config=tune.RunConfig(
            storage_path=str(folder / "ray"),
            name=f"attempt-{attempt}",
            checkpoint_config=tune.CheckpointConfig(num_to_keep=2),
            failure_config=tune.FailureConfig(max_failures=WORKER_LOSSES),
            callbacks=[JournalCallback(journal, attempt, note)],
            verbose=0,
        ),
    ).fit()
    after = progress_of(plan, read_sweep(folder / JOURNAL_FILE))
    return not after.unfinished and len(after.cells) >= (search.budget or 0)


@contextmanager
def _ray_session(plan: Plan) -> Iterator[None]:
    """Start Ray on this machine, or join the cluster that RAY_ADDRESS names; SIGTERM ends like Ctrl-C."""
    address = os.environ.get("RAY_ADDRESS", "local")
    ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    before = _on_sigterm(lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        _on_sigterm(before)
        ray.shutdown()


def _on_sigterm(handler: Any) -> Callable[[int, FrameType | None], Any] | int | None:
    if threading.current_thread() is not threading.main_thread():
        return None
    return signal.signal(signal.SIGTERM, handler or signal.SIG_DFL)


def _provenance(plan: Plan, attempt: int) -> dict[str, Any]:
    return {
        "sweep": plan.spec.name,
        "attempt": attempt,
        "spec": plan.spec.model_dump(mode="json", by_alias=True),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "git_commit": _git_commit(),
        "corpus": plan.corpus.describe(),
    }


def _git_commit() -> str | None:
    """Return the commit of the directory that the sweep is launched from, if it is a repository."""
    try:
        command = ["git", "rev-parse", "HEAD"]
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() if found.returncode == 0 else None
