"""Running the missing trials of a sweep: one Tuner, with our searcher, callback and stoppers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.stopper import CombinedStopper

from trainables.ray_trainable import train
from trainables.storage_paths import filesystem_of
from vae_sweep.journal.events import JournalEvent, Message, RepairedEvent
from vae_sweep.journal.journal import Journal
from vae_sweep.journal.records import SweepRecord
from vae_sweep.journal.sweep_log import SweepLog
from vae_sweep.planning.allocation import TrialResources, scaled_resources
from vae_sweep.planning.plan import Plan
from vae_sweep.running.interrupts import interrupts_kept
from vae_sweep.running.journal_callback import JournalCallback, StopRequestStopper
from vae_sweep.running.nodes.admission import Admission
from vae_sweep.running.nodes.placement import Placement
from vae_sweep.running.patience import patiently
from vae_sweep.running.pending_trials import search_state
from vae_sweep.running.search_context import LaunchSearchContext
from vae_sweep.running.stop_controller import StopController
from vae_sweep.running.trial_cost import cost_of
from vae_sweep.search.pruning import AsyncSuccessiveHalving, RungStopper
from vae_sweep.search.state import SearchState
from vae_sweep.search.study import open_study
from vae_sweep.search.sweep_search import SweepSearch
from vae_sweep.storage.layout import STORE_FOLDER, checkpoints_place, storage_directory, store_place
from vae_sweep.storage.pretraining_store import store_for

WORKER_LOSSES = 3
"""How often a trial may lose its worker and go on from its checkpoint."""

Watch = Callable[[JournalEvent | Message], None]


@dataclass(frozen=True)
class LaunchContext:
    """What a launch works with while it holds the sweep; `placement` is where its trials may run."""

    plan: Plan
    placement: Placement
    folder: Path
    log: SweepLog
    journal: Journal
    stop_controller: StopController
    attempt: int
    note: Watch

    def record(self) -> SweepRecord:
        """Return what the journal says now."""
        return patiently(lambda: self.log.refresh().record, self.say)

    def write(self, event: JournalEvent) -> None:
        """Journal an event and report it."""
        self.journal.append(event)
        self.note(event)

    def say(self, text: str) -> None:
        """Report something that is not journaled."""
        self.note(Message(text))


def run_trials(context: LaunchContext) -> None:
    """Run a Tuner over exactly the trials that are missing in the journal."""
    plan = context.plan
    progress = search_state(plan, context.record())
    search = _search(context, progress)
    new_cells = max(0, search.budget - len(progress.cells))
    racing = len(progress.cells) * (len(plan.spec.seeds) - len(plan.spec.first_seeds))
    left = len(progress.unfinished) + racing + new_cells * len(plan.spec.seeds)
    if not left:
        return
    place, filesystem = filesystem_of(checkpoints_place(plan.spec))
    tuner = tune.Tuner(
        tune.with_resources(_trainable(plan), partial(_share, plan.shares, plan.spec.resources.max_gpus)),
        tune_config=tune.TuneConfig(
            search_alg=search,
            num_samples=left * (1 + plan.spec.resources.memory_retries),
            max_concurrent_trials=plan.spec.resources.max_concurrent or left,
            reuse_actors=not any(share.gpus for share in plan.shares.values()),
            trial_dirname_creator=lambda trial: str(trial.config["identity"]["trial"]),
        ),
        run_config=tune.RunConfig(
            storage_path=place,
            storage_filesystem=filesystem,
            name=f"attempt-{context.attempt}",
            stop=CombinedStopper(StopRequestStopper(context.stop_controller), *_judges(context)),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=2),
            failure_config=tune.FailureConfig(max_failures=WORKER_LOSSES),
            callbacks=[JournalCallback(context.journal, context.attempt, context.note, context.stop_controller)],
            verbose=0,
        ),
    )
    with interrupts_kept():
        tuner.fit()


def _search(context: LaunchContext, progress: SearchState) -> SweepSearch:
    plan = context.plan
    study, said = open_study(plan.spec, context.folder)
    if said:
        context.write(RepairedEvent(text=said))
    history = patiently(lambda: context.log.refresh().history, context.say)
    placement = context.placement
    around = LaunchSearchContext(
        plan,
        context.stop_controller,
        context.write,
        cost_of(plan, history),
        placement,
        Admission(plan.spec, plan.shares, placement.rooms, placement.autoscales),
    )
    return SweepSearch(plan.spec, study, progress, around)


def _judges(context: LaunchContext) -> list[RungStopper]:
    """Return what prunes trials, with all that was seen at its rungs before; none where the spec prunes none."""
    search = context.plan.spec.search
    if search.pruning is None:
        return []
    halving = AsyncSuccessiveHalving(search.pruning, search.objectives)
    first = context.plan.spec.first_seeds
    for trial in context.record().trials.values():
        for rung in trial.rungs if trial.seed in first else ():
            halving.note(trial.cell, trial.seed, rung.epoch, rung.numbers)
    return [RungStopper(halving, first)]


def _trainable(plan: Plan) -> Any:
    if not plan.spec.storage.share_pretraining:
        return train
    directory = storage_directory(plan.spec) / STORE_FOLDER
    stores = partial(store_for, directory, plan.spec.name, objects=store_place(plan.spec))
    return tune.with_parameters(train, stores=stores)


def _share(
    shares: dict[str, TrialResources], most: float | None, config: dict[str, Any]
) -> tune.PlacementGroupFactory:
    """Return what a trial occupies: its share, a larger one after it ran out of memory, on a good node.

    Ray sends a copy along with every worker: it holds neither the plan, whose corpus is large, nor what changes.
    """
    placement = Placement(tuple(config["left_out"]))
    taken = scaled_resources(shares[config["identity"]["method"]], config["share"], placement.rooms(), most)
    bundle = {kind: amount for kind, amount in (("CPU", taken.cpus), ("GPU", taken.gpus)) if amount}
    where = {"bundle_label_selector": [placement.selector]} if placement.selector else {}
    return tune.PlacementGroupFactory([bundle], **where)  # type: ignore[arg-type]
