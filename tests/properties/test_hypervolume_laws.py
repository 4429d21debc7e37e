"""What holds for every hypervolume, and Optuna's own beside ours."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna._hypervolume import compute_hypervolume

from tests.helpers import LAW
from vae_sweep.statistics.front import on_front
from vae_sweep.statistics.hypervolume import hypervolume

Points = list[tuple[float, ...]]


@st.composite
def fronts(draw: st.DrawFn, least: int = 0) -> tuple[Points, tuple[float, ...]]:
    """Points of 1 to 4 objectives, some of them beyond the reference, and the reference."""
    size = draw(st.integers(1, 4))
    number = st.floats(-20, 20, width=32) | st.integers(-3, 3).map(float)
    points = draw(st.lists(st.tuples(*[number] * size), min_size=least, max_size=8))
    return points, draw(st.tuples(*[st.floats(-5, 25, width=32)] * size))


def close(value: float) -> float:
    return pytest.approx(value, rel=1e-9, abs=1e-9)  # type: ignore[no-any-return]


@LAW
@given(fronts(least=1))
def test_a_point_more_never_lowers_it(drawn: tuple[Points, tuple[float, ...]]) -> None:
    (first, *rest), reference = drawn
    before, after = hypervolume(rest, reference), hypervolume([first, *rest], reference)
    assert after >= before - 1e-9 * abs(before)
    assert before >= 0


@LAW
@given(fronts(), st.randoms(use_true_random=False))
def test_order_and_doubles_do_not_matter(drawn: tuple[Points, tuple[float, ...]], dice: random.Random) -> None:
    points, reference = drawn
    mixed = points + points
    dice.shuffle(mixed)
    assert hypervolume(mixed, reference) == hypervolume(points, reference)


@LAW
@given(fronts())
def test_only_the_front_counts(drawn: tuple[Points, tuple[float, ...]]) -> None:
    points, reference = drawn
    front = [point for point, flag in zip(points, on_front(points), strict=True) if flag]
    assert hypervolume(front, reference) == close(hypervolume(points, reference))


@LAW
@given(fronts())
def test_it_is_that_of_optuna(drawn: tuple[Points, tuple[float, ...]]) -> None:
    points, reference = drawn
    inside = [point for point in points if all(x < worst for x, worst in zip(point, reference, strict=True))]
    theirs = compute_hypervolume(np.array(inside), np.array(reference)) if inside else 0.0
    assert hypervolume(points, reference) == close(theirs)
