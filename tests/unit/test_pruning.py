"""Successive halving on ranks of fronts, by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import LAW
from trainables.training.report import RungReport
from vae_sweep.config.search_spec import PruningSpec
from vae_sweep.search.pruning import AsyncSuccessiveHalving, RungStopper
from vae_sweep.statistics.front import dominates, ranks


def numbers(perplexity: float, reconstruction: float) -> dict[str, float | None]:
    return {"validation/perplexity": perplexity, "validation/reconstruction": reconstruction}


def halving(**changes: Any) -> AsyncSuccessiveHalving:
    return AsyncSuccessiveHalving(PruningSpec(rungs=(1,), **changes), ("perplexity", "reconstruction"))


def test_ranks_are_peeled_front_by_front() -> None:
    assert ranks([[1, 4], [2, 2], [4, 1], [2, 5], [3, 3], [9, 9]]) == [0, 0, 0, 1, 1, 2]
    assert ranks([]) == []


@LAW
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_law_who_dominates_has_the_lower_rank(points: list[tuple[int, int]]) -> None:
    found = ranks(points)
    assert all(found[i] < found[j] for i, a in enumerate(points) for j, b in enumerate(points) if dominates(a, b))


def test_nobody_is_pruned_before_enough_trials_were_seen() -> None:
    judge = halving(least=4)
    assert [judge.judge(k, 0, 1, numbers(10 + 5 * k, 10 + 5 * k)) for k in range(3)] == [None] * 3
    reason = judge.judge(3, 0, 1, numbers(25, 25))
    assert reason is not None
    assert "perplexity 25.00, reconstruction 25.00; 3 of the 4 cells seen there" in reason


def test_a_trial_on_the_front_goes_on_however_many_there_are() -> None:
    judge = halving(least=2)
    for k in range(6):
        assert judge.judge(k, 0, 1, numbers(10 + k, 20 - k)) is None


def test_a_trial_behind_by_less_than_the_margin_goes_on() -> None:
    for value, pruned in ((10.15, False), (10.4, True)):
        judge = halving(least=2, margin=0.02)
        judge.note(0, 0, 1, numbers(10, 10))
        judge.note(1, 0, 1, numbers(10.1, 10.1))
        assert (judge.judge(2, 0, 1, numbers(value, value)) is not None) is pruned


def test_a_cell_is_judged_by_the_mean_of_its_seeds() -> None:
    for second, pruned in ((6, False), (20, True)):
        judge = halving(least=2)
        judge.note(0, 0, 1, numbers(10, 10))
        judge.note(1, 0, 1, numbers(12, 12))
        assert (judge.judge(1, 1, 1, numbers(second, second)) is not None) is pruned


def test_a_seed_that_a_race_gave_is_not_pruned() -> None:
    stopper = RungStopper(halving(least=2), (0,))
    stopper("r0", result(0, 1))
    assert stopper("r1", result(1, 2, seed=1)) is False
    assert stopper("r2", result(1, 2, seed=0)) is True


def test_a_cell_whose_likelihood_is_not_known_is_not_pruned_and_prunes_none() -> None:
    judge = halving(least=2)
    judge.note(0, 0, 1, numbers(10, 10))
    assert judge.judge(1, 0, 1, numbers(20, 20) | {"validation/pareto_k_bad": 0.51}) is None
    assert judge.judge(2, 0, 1, numbers(20, 20) | {"validation/pareto_k_bad": 0.5}) is not None
    alone = halving(least=2)
    alone.note(0, 0, 1, numbers(10, 10) | {"validation/pareto_k_bad": 0.9})
    assert alone.judge(1, 0, 1, numbers(20, 20)) is None, "it is the only cell that is known"
    assert alone.judge(2, 0, 1, numbers(21, 21)) is not None


def test_where_no_likelihood_is_an_objective_none_needs_to_be_known() -> None:
    judge = AsyncSuccessiveHalving(PruningSpec(rungs=(1,), least=2), ("reconstruction",))
    bad = {"validation/pareto_k_bad": 0.9}
    judge.note(0, 0, 1, numbers(10, 10) | bad)
    assert judge.judge(1, 0, 1, numbers(20, 20) | bad) is not None


def test_rungs_are_judged_apart_and_a_cell_measured_again_counts_once() -> None:
    judge = halving(least=2)
    judge.note(0, 0, 1, numbers(1, 1))
    assert judge.judge(1, 0, 2, numbers(9, 9)) is None
    for _ in range(3):
        judge.note(1, 0, 2, numbers(9, 9))
    assert judge.judge(1, 0, 2, numbers(9, 9)) is None


def test_the_elbo_is_never_what_a_trial_is_judged_by() -> None:
    judge = AsyncSuccessiveHalving(PruningSpec(rungs=(1,), least=2), ("neg_elbo",))
    judge.note(0, 0, 1, {"validation/nll": 1.0})
    assert judge.judge(1, 0, 1, {"validation/neg_elbo": 9.0}) is None
    assert "nll 9.00" in (judge.judge(1, 0, 1, {"validation/nll": 9.0, "validation/neg_elbo": 0.0}) or "")


def result(cell: int, value: float, collapsed: str | None = None, seed: int = 0) -> dict[str, Any]:
    found = {key: number for key, number in numbers(value, value).items() if number is not None}
    report = RungReport(epoch=3, numbers=found, collapsed=collapsed)
    return {"kind": "rung", "identity": {"cell": cell, "seed": seed}, "report": report.model_dump_json()}


def test_the_stopper_ends_a_trial_and_leaves_the_reason_in_its_result() -> None:
    stopper = RungStopper(halving(least=2), (0, 1))
    assert stopper("r0", result(0, 1)) is False
    behind = result(1, 2)
    assert stopper("r1", behind) is True
    assert "1 of the 2 cells" in behind["pruned"]
    assert stopper("r2", {"kind": "epoch"}) is False


def test_a_collapsed_trial_is_left_to_end_by_itself() -> None:
    stopper = RungStopper(halving(least=2), (0, 1))
    stopper("r0", result(0, 1))
    ending = result(1, 2, collapsed="the decoder ignores z")
    assert stopper("r1", ending) is False
    assert "pruned" not in ending


def test_a_grid_is_never_pruned() -> None:
    from pydantic import ValidationError

    from vae_sweep.config.search_spec import SearchSpec

    with pytest.raises(ValidationError, match="a collapsed or weak method is a result"):
        SearchSpec.model_validate({"kind": "grid", "pruning": {"rungs": [1]}})
