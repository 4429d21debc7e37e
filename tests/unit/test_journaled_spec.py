"""Specs as journals have them: whole, of another version, or hardly any."""

from pathlib import Path

import pytest

from tests.handmade import spec_in
from trainables.measure.spec import EvaluationSpec
from vae_sweep.journal.journaled_spec import JournaledSpec


def test_a_spec_of_this_version_is_read_whole(tmp_path: Path) -> None:
    trial = spec_in(tmp_path).trial("ours", {"target_rate": 3.0}, 1, "f00d")
    found = JournaledSpec(trial.model_dump(mode="json"))
    assert found.trial == trial
    assert (found.target_rate, found.latent_size, found.fingerprint) == (3.0, trial.model.latent_size, "f00d")
    assert found.evaluation_key == trial.evaluation.key()


def test_of_another_versions_spec_what_it_says_is_read(tmp_path: Path) -> None:
    plain = spec_in(tmp_path).trial("ours", {"target_rate": 3.0}, 1, "f00d").model_dump(mode="json")
    found = JournaledSpec(plain | {"of_a_later_version": 1})
    assert found.trial is None
    assert (found.target_rate, found.fingerprint) == (3.0, "f00d")


@pytest.mark.parametrize(
    "plain", [{}, {"method": None, "model": 3, "evaluation": None}, {"method": {"objective": []}}]
)
def test_what_a_spec_does_not_say_is_none(plain: dict[str, object]) -> None:
    found = JournaledSpec(plain)
    assert (found.trial, found.target_rate, found.latent_size, found.fingerprint) == (None, None, None, None)
    assert found.evaluation == EvaluationSpec().model_dump(mode="json")
