"""Rows do what they are named for: the language model, the cyclic ones, the ramp at the authors' pace."""

from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from tests.helpers import (
    MODEL,
    VOCABULARY,
    epochs_and_end,
    put_files,
    random_batch,
    random_sentences,
    same_tensors,
    seeded,
    tiny_corpus,
    tiny_trial,
    without_costs,
)
from trainables.measure.importance import iw_nll
from trainables.model.decoder import NoState
from trainables.model.encoder import NoEncoder
from trainables.model.spec import LanguageModelSpec, ModelSpec
from trainables.model.vae import Vae
from trainables.objective.bound import Elbo, Loss
from trainables.objective.kl_weight import Linear
from trainables.outputs import load_model, outputs, samples_page
from trainables.text.batches import Batch, equal_length_batches
from trainables.training.phase import train_epoch
from trainables.training.spec import PhaseSpec
from trainables.training.state import Counters, load_state, save_state
from trainables.training.training_spec import TrainingSpec

ADAM = TrainingSpec(optimizer="adam", learning_rate=0.02, epochs=3, batch_size=8)
BATCHES = equal_length_batches(random_sentences(1, 40), 8)


def language_model(seed: int = 0) -> Vae:
    model = Vae(VOCABULARY, MODEL.without_latent())
    model.initialise(seeded(seed))
    return model


def test_a_language_model_is_an_lstm_with_zero_first_states() -> None:
    model, batch = language_model(), random_batch(1)
    decoder = model.decoder
    assert isinstance(model.encoder, NoEncoder)
    assert isinstance(decoder.cell, NoState)
    plain = nn.LSTM(MODEL.embedding_size, MODEL.decoder_size, batch_first=True)
    plain.load_state_dict(decoder.lstm.state_dict())
    logits = decoder.output(plain(decoder.embedding(batch.tokens[:, :-1]))[0])
    expected = functional.cross_entropy(logits.transpose(1, 2), batch.tokens[:, 1:], reduction="none").sum(1)
    found = decoder.reconstruction(batch.tokens, torch.empty(batch.size, 0))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("samples", [1, 7])
def test_the_importance_weighted_nll_of_a_language_model_is_its_nll(samples: int) -> None:
    model = language_model()
    found = iw_nll(model, BATCHES, samples, seed=4)
    for batch in BATCHES:
        nll = model.decoder.reconstruction(batch.tokens, torch.empty(batch.size, 0)).double()
        torch.testing.assert_close(found[batch.rows], nll, rtol=1e-6, atol=1e-6)


def test_a_language_model_has_no_kl_and_teaches_all_it_has() -> None:
    model, batch = language_model(), random_batch(1)
    loss = Elbo()(model, batch, 1.0, torch.empty(batch.size, 0), seeded(1))
    assert (float(loss.kl), float(loss.loss.detach())) == (0.0, float(loss.reconstruction))
    loss.loss.backward()  # type: ignore[no-untyped-call]
    assert all(name.startswith("decoder.") for name, _ in model.named_parameters())
    assert [n for n, p in model.named_parameters() if p.grad is None or not bool(p.grad.any())] == []


def test_the_sizes_of_a_language_model_come_back_and_are_none_of_a_vae() -> None:
    spec = tiny_trial("lstm_lm").phases()[0].model
    assert isinstance(spec, LanguageModelSpec)
    assert (spec.latent_size, spec.encoder_size, spec.decoder_size) == (0, 0, MODEL.decoder_size)
    assert type(tiny_trial("vae").phases()[0].model) is ModelSpec
    for units in (0, -1):
        with pytest.raises(ValueError, match="greater than 0"):
            ModelSpec(latent_size=units)


def test_the_trial_of_a_language_model(tmp_path: Path) -> None:
    spec, corpus = tiny_trial("lstm_lm", training=ADAM), tiny_corpus()
    epochs, final, end = epochs_and_end(spec)
    losses = [report.numbers["validation/neg_elbo"] for report, _ in epochs]
    assert losses[-1] < losses[0] - 1, "it learns"
    for report, _ in epochs:
        assert report.numbers["validation/kl"] == report.numbers["validation/active_units"] == 0.0
        assert report.numbers["validation/mutual_information"] == pytest.approx(0.0, abs=1e-9)
    numbers = {key.partition("/")[2]: value for key, value in final.numbers.items()}
    assert final.outcome == "finished", "never collapsed: it has nothing to collapse"
    assert numbers["samples"] == 1.0
    assert numbers["nll"] == pytest.approx(numbers["neg_elbo"], rel=1e-6)
    assert numbers["perplexity"] == pytest.approx(numbers["elbo_perplexity"], rel=1e-6)
    assert {"kl", "mutual_information", "active_units", "ess", "elbo_gap"} & set(numbers) == set()
    assert set(spec.method.undefined_metrics) & set(numbers) == set()
    put_files(tmp_path, outputs(spec, corpus, end))
    model = load_model(tmp_path, spec, corpus.vocabulary)
    assert same_tensors(model.state_dict(), end.best)
    assert (tmp_path / "samples.txt").read_text() == samples_page(model, corpus, spec.seed)


