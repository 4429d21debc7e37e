"""Fronts and hypervolumes over seeds by hand, and how often their intervals hold the truth."""

import random

import pytest

from vae_sweep.statistics.hypervolume import hypervolume
from vae_sweep.statistics.intervals import Interval
from vae_sweep.statistics.replicates import (
    Replicates,
    front_counts,
    front_hypervolume,
    hypervolume_difference,
    means,
    reference_point,
    single_seeds,
)

ONE = {0: {0: [1.0, 3.0], 1: [1.0, 1.0]}, 1: {0: [3.0, 1.0], 1: [3.0, 3.0]}}
T2 = 12.706204736  # Student's t at 1 degree of freedom


def test_means_and_reference() -> None:
    assert means(ONE) == {0: [1.0, 2.0], 1: [3.0, 2.0]}
    assert reference_point([(1.0, 20.0), (3.0, 10.0)]) == pytest.approx((3.2, 21.0))
    assert reference_point([(1.0, 2.0)]) == (1.0, 2.0)
    assert reference_point([]) == ()


def test_each_seed_has_a_front_of_its_own() -> None:
    """Both stand on that of seed 0; on that of seed 1 only cell 0. Cell 2 has no seed 1."""
    assert front_counts({**ONE, 2: {0: [4.0, 4.0]}}) == {0: (2, 2), 1: (1, 2), 2: (0, 1)}
    assert single_seeds({**ONE, 2: {0: [4.0, 4.0]}}) == [2]
    assert single_seeds({0: {0: [1.0]}, 1: {0: [2.0]}}) == []


def test_a_hypervolume_with_its_interval() -> None:
    """Means give 3 · 2; without seed 0 (1, 1) gives 3 · 3, without seed 1 two points give 3 + 2."""
    found = front_hypervolume(ONE, (4.0, 4.0))
    assert (found.mean, found.count) == (6.0, 2)
    assert found.half_width == pytest.approx(T2 * (0.5 * 2 * 2.0**2) ** 0.5)
    assert front_hypervolume({0: {3: [1.0, 1.0]}}, (4.0, 4.0)) == Interval(9.0, None, 1)


def test_a_cell_of_one_seed_is_not_lost_with_it() -> None:
    """The best cell has seed 0 only, whose absence would take all of the volume away."""
    cells = {0: {0: [1.0, 1.0]}, 1: {0: [3.0, 3.0], 1: [3.0, 3.0]}}
    assert front_hypervolume(cells, (4.0, 4.0)) == Interval(9.0, 0.0, 2)


def test_one_objective_has_the_interval_of_its_mean() -> None:
    """The volume of one cell is linear in its mean: the jackknife is then Student's interval."""
    found = front_hypervolume({0: {0: [1.0], 1: [2.0], 2: [3.0]}}, (10.0,))
    assert (found.mean, found.half_width) == (8.0, pytest.approx(4.302653 / 3**0.5, rel=1e-6))


def test_what_seeds_share_cancels_in_a_difference() -> None:
    ours = {cell: {seed: [x, y - 0.5] for seed, (x, y) in seeds.items()} for cell, seeds in {0: ONE[0]}.items()}
    theirs = {0: ONE[0]}
    found = hypervolume_difference(ours, theirs, (4.0, 4.0))
    assert (found.mean, found.half_width, found.count) == (1.5, pytest.approx(0.0, abs=1e-12), 2)
    other = {0: {seed + 10: point for seed, point in ONE[0].items()}}
    apart = hypervolume_difference(other, theirs, (4.0, 4.0))
    assert (apart.mean, apart.half_width) == (0.0, pytest.approx(2**0.5 * T2 * 3.0))
    assert hypervolume_difference({0: {5: [1.0, 1.0]}}, theirs, (4.0, 4.0)).half_width is None


def test_no_interval_of_a_hypervolume_is_narrower_than_sampling_alone() -> None:
    """(1, 3) and (3, 1) up to (4, 4) give 3 + 2. 0.1 less of the first number of (1, 3) adds 0.1 of height 1, of
    its second 0.1 of width 2, the rest lies behind (3, 1); of the first of (3, 1) 0.1 of height 2."""
    cells = {0: {seed: [1.0, 3.0] for seed in (0, 1)}, 1: {seed: [3.0, 1.0] for seed in (0, 1)}}
    assert front_hypervolume(cells, (4.0, 4.0)).half_width == 0.0
    errors = {0: [0.1, 0.1], 1: [0.1, 0.0]}
    moves = (0.1, 0.2, 0.2)
    expected = 1.959964 * sum(move**2 for move in moves) ** 0.5
    assert front_hypervolume(cells, (4.0, 4.0), errors).half_width == pytest.approx(expected, rel=1e-6)
    both = hypervolume_difference(cells, cells, (4.0, 4.0), (errors, errors))
    assert both == Interval(0.0, pytest.approx(2**0.5 * expected, rel=1e-6), 2)
    one = {0: {0: [1.0, 3.0]}, 1: {0: [3.0, 1.0]}}
    assert front_hypervolume(one, (4.0, 4.0), errors) == Interval(5.0, None, 1)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_intervals_hold_the_truth(seeds: int) -> None:
    """Ten crowded cells under noise, half of it shared by a seed: 19 of 20 intervals should, 17 of 20 must."""
    front = [(1 + place / 5, 3 - place / 5) for place in range(10)]
    truth, dice, held = hypervolume(front, (5, 5)), random.Random(0), 0
    for _ in range(100):
        shared = [[dice.gauss(0, 0.2) for _ in range(2)] for _ in range(seeds)]
        cells: Replicates = {
            cell: {
                seed: [x + dice.gauss(0, 0.2) + shared[seed][axis] for axis, x in enumerate(point)]
                for seed in range(seeds)
            }
            for cell, point in enumerate(front)
        }
        found = front_hypervolume(cells, (5, 5))
        assert found.half_width is not None
        held += abs(found.mean - truth) <= found.half_width
    assert held >= 85
