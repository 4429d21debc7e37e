"""Launching a sweep: a new Tuner over exactly what the journal says is missing."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import ray
from ray import tune
from ray.exceptions import AuthenticationError

from trainables.places import filesystem_of
from trainables.ray_trainable import train
from vae_sweep.errors import LaunchError
from vae_sweep.search.space import Cell
from vae_sweep.search.study import open_study
from vae_sweep.search.sweep_search import SweepSearch
from vae_sweep.store.pretrained import STORE_FOLDER, store_for
from vae_sweep.sweep.amend import check_folder
from vae_sweep.sweep.folder import (
    JOURNAL_FILE,
    checkpoints_place,
    storage_directory,
    store_place,
    store_spec,
    sweep_folder,
)
from vae_sweep.sweep.lock import driver_lock
from vae_sweep.sweep.missing import progress_of, trial_config
from vae_sweep.sweep.plan import Plan
from vae_sweep.sweep.provenance import provenance
from vae_sweep.sweep.score import score_missing
from vae_sweep.sweep.tracker import mirror_for
from vae_sweep.tracking.brake import REQUEST_FILE, Brake, outage_of
from vae_sweep.tracking.callback import BrakeStopper, JournalCallback
from vae_sweep.tracking.journal import Journal, JournalError
from vae_sweep.tracking.records import SweepRecord, read_sweep

WORKER_LOSSES = 3
"""How often a trial may lose its worker and go on from its checkpoint."""

ROUNDS = 2
"""How often a launch trains and scores: the second time for trials whose weights were lost meanwhile."""

MIRROR_PATIENCE = 60.0
"""Seconds that a finished sweep waits for MLflow before leaving the rest to `vae-sweep sync`."""

SHORT_PATIENCE = 5.0
"""The same where the sweep was stopped, or MLflow was out of reach just now."""

Watch = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Launched:
    """How a launch ended: complete, failed (some trial did) or stopped, for a `reason` or by a signal.

    `unmirrored` journal lines have not reached MLflow, for `mirror_error`.
    """

    folder: Path
    outcome: str
    reason: str | None
    unmirrored: int
    mirror_error: str | None


@dataclass(frozen=True)
class _Drive:
    """What a launch carries while it holds the sweep."""

    plan: Plan
    folder: Path
    journal: Journal
    brake: Brake
    attempt: int
    note: Watch

    def record(self) -> SweepRecord:
        return read_sweep(self.folder / JOURNAL_FILE)

    def write(self, kind: str, **fields: Any) -> None:
        self.note(self.journal.append(kind, **fields))


def launch(plan: Plan, watch: Watch, extend: bool = False) -> Launched:
    """Run what is missing of a sweep. Raises LaunchError before Ray starts where it cannot run."""
    folder = sweep_folder(plan.spec)
    check_folder(folder, plan.spec, extend)
    with driver_lock(folder) as lease, Journal(folder / JOURNAL_FILE) as journal:
        store_spec(folder, plan.spec)
        mirror = mirror_for(plan.spec, folder)
        brake = Brake(folder / REQUEST_FILE, lambda: lease.lost)

        def note(line: dict[str, Any]) -> None:
            mirror.poke()
            watch(line)

        attempt = len(read_sweep(folder / JOURNAL_FILE).launches) + 1
        drive = _Drive(plan, folder, journal, brake, attempt, note)
        drive.write("launch", **provenance(plan, attempt))
        if journal.repaired:
            drive.write("repaired", text=journal.repaired)
        mirror.start()
        try:
            with _ray_session():
                outcome = _run(drive)
            _end(drive, outcome)
        finally:
            reason = brake.reason
            short = reason is not None or mirror.last_error is not None
            unmirrored = mirror.close(SHORT_PATIENCE if short else MIRROR_PATIENCE)
            brake.release()
        return Launched(folder, outcome, reason, unmirrored, mirror.last_error)


def _run(drive: _Drive) -> str:
    """Run the trials that are missing, then score; once more where weights were lost; return how it ended."""
    outcome = "stopped"
    for _ in range(ROUNDS):
        try:
            _run_trials(drive)
        except Exception as error:
            if (outage := outage_of(error)) is not None:
                drive.brake.out(outage, error)
            elif drive.brake.reason is None:
                raise
        record = drive.record()
        failed = [trial for trial in record.trials.values() if trial.final is not None and not trial.settled]
        if drive.brake.reason or len(progress_of(drive.plan, record).unfinished) > len(failed):
            return "stopped"
        scored = score_missing(drive.plan, drive.folder, drive.journal, drive.brake, drive.note)
        if drive.brake.reason:
            return "stopped"
        outcome = "complete" if scored and not failed else "failed"
        if not any(trial.final is None for trial in drive.record().trials.values()):
            break
    return outcome


def _run_trials(drive: _Drive) -> None:
    plan = drive.plan
    progress = progress_of(plan, drive.record())

    def on_cell(cell: Cell) -> None:
        drive.write("cell", cell=cell.number, method=cell.method, values=cell.values)

    study, said = open_study(plan.spec, drive.folder)
    if said:
        drive.write("repaired", text=said)
    stopped = lambda: drive.brake.reason is not None  # noqa: E731
    search = SweepSearch(plan.spec, study, progress, on_cell, partial(trial_config, plan), stopped)
    new_cells = max(0, (search.budget or 0) - len(progress.cells))
    left = len(progress.unfinished) + new_cells * len(plan.spec.seeds)
    if not left:
        return
    place, filesystem = filesystem_of(checkpoints_place(plan.spec))
    tune.Tuner(
        tune.with_resources(_trainable(plan), partial(_share, plan)),
        tune_config=tune.TuneConfig(
            search_alg=search,
            num_samples=left * (1 + plan.spec.resources.memory_retries),
            max_concurrent_trials=plan.spec.resources.max_concurrent,
            reuse_actors=plan.gpus == 0,
            trial_dirname_creator=lambda trial: str(trial.config["identity"]["trial"]),
        ),
        run_config=tune.RunConfig(
            storage_path=place,
            storage_filesystem=filesystem,
            name=f"attempt-{drive.attempt}",
            stop=BrakeStopper(drive.brake),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=2),
            failure_config=tune.FailureConfig(max_failures=WORKER_LOSSES),
            callbacks=[JournalCallback(drive.journal, drive.attempt, drive.note, drive.brake)],
            verbose=0,
        ),
    ).fit()


def _trainable(plan: Plan) -> Any:
    if not plan.spec.storage.share_pretraining:
        return train
    directory = storage_directory(plan.spec) / STORE_FOLDER
    stores = partial(store_for, directory, plan.spec.name, objects=store_place(plan.spec))
    return tune.with_parameters(train, stores=stores)


def _share(plan: Plan, config: dict[str, Any]) -> tune.PlacementGroupFactory:
    """Return what a trial occupies: its share, a larger one after it ran out of memory, at most a whole node."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    largest = {kind: max(node["Resources"].get(kind, 0.0) for node in nodes) for kind in ("CPU", "GPU")}
    wanted = {"CPU": float(plan.threads), "GPU": plan.gpus}
    grown = {kind: max(amount, min(amount * config["share"], largest[kind])) for kind, amount in wanted.items()}
    return tune.PlacementGroupFactory([{kind: amount for kind, amount in grown.items() if amount}])