def test_the_trial_of_a_language_model_resumes_bit_for_bit(tmp_path: Path) -> None:
    spec = tiny_trial("lstm_lm", training=ADAM)
    epochs, final, end = epochs_and_end(spec)
    save_state(tmp_path, spec.key(), epochs[0][1])
    rest, found, reached = epochs_and_end(spec, load_state(tmp_path, spec.key()))
    assert [without_costs(r) for r, _ in rest] == [without_costs(r) for r, _ in epochs[1:]]
    assert found == final
    assert same_tensors(reached.best, end.best)


def test_the_cyclic_row_restarts_weight_and_rate_together() -> None:
    """Cycles of 4 epochs: the weight rises for 2 and the rate falls for all; both begin again with the fifth."""
    spec = tiny_trial("vae_cyclic", training=TrainingSpec(epochs=6, batch_size=8)).with_values(
        {"cycle_epochs": 4.0}
    )
    epochs, _, _ = epochs_and_end(spec)
    weights = [report.numbers["train/kl_weight"] for report, _ in epochs]
    rates = [report.numbers["train/learning_rate"] for report, _ in epochs]
    assert weights == pytest.approx([0.55, 1.0, 1.0, 1.0, 0.55, 1.0])
    assert rates == pytest.approx([1e-3, 0.853553e-3, 0.5e-3, 0.146447e-3, 1e-3, 0.853553e-3], rel=1e-5)
    assert all(any(key.startswith("exp_avg/") for key in state.optimizer) for _, state in epochs), "Adam"


def test_the_cyclic_method_of_sgd_keeps_the_sweeps_training() -> None:
    training = TrainingSpec(epochs=3, batch_size=8, learning_rate=0.25)
    epochs, _, _ = epochs_and_end(
        tiny_trial("vae_cyclic_sgd", training=training).with_values({"cycle_epochs": 2.0})
    )
    assert [report.numbers["train/learning_rate"] for report, _ in epochs] == [0.25] * 3
    assert [report.numbers["train/kl_weight"] for report, _ in epochs] == pytest.approx([1.0, 1.0, 1.0])
    assert all(state.optimizer == {} for _, state in epochs)


def test_the_pace_of_full_batches_is_the_authors_ramp() -> None:
    """Their rule, step by step: w := min(1, w + (1 - start) / (epochs · sentences / batch size))."""
    weights: list[float] = []

    class Watched(Elbo):
        def __call__(
            self, model: Vae, batch: Batch, weight: float, noise: Tensor, generator: Generator | None
        ) -> Loss:
            weights.append(weight)
            return super().__call__(model, batch, weight, noise, generator)

    ramp = Linear(start=0.2, epochs=2, pace="full_batches")
    spec = PhaseSpec(
        name="vae", corpus_fingerprint="f", model=MODEL, objective=Watched(kl_weight=ramp),
        training=TrainingSpec(batch_size=8), selection="neg_elbo", seed=0,
    )  # fmt: skip
    model = Vae(VOCABULARY, MODEL)
    for epoch in range(3):
        train_epoch(spec, model, spec.training.build(model.parameters()), BATCHES, Counters(epoch=epoch))
    theirs, weight = [], 0.2
    for _ in weights:
        weight = min(1.0, weight + (1 - 0.2) / (2 * 40 / 8))
        theirs.append(weight)
    assert weights == pytest.approx(theirs)
    assert len(BATCHES) > 40 / 8, "remainders, so that the two paces differ"
    assert weights[2 * len(BATCHES) - 2] == 1.0, "it ends before the second epoch does"


def test_the_pretrained_iwae_keeps_the_autoencoders_encoder() -> None:
    still = TrainingSpec(learning_rate=1e-30, epochs=1, batch_size=8)
    epochs, _, end = epochs_and_end(tiny_trial("iwae_pretrain", pretraining=ADAM, training=still))
    autoencoder = epochs[-2][1].best
    kept = [name for name, tensor in end.best.items() if torch.equal(tensor, autoencoder[name])]
    assert kept == [name for name in end.best if name.startswith("encoder.")]
