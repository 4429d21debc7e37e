"""Updates: which parameters each step moves, and when aggressive ones end."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from tests.helpers import MODEL, random_sentences, same_tensors, seeded, tiny_model, tiny_trial, without_costs
from trainables.base import DivergedError
from trainables.model.vae import Vae
from trainables.objective.bound import Elbo, Loss
from trainables.text.batches import Batch, equal_length_batches
from trainables.training.phase import PhaseData, clone_state, run_phase
from trainables.training.report import EpochReport
from trainables.training.spec import PhaseSpec
from trainables.training.state import TrialState, load_state, save_state
from trainables.training.training_spec import TrainingSpec
from trainables.training.updates import Aggressive, Joint, StepContext, Updates, UpdatesState

BATCHES = equal_length_batches(random_sentences(1, 40), 8)
DATA = PhaseData(BATCHES, equal_length_batches(random_sentences(2, 16), 64))
ADAM = TrainingSpec(optimizer="adam", learning_rate=0.003, epochs=5, batch_size=8)


class Watched(Elbo):
    """The ELBO, noting on which batch each step is taken and from which weights."""

    def __call__(
        self, model: Vae, batch: Batch, weight: float, noise: Tensor, generator: Generator | None
    ) -> Loss:
        seen.append((batch, clone_state(model)))
        return super().__call__(model, batch, weight, noise, generator)


class Scripted(Elbo):
    """An objective with losses, nats per word, that are written down before."""

    def __call__(
        self, model: Vae, batch: Batch, weight: float, noise: Tensor, generator: Generator | None
    ) -> Loss:
        seen.append((batch, {}))
        loss = super().__call__(model, batch, weight, noise, generator)
        value = script[len(seen) - 1] * batch.words / batch.size
        return Loss(loss.loss * 0 + value, loss.reconstruction, loss.kl)


seen: list[tuple[Batch, dict[str, Tensor]]] = []
script: list[float] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    seen.clear()
    script.clear()


def stepper(model: Vae, objective: Elbo) -> StepContext:
    return StepContext(model, objective, ADAM.build(model.parameters()), 5.0, BATCHES, seeded(1), seeded(2))


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """The parts of the model in which any parameter has changed."""
    return {name.split(".")[0] for name, tensor in after.items() if not torch.equal(tensor, before[name])}


def parts_moved(updates: Updates, state: UpdatesState) -> list[set[str]]:
    """Take one batch's steps; return the parts that each of them moved."""
    model = tiny_model()
    loss = updates.step(stepper(model, Watched()), BATCHES[0], 1.0, state)
    assert loss.loss.requires_grad
    states = [*(weights for _, weights in seen), clone_state(model)]
    return [moved(before, after) for before, after in pairwise(states)]


def test_joint_steps_move_both() -> None:
    assert parts_moved(Joint(), UpdatesState()) == [{"encoder", "decoder"}]


def test_aggressive_steps_move_the_encoder_alone_and_then_the_decoder_alone() -> None:
    found = parts_moved(Aggressive(window=20, longest=6), UpdatesState())
    assert found == [{"encoder"}] * 6 + [{"decoder"}]
    batches = [batch for batch, _ in seen]
    assert batches[0] is batches[-1] is BATCHES[0]
    assert len({id(batch) for batch in batches[1:-1]}) > 1, "the others are any of the epoch's batches"


def test_aggressive_steps_that_have_ended_are_joint_for_good() -> None:
    ended = UpdatesState(aggressive=False, information=0.5)
    assert parts_moved(Aggressive(), ended) == [{"encoder", "decoder"}]
    assert Aggressive().after(9.0, ended) == UpdatesState(aggressive=False, information=9.0)


@pytest.mark.parametrize(
    ("losses", "steps"),
    [
        ([3, 3, 2, 2, 2.5, 2.5], 6),  # the third window is worse than the second
        ([3, 1, 2, 2, 1, 1, 1, 1, 1, 1], 10),  # equal is not worse; the limit ends it
        ([1, 2, 4, 0], 4),  # the mean of a window counts
    ],
)
def test_the_inner_loop_ends_with_the_first_worse_window_or_at_its_limit(losses: list[float], steps: int) -> None:
    script.extend([*losses, *[0.0] * 10])
    same_length = [batch for batch in BATCHES if batch.words == BATCHES[0].words]
    model = tiny_model()
    step = StepContext(model, Scripted(), ADAM.build(model.parameters()), 5.0, same_length, seeded(1), seeded(2))
    Aggressive(window=2, longest=10).step(step, same_length[0], 1.0, UpdatesState())
    assert len(seen) == steps + 1


def test_the_first_fall_of_information_ends_the_aggressive_steps() -> None:
    state, found = UpdatesState(), []
    for information in (-0.1, 0.4, 0.4, 0.9, 0.8, 2.0, 3.0):
        state = Aggressive().after(information, state)
        found.append(state.aggressive)
    assert found == [True, True, True, True, False, False, False]
    assert Joint().after(0.1, UpdatesState()) == UpdatesState()


def phase(updates: Updates) -> PhaseSpec:
    return PhaseSpec(
        name="vae", corpus_fingerprint="f", model=MODEL, objective=Elbo(), updates=updates,
        training=ADAM, selection="neg_elbo", seed=3,
    )  # fmt: skip


def run(spec: PhaseSpec, state: TrialState | None = None) -> list[tuple[EpochReport, TrialState]]:
    return list(run_phase(spec, tiny_model(), DATA, state or TrialState()))


def test_a_resume_is_bit_equal_and_knows_whether_the_aggressive_steps_have_ended(tmp_path: Path) -> None:
    spec = phase(Aggressive(window=2, longest=4))
    whole = run(spec)
    states = [state.counters.updates for _, state in whole]
    measured = [report.numbers["validation/mutual_information"] for report, _ in whole]
    assert [state.information for state in states] == measured
    assert {state.aggressive for state in states} == {True, False}, "they must end within the epochs"
    for epoch, (_, state) in enumerate(whole[:-1]):
        save_state(tmp_path / str(epoch), "k", state)
        rest = run(spec, load_state(tmp_path / str(epoch), "k"))
        assert [without_costs(r) for r, _ in rest] == [without_costs(r) for r, _ in whole[epoch + 1 :]]
        assert same_tensors(rest[-1][1].model, whole[-1][1].model)
        assert rest[-1][1].counters == whole[-1][1].counters
    joint = run(phase(Joint()))
    assert not same_tensors(joint[0][1].model, whole[0][1].model)


def test_a_diverging_inner_loop_is_a_divergence() -> None:
    wild = phase(Aggressive()).model_copy(update={"training": TrainingSpec(learning_rate=3e37, epochs=1)})
    with pytest.raises(DivergedError, match="the training loss is"):
        run(wild)


def test_the_row_is_aggressive_as_its_authors_ran_it() -> None:
    [vae] = tiny_trial("vae_aggressive").phases()
    assert vae.updates == Aggressive(window=15, longest=100)
    assert [vae.objective.weight(epoch) for epoch in (0.0, 0.1, 9.0)] == [1.0, 1.0, 1.0], "our assumption"
    [theirs] = tiny_trial("vae_aggressive").with_values({"anneal_epochs": 10}).phases()
    assert [theirs.objective.weight(epoch) for epoch in (0.0, 5.0, 10.0, 11.0)] == [0.1, 0.55, 1.0, 1.0]
