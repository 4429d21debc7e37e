"""The Pareto front."""

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import LAW
from vae_sweep.statistics.front import dominates, on_front


def test_a_front_by_hand() -> None:
    points = [(1, 5), (2, 2), (3, 3), (5, 1), (2, 2), (1, 6)]
    assert on_front(points) == [True, True, False, True, True, False]


@LAW
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_what_is_off_the_front_is_dominated_from_it(points: list[tuple[int, int]]) -> None:
    flags = on_front(points)
    front = [point for point, flag in zip(points, flags, strict=True) if flag]
    assert front
    for point, flag in zip(points, flags, strict=True):
        assert flag != any(dominates(other, point) for other in front)


@LAW
@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=12))
def test_a_front_is_what_no_point_dominates(points: list[tuple[int, int, int]]) -> None:
    assert on_front(points) == [not any(dominates(other, point) for other in points) for point in points]
