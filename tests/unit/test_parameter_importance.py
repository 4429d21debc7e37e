"""Importances of a made-up sweep whose objectives are known functions of its cells."""

import random

import pytest

from vae_sweep.journal.records import CellRecord
from vae_sweep.search.parameter_importance import ParameterImportance, importances

OBJECTIVES = ("perplexity", "reconstruction")


def sweep(count: int) -> tuple[dict[int, CellRecord], dict[int, list[float]]]:
    """Perplexity is the learning rate's exponent alone, reconstruction that of the method and, under ours, λ."""
    dice = random.Random(0)
    cells, values = {}, {}
    for number in range(count):
        method = dice.choice(["ours", "vae"])
        drawn: dict[str, float] = {"training.learning_rate": 10 ** dice.uniform(-4, 0)}
        if method == "ours":
            drawn["target_rate"] = dice.choice([2, 4, 8])
        cells[number] = CellRecord(number, method, dict(drawn))
        exponent = len(str(int(1 / drawn["training.learning_rate"])))
        values[number] = [float(exponent), 20.0 if method == "vae" else 10.0 - drawn["target_rate"] / 4]
    return cells, values


@pytest.fixture(scope="module")
def found_importances() -> dict[tuple[str | None, str], ParameterImportance]:
    return {(one.row, one.objective): one for one in importances(*sweep(60), OBJECTIVES)}


def test_shares_are_given_over_all_and_within_rows_of_two_parameters(
    found_importances: dict[tuple[str | None, str], ParameterImportance],
) -> None:
    assert list(found_importances) == [(row, metric) for row in (None, "ours") for metric in OBJECTIVES]
    for one in found_importances.values():
        assert one.why == ""
        assert sum(one.shares.values()) == pytest.approx(1.0)
    assert found_importances[None, "perplexity"].cells == 60


def test_what_moves_an_objective_has_the_most(
    found_importances: dict[tuple[str | None, str], ParameterImportance],
) -> None:
    assert found_importances[None, "reconstruction"].shares["method"] > 0.9
    assert found_importances[None, "perplexity"].shares["method"] < 0.1
    assert found_importances["ours", "reconstruction"].shares["target_rate"] > 0.9
    assert found_importances["ours", "perplexity"].shares["training.learning_rate"] > 0.8


def test_equal_journals_give_equal_shares(
    found_importances: dict[tuple[str | None, str], ParameterImportance],
) -> None:
    cells, values = sweep(60)
    assert importances(cells, values, OBJECTIVES) == list(found_importances.values())


def test_only_the_order_of_numbers_counts() -> None:
    cells, values = sweep(30)
    squared = {
        number: CellRecord(number, cell.method, {name: value**2 for name, value in cell.values.items()})
        for number, cell in cells.items()
    }
    assert importances(squared, values, OBJECTIVES) == importances(cells, values, OBJECTIVES)


def test_few_cells_and_equal_ones_tell_nothing() -> None:
    cells, values = sweep(11)
    over_all = importances(cells, values, OBJECTIVES)[0]
    assert (over_all.shares, over_all.why) == ({}, "too few cells (11, from 12 on) to say")
    cells, values = sweep(20)
    assert {
        one.why for one in importances(cells, {key: [1.0, 2.0] for key in values}, OBJECTIVES) if one.row is None
    } == {"all 20 cells gave the same"}


def test_cells_that_did_not_end_are_left_out() -> None:
    cells, values = sweep(20)
    ended = {number: value for number, value in values.items() if number < 15}
    assert importances(cells, ended, OBJECTIVES)[0].cells == 15


def test_texts_and_truth_values_are_kinds_and_not_numbers() -> None:
    cells = {
        number: CellRecord(number, "ours", {"form": ("max", "mask")[number % 2], "flag": number % 3 == 0})
        for number in range(12)
    }
    values = {number: [float(number % 2), float(number % 3 == 0)] for number in cells}
    found = {one.objective: one.shares for one in importances(cells, values, OBJECTIVES) if one.row == "ours"}
    assert len(found) == len(importances(cells, values, OBJECTIVES)), "one method has nothing over all methods"
    assert found["perplexity"]["form"] > 0.9
    assert found["reconstruction"]["flag"] > 0.9
