"""Launching a sweep: a new Tuner over exactly what the journal says is missing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ray import tune

from trainables.places import filesystem_of
from trainables.ray_trainable import train
from vae_sweep.errors import LaunchError
from vae_sweep.search.space import Cell
from vae_sweep.search.study import open_study
from vae_sweep.search.sweep_search import Assignment, SweepSearch
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
from vae_sweep.sweep.missing import pretraining_of, progress_of, trial_config
from vae_sweep.sweep.nodes.preflight import Ground, prepare
from vae_sweep.sweep.nodes.session import ray_session
from vae_sweep.sweep.plan import Plan
from vae_sweep.sweep.provenance import provenance
from vae_sweep.sweep.score import score_missing
from vae_sweep.sweep.shares import Share, gpus_fit, grown
from vae_sweep.sweep.tracker import mirror_for
from vae_sweep.tracking.brake import REQUEST_FILE, Brake, outage_of
from vae_sweep.tracking.callback import BrakeStopper, JournalCallback
from vae_sweep.tracking.journal import Journal, JournalError
from vae_sweep.tracking.ledger import read_sweep
from vae_sweep.tracking.records import SweepRecord

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
    """What a launch carries while it holds the sweep; `ground` is where its trials may run."""

    plan: Plan
    ground: Ground
    folder: Path
    journal: Journal
    brake: Brake
    attempt: int
    note: Watch

    def record(self) -> SweepRecord:
        return read_sweep(self.folder / JOURNAL_FILE)

    def write(self, kind: str, **fields: Any) -> None:
        self.note(self.journal.append(kind, **fields))

    def say(self, text: str) -> None:
        self.note({"kind": "said", "text": text})


def launch(plan: Plan, watch: Watch, extend: bool = False) -> Launched:
    """Run what is missing of a sweep. Raises LaunchError before any trial starts where it cannot run."""
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
        drive = _Drive(plan, Ground(), folder, journal, brake, attempt, note)
        drive.write("launch", **provenance(plan, attempt))
        if journal.repaired:
            drive.write("repaired", text=journal.repaired)
        mirror.start()
        try:
            with ray_session() as joined:
                plan, ground = prepare(plan, folder, joined, drive.write, drive.say)
                outcome = _run(replace(drive, plan=plan, ground=ground))
                _end(drive, outcome, brake.reason)
        except LaunchError as error:
            _end(drive, "stopped", str(error))
            raise
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
                drive.brake.stop_for(outage, error)
            elif drive.brake.reason is None:
                raise
        record = drive.record()
        failed = [trial for trial in record.trials.values() if trial.final is not None and not trial.settled]
        if drive.brake.reason or len(progress_of(drive.plan, record).unfinished) > len(failed):
            return "stopped"
        scored = score_missing(drive.plan, drive.ground, drive.folder, drive.journal, drive.brake, drive.note)
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
    config, room = partial(trial_config, plan), partial(_has_room, plan)
    search = SweepSearch(plan.spec, study, progress, on_cell, config, stopped, room, partial(pretraining_of, plan))
    new_cells = max(0, (search.budget or 0) - len(progress.cells))
    left = len(progress.unfinished) + new_cells * len(plan.spec.seeds)
    if not left:
        return
    place, filesystem = filesystem_of(checkpoints_place(plan.spec))
    tune.Tuner(
        tune.with_resources(
            _trainable(plan), partial(_share, plan.shares, plan.spec.resources.max_gpus, drive.ground)
        ),
        tune_config=tune.TuneConfig(
            search_alg=search,
            num_samples=left * (1 + plan.spec.resources.memory_retries),
            max_concurrent_trials=plan.spec.resources.max_concurrent,
            reuse_actors=not any(share.gpus for share in plan.shares.values()),
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


def _share(
    shares: dict[str, Share], most: float | None, ground: Ground, config: dict[str, Any]
) -> tune.PlacementGroupFactory:
    """Return what a trial occupies: its share, a larger one after it ran out of memory, on a good node.

    Ray sends it along with every worker, so it must not hold the plan, whose corpus is large.
    """
    taken = grown(shares[config["identity"]["method"]], config["share"], ground.rooms(), most)
    bundle = {kind: amount for kind, amount in (("CPU", taken.cpus), ("GPU", taken.gpus)) if amount}
    where = {"bundle_label_selector": [ground.selector]} if ground.selector else {}
    return tune.PlacementGroupFactory([bundle], **where)  # type: ignore[arg-type]


def _has_room(plan: Plan, running: Sequence[Assignment], wanted: Assignment) -> bool:
    """Say whether a trial may start beside those that run, as far as `max_gpus` is concerned."""
    most = plan.spec.resources.max_gpus
    if most is None:
        return True
    held = [min(most, plan.shares[each.cell.method].gpus * 2**each.retries) for each in (*running, wanted)]
    return gpus_fit(held[:-1], held[-1], most)


def _end(drive: _Drive, outcome: str, reason: str | None) -> None:
    try:
        drive.write("end", outcome=outcome, reason=reason)
    except JournalError as error:
        drive.brake.pull(str(error))
