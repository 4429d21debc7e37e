"""Launching a sweep: a new Tuner over exactly what the journal says is missing."""

from dataclasses import dataclass, replace
from pathlib import Path

from trainables.files import is_file
from vae_sweep.errors import LaunchError
from vae_sweep.journal.events import ChangedEvent, EndEvent, JournalEvent, LaunchEvent, Message, RepairedEvent
from vae_sweep.journal.journal import Journal, JournalError
from vae_sweep.journal.stored_spec import store_spec
from vae_sweep.journal.sweep_log import SweepLog
from vae_sweep.planning.compatibility import check_together
from vae_sweep.planning.plan import Plan
from vae_sweep.planning.provenance import provenance
from vae_sweep.planning.warm_start import warm_cells
from vae_sweep.running.cluster_precision import settled_on_cluster
from vae_sweep.running.interrupts import interruptible
from vae_sweep.running.live_report import LiveReport
from vae_sweep.running.nodes.placement import Placement, prepare
from vae_sweep.running.pending_trials import fruitless, search_state
from vae_sweep.running.ray_session import ray_session
from vae_sweep.running.scoring import score_missing
from vae_sweep.running.stop_controller import StopController, outage_of
from vae_sweep.running.tuner import LaunchContext, Watch, run_trials
from vae_sweep.storage.driver_lock import driver_lock
from vae_sweep.storage.layout import (
    JOURNAL_FILE,
    STORE_FOLDER,
    check_lockable,
    check_writable,
    storage_directory,
    sweep_folder,
)
from vae_sweep.storage.lease import Lease
from vae_sweep.storage.stop_request import REQUEST_FILE
from vae_sweep.tracking.mirror import Mirror
from vae_sweep.tracking.sweep_mirror import mirror_for

_Opening = tuple[LaunchEvent, *tuple[JournalEvent, ...]]

_ROUNDS = 2
"""How often a launch trains and scores: the second time for trials whose weights were lost meanwhile."""

MIRROR_PATIENCE = 60.0
"""Seconds that a finished sweep waits for MLflow before leaving the rest to `vae-sweep sync`."""

SHORT_PATIENCE = 5.0
"""The same where the sweep was stopped, or MLflow was out of reach just now."""


@dataclass(frozen=True)
class Launched:
    """How a launch ended: complete, failed (a trial did, or all diverged) or stopped, for a `reason` or a signal.

    `unmirrored` journal lines have not reached MLflow, for `mirror_error`.
    """

    folder: Path
    outcome: str
    reason: str | None
    unmirrored: int
    mirror_error: str | None


def launch(plan: Plan, watch: Watch, extend: bool = False) -> Launched:
    """Run what is missing of a sweep. Raises LaunchError before any trial starts where it cannot run."""
    folder = sweep_folder(plan.spec)
    check_writable(folder)
    check_lockable(folder)
    plan = settled_on_cluster(plan)
    with interruptible(), driver_lock(folder) as lease:
        log = SweepLog(folder / JOURNAL_FILE)
        opening = _opening(plan, log, extend, lease)
        return _launched(plan, watch, log, lease, opening)


def _launched(plan: Plan, watch: Watch, log: SweepLog, lease: Lease, opening: _Opening) -> Launched:
    """Run what is missing of a sweep whose lock is held, once `opening` is journaled."""
    folder = log.folder
    store_spec(folder, plan.spec)
    with Journal(folder / JOURNAL_FILE, log.position) as journal:
        mirror = mirror_for(plan.spec, folder)
        stop_controller = StopController(
            folder / REQUEST_FILE, lambda: lease.lost, lambda text: watch(Message(text))
        )
        report = LiveReport(folder, plan.spec, lambda text: watch(Message(text)))

        def note(event: JournalEvent | Message) -> None:
            mirror.poke()
            report.poke()
            watch(event)

        context = LaunchContext(plan, Placement(), folder, log, journal, stop_controller, opening[0].attempt, note)
        for event in opening:
            context.write(event)
        if journal.repaired:
            context.write(RepairedEvent(text=journal.repaired))
        outcome, barren = "stopped", None
        report.start()
        try:
            mirror.start()
            with ray_session() as joined:
                ready = prepare(plan, folder, joined, context.write, context.say)
                with ready.further_nodes():
                    outcome, barren = _run_and_judge(replace(context, plan=ready.plan, placement=ready.placement))
                _end(context, outcome, stop_controller.reason or barren)
        except KeyboardInterrupt:
            outcome = context.record().ended or _end(context, "stopped", None)
        except LaunchError as error:
            _end(context, "stopped", str(error))
            raise
        finally:
            report.close()
            short = outcome == "stopped" or stop_controller.reason or mirror.last_error
            unmirrored = _closed(mirror, SHORT_PATIENCE if short else MIRROR_PATIENCE)
            reason = stop_controller.reason
            stop_controller.release()
        return Launched(folder, outcome, reason or barren, unmirrored, mirror.last_error)


def _opening(plan: Plan, log: SweepLog, extend: bool, lease: Lease) -> _Opening:
    """Return the first events of a launch. Raises LaunchError where the sweep cannot go on so."""
    record = log.refresh().record if is_file(log.folder / JOURNAL_FILE) else None
    if plan.spec.storage.share_pretraining:
        check_writable(storage_directory(plan.spec) / STORE_FOLDER)
    now = provenance(plan, len(record.launches) + 1 if record else 1, lease.nonce)
    others: list[JournalEvent] = []
    if changes := check_together(log.folder, plan.spec, record, now, extend):
        others.append(ChangedEvent(by="launch", texts=changes))
    if (warm := warm_cells(plan, record)) is not None:
        others.append(warm)
    return now, *others


def _closed(mirror: Mirror, patience: float) -> int:
    """Bring MLflow up to date; who interrupts that has what is missing sent later. Return the lines that are."""
    try:
        return mirror.close(patience)
    except KeyboardInterrupt:
        return mirror.close(SHORT_PATIENCE)


def _run_and_judge(context: LaunchContext) -> tuple[str, str | None]:
    """Run the sweep; return how it ended, and why it failed where it ran to its end and has nothing to show."""
    outcome = _run(context)
    barren = fruitless(context.record()) if outcome == "complete" else None
    return ("failed" if barren else outcome), barren


def _run(context: LaunchContext) -> str:
    """Run the trials that are missing, then score; once more where weights were lost; return how it ended."""
    outcome = "stopped"
    for _ in range(_ROUNDS):
        try:
            run_trials(context)
        except Exception as error:
            if (outage := outage_of(error)) is not None:
                context.stop_controller.stop_for(outage, error)
            elif context.stop_controller.reason is None:
                raise
        record = context.record()
        failed = [trial for trial in record.trials.values() if trial.final is not None and not trial.settled]
        if context.stop_controller.reason or len(search_state(context.plan, record).unfinished) > len(failed):
            return "stopped"
        scored = score_missing(context.plan, context.placement, record, context.stop_controller, context.write)
        if context.stop_controller.reason:
            return "stopped"
        outcome = "complete" if scored and not failed else "failed"
        if not any(trial.final is None for trial in context.record().trials.values()):
            break
    return outcome


def _end(context: LaunchContext, outcome: str, reason: str | None) -> str:
    """Journal how the launch ended, and return it."""
    try:
        context.write(EndEvent(outcome=outcome, reason=reason))
    except JournalError as error:
        context.stop_controller.stop(str(error))
    return outcome