def _end(drive: _Drive, outcome: str) -> None:
    try:
        drive.write("end", outcome=outcome, reason=drive.brake.reason)
    except JournalError as error:
        drive.brake.pull(str(error))


@contextmanager
def _ray_session() -> Iterator[None]:
    """Start Ray on this machine, or join the cluster that RAY_ADDRESS names; SIGTERM ends like Ctrl-C."""
    address = os.environ.get("RAY_ADDRESS", "local")
    try:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except ConnectionError as error:
        raise LaunchError(f"RAY_ADDRESS={address}: no Ray cluster answers there ({error})") from None
    except AuthenticationError as error:
        raise LaunchError(f"RAY_ADDRESS={address}: the cluster's token is not right here: {error}") from None
    for name in ("ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    before = _on_sigterm(like_ctrl_c)
    try:
        yield
    finally:
        _on_sigterm(before)
        ray.shutdown()


def like_ctrl_c(number: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does now, also where SIGINT is blocked or ignored, as Ray does to the jobs of a cluster."""
    interrupt = signal.getsignal(signal.SIGINT)
    if not callable(interrupt):
        raise KeyboardInterrupt
    interrupt(signal.SIGINT, frame)


def _on_sigterm(handler: Any) -> Callable[[int, FrameType | None], Any] | int | None:
    if threading.current_thread() is not threading.main_thread():
        return None
    return signal.signal(signal.SIGTERM, handler or signal.SIG_DFL)
