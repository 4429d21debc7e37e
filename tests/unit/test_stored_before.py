"""What commit 0964958 trained is read: its keys, states, weights and pretrainings are found under today's code."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers import NOWHERE
from tests.stored.sweeps import STORED, TRIALS, V0964958, stored_sweep
from trainables.base import StateError
from trainables.former_keys import read_stored
from trainables.outputs import load_model, read_trial_spec
from trainables.ray_trainable import score_weights
from trainables.spec import TrialSpec, with_value
from trainables.text.corpus import load_corpus
from trainables.text_vae import load_text_vae
from trainables.training.state import load_state
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.stored_spec import existing_spec
from vae_sweep.storage.pretraining_entry import Manifest

VERSION = 3
"""Of the trainer at 0964958."""

FINAL = {trial: next((STORED / "ray" / "attempt-1" / trial).glob("*/trial.json")).parent for trial in TRIALS}
MIDWAY = STORED / "ray" / "attempt-1" / "0002-ours-s0" / "checkpoint_000003"
"""The state of a trial of `ours` after its first VAE epoch."""


@pytest.mark.parametrize("trial", TRIALS)
def test_weights_are_read_and_are_what_was_measured(trial: str, tmp_path: Path) -> None:
    record = read_sweep(stored_sweep(tmp_path) / "journal.jsonl").trials[trial]
    assert record.final is not None
    found = score_weights(record.spec.plain, str(NOWHERE), str(record.final.checkpoint), 1, ("validation", "test"))
    for key, value in {**record.final.numbers, **record.scored}.items():
        if key.endswith(("/neg_elbo", "/reconstruction", "/kl", "/tokens", "/active_units")):
            assert found[key] == pytest.approx(value, rel=1e-5, abs=1e-6), key


@pytest.mark.parametrize("trial", TRIALS)
def test_the_keys_are_those_that_were_written(trial: str) -> None:
    spec = read_trial_spec(FINAL[trial])
    assert spec.key(VERSION) in spec.weight_keys()
    load_model(FINAL[trial], spec, load_text_vae(FINAL[trial]).vocabulary)


def test_a_state_has_the_key_that_was_written() -> None:
    key = read_trial_spec(FINAL["0002-ours-s0"]).key(VERSION)
    assert json.loads((MIDWAY / "state.json").read_text())["trial_key"] == key
    assert load_state(MIDWAY, key).counters.phase == 1


def test_the_pretraining_has_the_key_that_was_written() -> None:
    [entry] = (V0964958 / "pretrained").glob("*/entry.json")
    stored = read_stored(Manifest, entry.read_bytes())
    assert stored.phase_key == stored.phase.key(VERSION)
    assert stored.phase.key(VERSION) == read_trial_spec(FINAL["0002-ours-s0"]).phases()[0].key(VERSION)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", 1),
        ("model.decoder_size", 6),
        ("training.epochs", 3),
        ("evaluation.search_samples", 21),
        ("method.objective.kl.target_rate", 3.0),
    ],
)
def test_weights_of_another_trial_are_refused(path: str, value: Any) -> None:
    place = FINAL["0002-ours-s0"]
    plain = with_value(read_trial_spec(place).model_dump(mode="json"), path, value)
    with pytest.raises(StateError, match="weights of another trial"):
        load_model(place, TrialSpec.model_validate(plain), load_text_vae(place).vocabulary)


def test_the_sweep_is_read_whole(tmp_path: Path) -> None:
    folder = stored_sweep(tmp_path)
    spec, record = existing_spec(folder), read_sweep(folder / "journal.jsonl")
    assert record.ended == "complete"
    assert tuple(record.trials) == TRIALS
    for trial in record.trials.values():
        found = spec.trial(trial.method, trial.values, trial.seed, str(trial.spec.fingerprint))
        assert trial.spec.trial is not None
        assert found.key() == trial.spec.trial.key(), "a resume trains nothing anew"
        assert [score.evaluation for score in trial.scores] == [None, None]


def test_its_corpus_is_the_same_today() -> None:
    spec = read_trial_spec(FINAL["0001-vae_fbp-s0"])
    assert load_corpus(spec.corpus, NOWHERE).fingerprint == spec.corpus_fingerprint
    assert torch.isfinite(load_text_vae(FINAL["0001-vae_fbp-s0"]).encode(["a man sits"])).all()
