"""A key names a result: it changes with all that the result depends on, and with nothing else."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers import tiny_trial
from trainables.methods import METHODS
from trainables.spec import TrialSpec, with_value
from trainables.text.spec import CorpusSpec
from trainables.training.spec import READ_VERSIONS, VERSION, PhaseSpec

OTHER: dict[str, Any] = {
    "name": "pretrain",
    "corpus_fingerprint": "f" * 64,
    "model.embedding_size": 99,
    "model.encoder_size": 99,
    "model.decoder_size": 99,
    "model.latent_size": 99,
    "model.input_dropout": 0.11,
    "model.output_dropout": 0.11,
    "model.initialisation": "paper",
    "model.precision": "bfloat16",
    "objective.kl_weight.start": 0.5,
    "objective.kl_weight.epochs": 3.0,
    "objective.kl_weight.pace": "full_batches",
    "objective.kl.target_rate": 3.0,
    "objective.kl.form": "mask",
    "objective.kl.per": "batch",
    "training.optimizer": "adam",
    "training.learning_rate": 0.11,
    "training.schedule.patience": 9,
    "training.schedule.first_decay_epoch": 9,
    "training.schedule.decays": 9,
    "training.schedule.factor": 0.11,
    "training.schedule.first_reference": 1e4,
    "training.epochs": 9,
    "training.batch_size": 9,
    "training.clip": 1.5,
    "selection": "reconstruction",
    "seed": 99,
}


KINDS = {
    "objective.kind", "objective.kl_weight.kind", "objective.kl.kind", "training.schedule.kind", "updates.kind",
}  # fmt: skip


PRETRAINING_SEES = {"seed", "corpus_fingerprint", "model", "pretraining"}


def leaves(plain: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, value in plain.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{above}{name}.")
        else:
            yield above + name


def changed(trial: TrialSpec, path: str, value: Any) -> TrialSpec:
    return TrialSpec.model_validate(with_value(trial.model_dump(mode="json"), path, value))


def phase() -> PhaseSpec:
    return tiny_trial("ours").phases()[1]


def test_every_field_of_a_phase_is_tested() -> None:
    assert set(leaves(phase().model_dump(mode="json"))) == set(OTHER) | KINDS


@pytest.mark.parametrize("path", OTHER)
def test_every_field_of_a_phase_changes_its_key(path: str) -> None:
    other = PhaseSpec.model_validate(with_value(phase().model_dump(mode="json"), path, OTHER[path]))
    assert other != phase()
    assert other.key() != phase().key()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("objective.kl_weight", {"kind": "constant"}),
        ("objective.kl", {"kind": "plain"}),
        ("objective.kl", {"kind": "free_bits_total"}),
        ("objective", {"kind": "iwae"}),
        ("objective.kl_weight", {"kind": "cyclic"}),
        ("training.schedule", {"kind": "linear_decay"}),
        ("training.schedule", {"kind": "cosine_restarts"}),
        ("updates", {"kind": "aggressive"}),
    ],
)
def test_another_kind_changes_the_key(path: str, value: Any) -> None:
    other = PhaseSpec.model_validate(with_value(phase().model_dump(mode="json"), path, value))
    assert other.key() != phase().key()


def test_the_version_changes_the_key() -> None:
    assert phase().key(VERSION) == phase().key()
    assert phase().key(VERSION + 1) != phase().key()


def test_weights_are_read_under_the_keys_of_earlier_versions() -> None:
    trial = tiny_trial("ours")
    assert trial.key() == trial.weight_keys()[-1] == trial.key(VERSION)
    assert len(set(trial.weight_keys())) == len(READ_VERSIONS)
    assert trial.key(VERSION - 1) != trial.key()


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"final": "none"}, True),
        ({"search_samples": 99}, False),
        ({"search_error": None}, False),
        ({"search_sentences": 9}, False),
        ({"final_samples": 99}, False),
        ({"final_effort": 99}, False),
        ({"final_error": None}, False),
        ({"final_sentences": 9}, False),
        ({"activity_boundary": "at_least"}, False),
    ],
)
def test_the_key_of_an_evaluation_sees_all_but_who_gets_the_test_split(change: dict[str, Any], same: bool) -> None:
    one = tiny_trial().evaluation
    assert (one.model_copy(update=change).key() == one.key()) == same


def test_equal_specs_have_equal_keys() -> None:
    assert phase().key() == phase().key()
    whole, fraction = ({"objective.kl.target_rate": rate} for rate in (8, 8.0))
    keys = {
        PhaseSpec.model_validate(with_value(phase().model_dump(mode="json"), path, value)).key()
        for change in (whole, fraction)
        for path, value in change.items()
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", 99),
        ("corpus_fingerprint", "f" * 64),
        ("model.latent_size", 99),
        ("pretraining.epochs", 99),
        ("pretraining.learning_rate", 0.11),
        ("method.objective.kl.target_rate", 3.0),
        ("method.objective.kl.form", "mask"),
        ("method.objective.kl.per", "batch"),
        ("method.objective.kl_weight.epochs", 3.0),
        ("method.title", "another title"),
        ("training.epochs", 99),
        ("training.schedule.patience", 9),
        ("evaluation.search_samples", 99),
        ("evaluation.final", "none"),
        ("corpus.limit.train", 99),
    ],
)
def test_the_pretraining_sees_what_it_depends_on_and_nothing_else(path: str, value: Any) -> None:
    trial = tiny_trial("ours")
    other = changed(trial, path, value)
    assert other != trial
    same = other.phases()[0].key() == trial.phases()[0].key()
    assert same == (path.split(".")[0] not in PRETRAINING_SEES)


def test_all_rows_with_one_seed_share_one_autoencoder() -> None:
    pretrained = [name for name, method in METHODS.items() if method.pretrain]
    assert pretrained == ["vae_pretrain", "vae_pretrain_anneal", "iwae_pretrain", "ours"]
    autoencoder = tiny_trial("ae").phases()
    assert len(autoencoder) == 1
    assert {tiny_trial(name).phases()[0].key() for name in pretrained} == {autoencoder[0].key()}
    assert tiny_trial("ae", seed=4).phases()[0].key() != autoencoder[0].key()


def test_rows_differ_in_the_keys_of_their_trials() -> None:
    assert len({tiny_trial(name).key() for name in METHODS}) == len(METHODS)


@pytest.mark.parametrize(
    ("path", "value", "same"),
    [
        ("seed", 99, False),
        ("training.epochs", 99, False),
        ("pretraining.epochs", 99, False),
        ("method.objective.kl.target_rate", 3.0, False),
        ("evaluation.search_samples", 99, False),
        ("evaluation.search_sentences", 5, False),
        ("method.title", "another title", True),
    ],
)
def test_the_key_of_a_trial(path: str, value: Any, same: bool) -> None:
    trial = tiny_trial("ours")
    assert (changed(trial, path, value).key() == trial.key()) == same


def test_a_method_without_pretraining_does_not_depend_on_its_training() -> None:
    trial = tiny_trial("vae")
    assert changed(trial, "pretraining.epochs", 99).key() == trial.key()


def test_a_language_model_does_not_depend_on_the_encoder() -> None:
    trial = tiny_trial("lstm_lm")
    for path in ("model.latent_size", "model.encoder_size"):
        assert changed(trial, path, 99).key() == trial.key()
    assert changed(trial, "model.decoder_size", 99).key() != trial.key()


def test_a_method_that_brings_its_training_depends_on_the_rest_of_the_sweeps() -> None:
    trial = tiny_trial("vae_cyclic")
    assert changed(trial, "training.learning_rate", 0.11).key() == trial.key()
    assert changed(trial, "training.batch_size", 99).key() != trial.key()
    assert trial.with_values({"cycle_epochs": 4.0}).key() != trial.key()


def test_the_place_of_a_corpus_does_not_matter_but_its_content() -> None:
    trial = tiny_trial("ours")
    moved = trial.model_copy(update={"corpus": CorpusSpec(path="/elsewhere")})
    assert moved.key() == trial.key()


def test_reading_a_spec_needs_no_heavy_library() -> None:
    program = "import sys, trainables.spec; print(sorted({'torch', 'ray', 'optuna', 'mlflow'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
