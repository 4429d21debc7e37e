"""Front filling, by hand: where the widest gap is, and what it is worth for its price."""

from typing import Any

import pytest

from tests.search_bench import sweep
from vae_sweep.search.front_filling import propose
from vae_sweep.search.state import EvaluatedCell

RANGE = {"ours": {"target_rate": {"float": [2, 10]}}}


def spec(methods: dict[str, Any]) -> Any:
    return sweep(methods, kind="fill", trials=9)


def known(*rows: tuple[str, float, float, float]) -> list[EvaluatedCell]:
    return [EvaluatedCell(method, {"target_rate": rate}, (ppl, recon)) for method, rate, ppl, recon in rows]


def flat(method: str, values: Any) -> float:
    return 1.0


def test_an_unknown_row_opens_with_the_ends_of_its_range() -> None:
    first = propose(spec(RANGE), [], [], flat)
    assert first is not None
    assert first.values == {"target_rate": 2.0}
    second = propose(spec(RANGE), [], [("ours", {"target_rate": 2.0})], flat)
    assert second is not None
    assert second.values == {"target_rate": 10.0}
    assert propose(spec(RANGE), [], [("ours", {"target_rate": rate}) for rate in (2.0, 10.0)], flat) is None


def test_the_next_cell_lies_in_the_middle_of_the_widest_gap() -> None:
    cells = known(("ours", 2, 10, 50), ("ours", 4, 11, 40), ("ours", 10, 20, 20))
    found = propose(spec(RANGE), cells, [], flat)
    assert found is not None
    assert found.values == {"target_rate": 7.0}
    assert found.objectives == (15.5, 30.0)


def test_a_guess_lies_on_the_line_between_its_neighbours_on_the_scale_of_the_range() -> None:
    methods = {"ours": {"target_rate": {"log": [1, 16]}}}
    cells = [
        EvaluatedCell("ours", {"target_rate": rate}, values)
        for rate, values in ((1.0, (10, 30)), (16.0, (20, 10)))
    ]
    found = propose(spec(methods), cells, [], flat)
    assert found is not None
    assert found.values["target_rate"] == pytest.approx(4.0)
    assert found.objectives == pytest.approx((15.0, 20.0))


def test_a_whole_number_stays_one_and_neighbours_leave_nothing_between() -> None:
    methods = {"ours": {"target_rate": {"int": [2, 5]}}}
    cells = known(("ours", 2, 10, 50), ("ours", 5, 20, 20))
    found = propose(spec(methods), cells, [], flat)
    assert found is not None
    assert found.values in ({"target_rate": 3}, {"target_rate": 4})
    every = known(("ours", 2, 10, 50), ("ours", 3, 11, 45), ("ours", 4, 15, 35), ("ours", 5, 20, 20))
    assert propose(spec(methods), every, [], flat) is None


def test_the_same_gain_goes_to_who_has_its_pretraining_paid() -> None:
    methods = RANGE | {"vae_fb": {"target_rate": {"float": [2, 10]}}}
    cells = known(("ours", 2, 10, 50), ("ours", 10, 20, 20), ("vae_fb", 2, 10, 50), ("vae_fb", 10, 20, 20))
    for cheap in ("ours", "vae_fb"):
        price = lambda method, values, cheap=cheap: 1.0 if method == cheap else 2.0  # noqa: E731
        found = propose(spec(methods), cells, [], price)
        assert found is not None
        assert found.method == cheap


def test_a_row_behind_the_front_gains_nothing_and_waits() -> None:
    methods = RANGE | {"vae_fb": {"target_rate": {"float": [2, 10]}}}
    cells = known(("ours", 2, 10, 50), ("ours", 10, 20, 20), ("vae_fb", 2, 30, 80), ("vae_fb", 10, 40, 60))
    found = propose(spec(methods), cells, [], flat)
    assert found is not None
    assert found.method == "ours"


def test_each_combination_of_the_other_values_is_filled_by_itself() -> None:
    methods = {"ours": {"target_rate": {"float": [2, 10]}, "anneal_epochs": {"choice": [1.0, 2.0]}}}
    cells = [
        EvaluatedCell("ours", {"target_rate": rate, "anneal_epochs": 1.0}, values)
        for rate, values in ((2.0, (10, 50)), (10.0, (20, 20)))
    ]
    found = propose(spec(methods), cells, [], flat)
    assert found is not None
    assert found.values == {"target_rate": 2.0, "anneal_epochs": 2.0}


def test_two_ranges_in_a_row_are_refused_with_the_way_out() -> None:
    rows = {"ours": {"target_rate": {"float": [2, 10]}, "training.learning_rate": {"log": [0.001, 0.1]}}}
    with pytest.raises(ValueError, match="fill looks along one range a method, not target_rate and training"):
        spec(rows)


def test_one_objective_has_no_front_to_fill() -> None:
    with pytest.raises(ValueError, match="two objectives at least"):
        sweep(RANGE, kind="fill", trials=3, objectives=["perplexity"])
