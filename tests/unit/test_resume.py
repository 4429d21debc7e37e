"""A trial interrupted anywhere and resumed is the trial that was never interrupted, bit for bit."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from tests.helpers import epochs_and_end, put_files, same_tensors, seeded, tiny_corpus, tiny_trial, without_costs
from trainables.base import DivergedError, StateError, derived_seed
from trainables.measure.spec import EvaluationSpec
from trainables.model.vae import Vae
from trainables.outputs import load_model, outputs, samples_page
from trainables.spec import TrialSpec
from trainables.training.report import EpochReport, FinalReport
from trainables.training.state import Counters, TrialState, load_state, save_state
from trainables.training.training_spec import LinearDecay, Plateau, TrainingSpec
from trainables.trial import run_trial, score_split, transfer_encoder

RESTLESS = Plateau(patience=1, first_decay_epoch=0, decays=2)
ADAM = TrainingSpec(optimizer="adam", learning_rate=0.02, schedule=LinearDecay(), epochs=3, batch_size=8)
SGD = TrainingSpec(optimizer="sgd", learning_rate=5.0, schedule=RESTLESS, epochs=5, batch_size=8)
TRIALS = {
    "adam-tail": tiny_trial("ours", pretraining=ADAM, training=ADAM),
    "sgd-plateau": tiny_trial("ours", pretraining=SGD, training=SGD, seed=4),
}


@dataclass(frozen=True)
class Whole:
    """A trial that was never interrupted; the state after epoch i lies in `directory / str(i)`."""

    spec: TrialSpec
    directory: Path
    epochs: list[tuple[EpochReport, TrialState]]
    final: FinalReport
    end: TrialState


@pytest.fixture(scope="module", params=TRIALS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    spec, directory = TRIALS[request.param], tmp_path_factory.mktemp("states")
    epochs, final, end = epochs_and_end(spec)
    for number, (_, state) in enumerate(epochs):
        save_state(directory / str(number), spec.key(), state)
    return Whole(spec, directory, epochs, final, end)


def same_state(one: TrialState, other: TrialState) -> bool:
    groups = ((one.model, other.model), (one.best, other.best), (one.optimizer, other.optimizer))
    return one.counters == other.counters and all(same_tensors(a, b) for a, b in groups)


def test_the_trials_exercise_what_a_state_carries(whole: Whole) -> None:
    phases = [report.phase for report, _ in whole.epochs]
    assert phases.count("pretrain") >= 2
    assert phases.count("vae") >= 2
    if whole.spec.training.optimizer == "adam":
        assert all(len(state.optimizer) == 3 * len(state.model) for _, state in whole.epochs)
    else:
        assert max(state.counters.plateau.decays for _, state in whole.epochs) > 0


def test_resumed_after_each_epoch(whole: Whole) -> None:
    for number in range(len(whole.epochs)):
        spec = TrialSpec.model_validate_json(whole.spec.model_dump_json())
        torch.manual_seed(number)  # the global generator must not matter
        epochs, final, end = epochs_and_end(spec, load_state(whole.directory / str(number), spec.key()))
        rest = whole.epochs[number + 1 :]
        assert [without_costs(r) for r, _ in epochs] == [without_costs(r) for r, _ in rest], number
        for (_, found), (_, expected) in zip(epochs, rest, strict=True):
            assert same_state(found, expected), number
        assert final == whole.final, number
        assert same_tensors(end.best, whole.end.best), number


def test_interrupted_after_every_epoch(whole: Whole, tmp_path: Path) -> None:
    """One epoch a process, so to say: each starts from what the one before left on disk."""
    state, reports = TrialState(), []
    while True:
        report, state = next(run_trial(whole.spec, tiny_corpus(), state))
        if isinstance(report, FinalReport):
            break
        reports.append(without_costs(report))
        save_state(tmp_path, whole.spec.key(), state)
        state = load_state(tmp_path, whole.spec.key())
    assert reports == [without_costs(r) for r, _ in whole.epochs]
    assert report == whole.final
    assert same_tensors(state.best, whole.end.best)


def test_another_seed_is_another_trial() -> None:
    one, _, _ = epochs_and_end(tiny_trial("vae", seed=1))
    other, _, _ = epochs_and_end(tiny_trial("vae", seed=2))
    assert without_costs(one[0][0]) != without_costs(other[0][0])


@pytest.mark.parametrize("seed", [1, 2])
def test_a_trial_starts_from_weights_of_its_seed(seed: int) -> None:
    """With a rate too small to move anything, the best weights are the first."""
    spec = tiny_trial("vae", training=TrainingSpec(learning_rate=1e-30, epochs=1), seed=seed)
    expected = Vae(len(tiny_corpus().vocabulary), spec.model)
    expected.initialise(seeded(derived_seed(seed, "vae", "init")))
    assert same_tensors(epochs_and_end(spec)[2].best, expected.state_dict())


def test_the_hand_over_keeps_the_encoder_and_redraws_the_decoder(whole: Whole) -> None:
    state = next(s for r, s in reversed(whole.epochs) if r.phase == "pretrain")
    model, fresh = Vae(len(tiny_corpus().vocabulary), whole.spec.model), {}
    transfer_encoder(model, state, seeded(5))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state.best[name]) == name.startswith("encoder."), name
        fresh[name] = tensor.clone()
    transfer_encoder(model, state, seeded(5))
    assert same_tensors(model.state_dict(), fresh)


def test_the_second_phase_starts_from_the_hand_over() -> None:
    """With a rate too small to move anything, the weights after its first epoch are those at its start."""
    spec = tiny_trial("ours", pretraining=ADAM, training=TrainingSpec(learning_rate=1e-30, epochs=2, batch_size=8))
    epochs, _, end = epochs_and_end(spec)
    pretrained = epochs[2][1]
    expected = Vae(len(tiny_corpus().vocabulary), spec.model)
    transfer_encoder(expected, pretrained, seeded(derived_seed(spec.seed, "hand_over")))
    assert [report.phase for report, _ in epochs] == ["pretrain"] * 3 + ["vae"] * 2
    assert same_tensors(epochs[3][1].model, expected.state_dict())
    assert epochs[3][1].counters.phase == 1
    assert epochs[3][1].counters.best_epoch == 0, "the pretraining's best loss counts no more"
    assert same_tensors(end.best, expected.state_dict())


@pytest.mark.parametrize("method", ["vae", "ours"])
def test_a_diverging_rate(method: str) -> None:
    wild = TrainingSpec(learning_rate=3e37, epochs=2, batch_size=8)
    with pytest.raises(DivergedError, match="the training loss is"):
        epochs_and_end(tiny_trial(method, training=wild))


def test_another_corpus_than_planned() -> None:
    spec = tiny_trial(corpus_fingerprint="0" * 64)
    with pytest.raises(StateError, match="give every machine the same files"):
        next(run_trial(spec, tiny_corpus(), TrialState()))


def test_a_trial_without_active_units_is_collapsed() -> None:
    still = TrainingSpec(learning_rate=1e-30, epochs=1)
    dead = tiny_trial("vae").model.model_copy(update={"initialisation": "paper"})
    _, final, _ = epochs_and_end(tiny_trial("vae", training=still, model=dead))
    assert (final.outcome, final.numbers["validation/active_units"]) == ("collapsed", 0.0)
    assert "none of 3 units is active" in str(final.reason)


def test_the_end_is_measured_on_the_best_weights(whole: Whole) -> None:
    model = Vae(len(tiny_corpus().vocabulary), whole.spec.model)
    model.load_state_dict(whole.end.best)
    assert score_split(whole.spec, tiny_corpus(), model, "validation") == whole.final.numbers
    spec = whole.spec.model_copy(update={"evaluation": EvaluationSpec(final_samples=6, final_sentences=5)})
    test = score_split(spec, tiny_corpus(), model, "test")
    assert (test["test/iw_samples"], test["test/sentences"]) == (6.0, 5.0)


def test_outputs_come_back(whole: Whole, tmp_path: Path) -> None:
    corpus = tiny_corpus()
    put_files(tmp_path, outputs(whole.spec, corpus, whole.end))
    names = ["latent.json", "samples.txt", "trial.json", "vocabulary.json", "weights.safetensors"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    spec = TrialSpec.model_validate_json((tmp_path / "trial.json").read_bytes())
    assert spec == whole.spec
    model = load_model(tmp_path, spec, corpus.vocabulary)
    assert same_tensors(model.state_dict(), whole.end.best)
    page = (tmp_path / "samples.txt").read_text().splitlines()
    assert page == samples_page(model, corpus, spec.seed).splitlines()
    assert page[1].split()[1:] == corpus.vocabulary.decode(corpus.splits["validation"].sentences[0].tolist())


def test_outputs_that_do_not_fit_are_refused(whole: Whole, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be read"):
        load_model(tmp_path, whole.spec, tiny_corpus().vocabulary)
    put_files(tmp_path, outputs(whole.spec, tiny_corpus(), whole.end))
    larger = whole.spec.with_values({"model.latent_size": 9})
    with pytest.raises(StateError, match="weights of another trial"):
        load_model(tmp_path, larger, tiny_corpus().vocabulary)
    (tmp_path / "weights.safetensors").write_bytes(b"not weights")
    with pytest.raises(StateError, match="not a sound safetensors file"):
        load_model(tmp_path, whole.spec, tiny_corpus().vocabulary)


def test_counters_start_at_nothing() -> None:
    assert TrialState().counters == Counters(phase=0, epoch=0, best_loss=None, best_epoch=None)
