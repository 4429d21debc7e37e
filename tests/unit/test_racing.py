"""Racing, by hand: who contends for the front, and who gets the next seed."""

from hypothesis import given
from hypothesis import strategies as st

from vae_sweep.search.racing import contenders, next_seed
from vae_sweep.statistics.front import on_front

SEEDS = (0, 1, 2)


def test_with_one_seed_each_only_the_front_contends() -> None:
    values = {0: {0: [10.0, 5.0]}, 1: {0: [9.0, 6.0]}, 2: {0: [10.1, 5.1]}}
    assert contenders(values, {}) == [0, 1]


def test_a_cell_behind_within_the_scatter_of_seeds_contends_and_one_far_behind_does_not() -> None:
    values = {
        0: {0: [10.0, 5.0], 1: [10.4, 5.4]},
        1: {0: [10.3, 5.3]},
        2: {0: [13.0, 8.0]},
    }
    assert contenders(values, {}) == [0, 1]


def test_the_bound_is_the_pooled_deviation_times_students_quantile() -> None:
    # one pair of seeds 1 apart: sigma^2 = 0.5 with one degree of freedom, whose t(0.95) is 6.3138
    width = 6.313751514675043 * 0.5**0.5 * 1.5**0.5
    for excess, stays in ((-0.001, True), (0.001, False)):
        behind = [10.5 + width + excess]
        assert (1 in contenders({0: {0: [10.0], 1: [11.0]}, 1: {0: behind}}, {})) is stays


def test_better_in_one_objective_is_enough_to_contend() -> None:
    values = {0: {0: [10.0, 5.0], 1: [10.0, 5.0]}, 1: {0: [99.0, 4.9]}}
    assert contenders(values, {}) == [0, 1]


def test_with_one_seed_each_a_cell_contends_that_sampling_does_not_tell_from_the_front() -> None:
    # one-sided 95 %: 1.6449 * sqrt(0.3^2 + 0.4^2) = 0.8224 of the first objective; the second is not sampled
    errors = {0: [0.3, 0.0], 1: [0.4, 0.0]}
    for behind, stays in ((10.82, True), (10.83, False)):
        values = {0: {0: [10.0, 5.0]}, 1: {0: [behind, 5.0]}}
        assert (1 in contenders(values, errors)) is stays


def test_seeds_that_agree_by_chance_tell_no_more_than_sampling() -> None:
    values = {0: {0: [10.0], 1: [10.0]}, 1: {0: [10.5], 1: [10.5]}}
    assert contenders(values, {}) == [0]
    assert contenders(values, {0: [0.3], 1: [0.4]}) == [0, 1]


def test_seeds_go_in_order_to_those_that_have_the_fewest() -> None:
    values = {0: {0: [10.0, 5.0], 1: [10.2, 5.2]}, 1: {0: [9.0, 6.0]}, 2: {0: [50.0, 50.0]}}
    assert next_seed(SEEDS, values, {}, []) == (1, 1)
    assert next_seed(SEEDS, values, {}, [(1, 1)]) == (0, 2)
    assert next_seed(SEEDS, values, {}, [(1, 1), (0, 2)]) is None


def test_who_has_all_seeds_gets_none() -> None:
    assert next_seed(SEEDS, {0: {0: [1.0], 1: [1.0], 2: [1.0]}}, {}, []) is None
    assert next_seed(SEEDS, {}, {}, []) is None


numbers = st.floats(1, 100)
tables = st.dictionaries(
    st.integers(0, 9),
    st.dictionaries(st.integers(0, 2), st.tuples(numbers, numbers), min_size=1),
    min_size=1,
)


@given(tables)
def test_law_the_front_always_contends(values: dict[int, dict[int, tuple[float, float]]]) -> None:
    means = {
        cell: [sum(column) / len(column) for column in zip(*rows.values(), strict=True)]
        for cell, rows in values.items()
    }
    front = {cell for cell, flag in zip(means, on_front(list(means.values())), strict=True) if flag}
    assert front <= set(contenders(values, {}))
