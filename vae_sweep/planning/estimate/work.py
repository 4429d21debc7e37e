"""The work of a planned sweep: its trials in order, and how often each phase does what."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from math import prod

from trainables.measure.adapted import FEWEST_PASSES
from trainables.measure.final import spread
from trainables.measure.importance import BLOCK
from trainables.objective.bound import Elbo, Iwae
from trainables.spec import TrialSpec
from trainables.text.spec import SplitName
from trainables.training.spec import PhaseSpec
from trainables.training.training_spec import PlateauState, TrainingSpec
from trainables.training.updates import Aggressive, Joint, Updates
from vae_sweep.config.domains import Domain, middle, points
from vae_sweep.config.method_space import MethodSpace, method_size
from vae_sweep.config.sweep_spec import Draw, SweepSpec
from vae_sweep.planning.estimate.micro_benchmark import ModelKind, StepKind
from vae_sweep.planning.plan import Plan
from vae_sweep.storage.layout import store_place
from vae_sweep.storage.pretraining_entry import is_stored

NO_COST = 1e-6
"""A learning rate at which no measured step diverges; a step's cost does not depend on it."""


@dataclass(frozen=True)
class Work:
    """One trial: `shared` names a pretraining that others may train, `stored` says that it is there already."""

    trial: TrialSpec
    shared: str | None
    stored: bool


def planned_work(plan: Plan) -> list[Work]:
    """Return the trials in the order in which they start; where a search draws the cells, a stand-in for each."""
    found, stored = [], {}
    store = store_place(plan.spec)
    for method, values, own in _cells(plan):
        for seed in plan.spec.seeds:
            trial = plan.spec.trial(method, values, seed, plan.corpus.fingerprint)
            first = trial.phases()[0]
            shared = None
            if first.name == "pretrain" and plan.spec.storage.share_pretraining:
                shared = plan.address_of(method, first) + own
                if shared not in stored:
                    stored[shared] = not own and is_stored(store / shared)
            found.append(Work(trial, shared, shared is not None and stored[shared]))
    return found


def is_exact(plan: Plan) -> bool:
    """Say whether the trials are those of the plan and no stand-ins."""
    return plan.cells is not None and len(plan.cells) == plan.cell_count


def _cells(plan: Plan) -> Iterator[tuple[str, Draw, str]]:
    """Yield method, values, and what sets a drawn pretraining apart from that of every other cell."""
    if plan.cells is not None and is_exact(plan):
        yield from ((cell.method, cell.values, "") for cell in plan.cells)
        return
    rows = plan.spec.methods
    values = {method: stand_ins(row, plan.cell_count) for method, row in rows.items()}
    for number, (method, turn) in enumerate(islice(_turns(rows), plan.cell_count)):
        own = f"#{number}" if _draws_pretraining(rows[method]) else ""
        yield method, values[method][turn % len(values[method])], own


def _turns(rows: MethodSpace) -> Iterator[tuple[str, int]]:
    """Yield the methods in turn with how often each has come before; none more often than it has cells."""
    sizes = {method: method_size(row) for method, row in rows.items()}
    for turn in count():
        yield from ((method, turn) for method, size in sizes.items() if size is None or turn < size)


def stand_ins(row: dict[str, Domain], wanted: int) -> list[Draw]:
    """Return at most `wanted` cells that stand for a method: its listed values evenly, a range's middle."""
    middles = {name: middle(domain) for name, domain in row.items()}
    lists = [list(points(row[name]) or ()) if mid is None else [mid] for name, mid in middles.items()]
    size = prod(map(len, lists))
    found = []
    for place in spread(size, wanted):
        values: Draw = {}
        for name, listed in zip(row, lists, strict=True):
            place, at = divmod(place, len(listed))
            values[name] = listed[at]
        found.append(values)
    return found


def _draws_pretraining(row: dict[str, Domain]) -> bool:
    return any(
        name.startswith(("model.", "pretraining.")) and middle(domain) is not None for name, domain in row.items()
    )


def step_kind(phase: PhaseSpec, threads: int) -> StepKind:
    """Return what decides the cost of a phase's single step: sizes, batch, optimizer, samples, threads.

    The KL term, its weight and the learning rate cost nothing, and an encoder's step as much as a joint one.
    """
    training = TrainingSpec(
        optimizer=phase.training.optimizer,
        batch_size=phase.training.batch_size,
        learning_rate=NO_COST,
        epochs=2,
    )
    iwae = isinstance(phase.objective, Iwae)
    plain = {"name": "vae", "objective": phase.objective if iwae else Elbo(), "updates": Joint(), "seed": 0}
    kept = {"training": training, "selection": "neg_elbo"}
    return StepKind(phase=phase.model_copy(update=plain | kept), threads=threads)


def model_kind(spec: SweepSpec, trial: TrialSpec, threads: int) -> ModelKind:
    """Return what decides the cost of measuring a trial's model."""
    asked = trial.evaluation
    most = asked.search_samples if spec.final == "none" else max(asked.search_samples, asked.final_effort)
    model = trial.phases()[-1].model
    return ModelKind(model=model, threads=threads, samples=most if model.latent_size else 1)


def decoder_passes(trial: TrialSpec, split: SplitName) -> tuple[int, int]:
    """Return the fewest and the most decoder passes of a sentence's likelihood; none where the method has none.

    The tight estimate takes what a sentence needs; on test the paper's protocol comes on top.
    """
    if trial.method.autoencodes:
        return 0, 0
    if trial.method.language_model:
        return 1, 1
    asked = trial.evaluation
    if split == "test":
        fewest, most = tight_passes(asked.final_effort, asked.final_error)
        return fewest + asked.final_samples, most + asked.final_samples
    return tight_passes(asked.search_samples, asked.search_error)


def tight_passes(most: int, error: float | None) -> tuple[int, int]:
    """Return the fewest and the most decoder passes of a sentence's tight estimate."""
    return (most if error is None or most < FEWEST_PASSES else 2 * BLOCK), most


def earliest_stop(training: TrainingSpec) -> int:
    """Return the fewest epochs after which a phase can stop: none but the first lowers the validation loss."""
    state = PlateauState()
    for epoch in range(training.epochs):
        state, _ = training.schedule.after(float(epoch), epoch, state)
        if training.schedule.done(state):
            return epoch + 1
    return training.epochs


def passes(updates: Updates, fewest: int, most: int) -> tuple[int, int]:
    """Return the steps on each batch over a phase of `fewest` and of `most` epochs.

    Aggressive updates take two windows of encoder steps at least for each of the decoder, in the first two epochs,
    before they can turn joint; at most their longest, in all epochs.
    """
    if not isinstance(updates, Aggressive):
        return fewest, most
    inner = min(updates.longest, 2 * updates.window)
    return fewest + min(2, fewest) * inner, most * (updates.longest + 1)
