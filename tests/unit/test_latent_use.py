"""Whether z is used, and whether the KL holds at its target rate, in words with their numbers."""

from pathlib import Path
from typing import Any

import pytest

from tests.journal_writer import Scribe, small_sweep
from tests.unit.test_explain import END, PLATEAU, ours, said


def vae_epochs(
    scribe: Scribe,
    trial: str,
    units: list[int],
    weights: list[float],
    kl: float = 2.0,
    information: float = 0.0625,
) -> None:
    for number, (unit, weight) in enumerate(zip(units, weights, strict=True)):
        scribe.epoch(
            trial, "vae", number, kl=kl, active_units=unit, mutual_information=information, kl_weight=weight
        )


def test_a_collapse_is_said_with_the_epoch_at_which_it_came(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path, small_sweep(training=PLATEAU))
    trial = ours(scribe)
    vae_epochs(scribe, trial, [3, 2, 0, 0], [0.25, 0.5, 0.75, 1.0])
    numbers = END | {"validation/active_units": 0, "validation/mutual_information": 0.0625}
    scribe.final(trial, "collapsed", numbers=numbers, reason="no unit of 3 is active on validation")
    text = said(scribe.folder, trial)
    assert text["z"].splitlines()[:3] == [
        "best weights, validation: AU 0 of 3, KL 2.000 nats, MI 0.062 nats",
        "AU = 0 after annealing, at KL weight 1: the decoder ignores z",
        "AU fell to 0 at epoch 2, at KL weight 0.75, and stayed there; at epoch 1 it was 2",
    ]
    assert "the same code for every sentence" in text["z"]
    assert "an outcome and not an error" in text["why"]
    assert "journaled reason: no unit of 3 is active on validation" in text["why"]


@pytest.mark.parametrize(
    ("units", "weights", "verdict"),
    [
        ([3, 2], [0.1, 0.2], "z is used: 2 active units"),
        ([3, 0], [0.1, 0.2], "at KL weight 0.2: the annealing is not over, so this is no verdict on z"),
        ([3, 0], [0.5, 1.0], "AU = 0 so far, at KL weight 1: the decoder ignores z"),
    ],
)
def test_a_running_trial_gets_no_verdict_before_its_annealing_is_over(
    tmp_path: Path, units: list[int], weights: list[float], verdict: str
) -> None:
    scribe = Scribe(tmp_path, small_sweep(training=PLATEAU))
    trial = ours(scribe)
    vae_epochs(scribe, trial, units, weights)
    assert verdict in said(scribe.folder, trial)["z"]


def test_numbers_that_disagree_are_no_verdict(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path, small_sweep(training=PLATEAU))
    trial = ours(scribe)
    vae_epochs(scribe, trial, [0], [1.0], information=0.25)
    assert "MI and KL are not both those of an unused code" in said(scribe.folder, trial)["z"]


@pytest.mark.parametrize(
    ("kl", "verdict"),
    [
        (2.1, "2.100 of 2 nats (1.05 λ), held, within 10%"),
        (3.0, "3.000 of 2 nats (1.50 λ), above λ: free bits change nothing"),
        (1.5, "1.500 of 2 nats (0.75 λ), below λ: less than is free"),
        (0.5, "less than is free, so z carries little"),
    ],
)
def test_the_kl_is_held_against_the_target_rate(tmp_path: Path, kl: float, verdict: str) -> None:
    scribe = Scribe(tmp_path)
    trial = ours(scribe)
    vae_epochs(scribe, trial, [3], [1.0], kl)
    text = said(scribe.folder, trial)["z"]
    assert verdict in text
    assert "each unit has λ/n_z = 0.6667" in text


def test_rows_without_z_or_without_a_weight_on_it_get_no_verdict(tmp_path: Path) -> None:
    rows: dict[str, Any] = {"lstm_lm": {}, "ae": {}}
    scribe = Scribe(tmp_path, small_sweep(methods=rows))
    scribe.launch()
    for number, method in enumerate(rows):
        scribe.cell(number, method)
        scribe.start(number, method)
    scribe.epoch("0001-ae-s0", "pretrain", 0, active_units=0, kl=0.0, kl_weight=0.0)
    assert said(scribe.folder, "0000")["z"] == "the method is a language model without z"
    assert "nothing draws it to collapse" in said(scribe.folder, "0001")["z"]
