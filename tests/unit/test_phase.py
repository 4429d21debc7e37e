"""One phase: selection, decay, stopping."""

import math

import pytest
import torch
from torch import Generator, Tensor

from tests.helpers import MODEL, random_sentences, same_tensors, tiny_model, tiny_trial, without_costs
from trainables.base import DivergedError, derived_seed
from trainables.measure.importance import iw_nll
from trainables.methods import AUTOENCODER
from trainables.model.vae import Vae
from trainables.objective.bound import Elbo, Iwae, Loss, Objective
from trainables.objective.kl import FreeBits
from trainables.objective.kl_weight import Linear
from trainables.text.batches import Batch, equal_length_batches
from trainables.training.phase import PhaseData, run_phase
from trainables.training.report import EpochReport
from trainables.training.spec import PhaseSpec, Selection
from trainables.training.state import TrialState
from trainables.training.training_spec import LinearDecay, Plateau, TrainingSpec

DATA = PhaseData(
    equal_length_batches(random_sentences(1, 40), 8), equal_length_batches(random_sentences(2, 16), 64)
)
WILD = TrainingSpec(
    optimizer="adam",
    learning_rate=2.0,
    schedule=Plateau(patience=1, first_decay_epoch=0, decays=2),
    epochs=30,
)


def phase(training: TrainingSpec, selection: Selection = "neg_elbo", objective: Objective = Elbo()) -> PhaseSpec:  # noqa: B008
    return PhaseSpec(
        name="vae",
        corpus_fingerprint="f",
        model=MODEL,
        objective=objective,
        training=training,
        selection=selection,
        seed=1,
    )


def run(spec: PhaseSpec, state: TrialState | None = None) -> list[tuple[EpochReport, TrialState]]:
    return list(run_phase(spec, tiny_model(), DATA, state or TrialState()))


@pytest.fixture(scope="module")
def wild() -> list[tuple[EpochReport, TrialState]]:
    return run(phase(WILD))


def test_a_decay_reloads_the_best_weights_and_makes_the_optimizer_anew(
    wild: list[tuple[EpochReport, TrialState]],
) -> None:
    decays = [state.counters.plateau.decays for _, state in wild]
    fell = [epoch for epoch in range(1, len(wild)) if decays[epoch] > decays[epoch - 1]]
    assert len(fell) == 2, "the rate must be high enough for decays"
    for epoch, (_, state) in enumerate(wild):
        decayed = epoch in fell
        assert same_tensors(state.model, state.best) == (decayed or state.counters.best_epoch == epoch)
        assert (state.optimizer == {}) == decayed


def test_a_decay_halves_the_rate_of_the_next_epoch(wild: list[tuple[EpochReport, TrialState]]) -> None:
    before = [0, *(state.counters.plateau.decays for _, state in wild)]
    rates = [report.numbers["train/learning_rate"] for report, _ in wild]
    assert rates == [2.0 * 0.5**decays for decays in before[:-1]]


def test_the_last_decay_ends_the_phase(wild: list[tuple[EpochReport, TrialState]]) -> None:
    assert len(wild) < WILD.epochs
    assert [state.counters.plateau.decays for _, state in wild].index(2) == len(wild) - 1
    assert run(phase(WILD), wild[-1][1]) == []


@pytest.mark.parametrize("selection", ["neg_elbo", "reconstruction"])
def test_the_best_epoch_is_that_of_the_selected_word(selection: Selection) -> None:
    training = TrainingSpec(optimizer="adam", learning_rate=0.3, schedule=LinearDecay(), epochs=5)
    epochs = run(phase(training, selection, AUTOENCODER))
    losses = [report.numbers[f"validation/{selection}"] for report, _ in epochs]
    best = losses.index(min(losses))
    end = epochs[-1][1]
    assert (end.counters.best_epoch, end.counters.best_loss) == (best, losses[best])
    assert same_tensors(end.best, epochs[best][1].model)


def test_an_iwae_may_be_selected_by_its_own_bound() -> None:
    """As the authors' code does it; the numbers of other words are those of a phase selected by −ELBO."""
    training = TrainingSpec(optimizer="adam", learning_rate=0.3, schedule=LinearDecay(), epochs=4)
    bound, elbo = (run(phase(training, metric, Iwae(samples=3))) for metric in ("iw_bound", "neg_elbo"))
    losses = [report.numbers["validation/iw_bound"] for report, _ in bound]
    end = bound[-1][1]
    assert (end.counters.best_epoch, end.counters.best_loss) == (losses.index(min(losses)), min(losses))
    for (one, _), (other, _) in zip(bound, elbo, strict=True):
        assert one.numbers.keys() - other.numbers.keys() == {"validation/iw_bound"}
        assert without_costs(one).numbers.items() >= without_costs(other).numbers.items()
    model = tiny_model()
    model.load_state_dict(end.best)
    assert min(losses) == float(iw_nll(model, DATA.validation, 3, derived_seed(1, "vae", "bound")).mean())
    row = tiny_trial("iwae_pretrain").with_values({"selection": "iw_bound"})
    assert [found.selection for found in row.phases()] == ["reconstruction", "iw_bound"]


def test_the_weight_and_the_rate_follow_the_epoch() -> None:
    training = TrainingSpec(schedule=LinearDecay(flat=0.5), epochs=4, learning_rate=0.4)
    epochs = run(phase(training, objective=Elbo(kl_weight=Linear(epochs=2))))
    assert [r.numbers["train/kl_weight"] for r, _ in epochs] == pytest.approx([0.5, 1.0, 1.0, 1.0])
    steps = len(DATA.train)
    last = [0.4, 0.4, 0.4 * (1 + 1 / steps) / 2, 0.4 * (1 / steps) / 2]
    assert [r.numbers["train/learning_rate"] for r, _ in epochs] == pytest.approx(last)


def test_train_numbers_are_means_over_sentences() -> None:
    """With a rate too small to move anything, the epoch's KL is that of the initial model."""
    training = TrainingSpec(learning_rate=1e-30, epochs=1)
    [(report, _)] = run(phase(training, objective=Elbo(kl=FreeBits(target_rate=300.0))))
    model = tiny_model()
    kl = torch.cat([model.encoder(batch.tokens).kl_per_unit().sum(1) for batch in DATA.train]).detach()
    numbers = report.numbers
    assert numbers["train/kl"] == pytest.approx(float(kl.mean()), rel=1e-5)
    assert numbers["train/loss"] == pytest.approx(numbers["train/reconstruction"] + 300.0, rel=1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_rate_beyond_reason_is_a_divergence(optimizer: str) -> None:
    training = TrainingSpec.model_validate({"optimizer": optimizer, "learning_rate": 3e37, "epochs": 3})
    with pytest.raises(DivergedError, match="vae, epoch 0: the training loss is"):
        run(phase(training))


def test_each_epoch_has_its_own_order_and_noise() -> None:
    seen: list[tuple[list[int], Tensor]] = []

    class Watched(Elbo):
        def __call__(
            self, model: Vae, batch: Batch, weight: float, noise: Tensor, generator: Generator | None
        ) -> Loss:
            seen.append((batch.rows.tolist(), noise))
            return super().__call__(model, batch, weight, noise, generator)

    run(phase(TrainingSpec(epochs=3), objective=Watched()))
    count = len(DATA.train)
    epochs = [seen[start : start + count] for start in range(0, len(seen), count)]
    orders = [[rows for rows, _ in epoch] for epoch in epochs]
    assert [sorted(order) for order in orders] == [sorted(batch.rows.tolist() for batch in DATA.train)] * 3
    assert len({str(order) for order in orders}) == 3
    values = torch.cat([noise.flatten() for _, noise in seen])
    assert len(set(values.tolist())) == len(values), "no draw comes twice"
    assert (len(epochs), len(values)) == (3, 3 * 40 * MODEL.latent_size)


def test_gradients_are_clipped_jointly() -> None:
    """One step of plain SGD moves all weights together by at most rate x clip."""
    training = TrainingSpec(learning_rate=1.0, clip=0.01, epochs=1)
    before = tiny_model().state_dict()
    [(_, state)] = run(phase(training))
    moved = math.sqrt(sum(float((state.model[n] - before[n]).pow(2).sum()) for n in before))
    assert 0 < moved <= 0.01 * len(DATA.train) * 1.001
