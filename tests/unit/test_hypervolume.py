"""Hypervolumes by hand."""

from collections.abc import Sequence

import pytest

from vae_sweep.statistics.hypervolume import hypervolume


@pytest.mark.parametrize(
    ("points", "reference", "volume"),
    [
        ([], (1, 1), 0),
        ([(3,), (1,), (5,)], (4,), 3),
        ([(0, 0)], (2, 3), 6),
        ([(1, 3), (2, 2), (3, 1)], (4, 4), 3 + 2 + 1),
        ([(1, 3), (2, 2), (3, 1), (3, 3)], (4, 4), 6),
        ([(1, 4), (4, 1), (5, 0)], (4, 4), 0),
        ([(0, 0, 0)], (1, 2, 3), 6),
        ([(0, 0, 1), (1, 1, 0)], (2, 2, 2), 4 * 1 + 1 * 1),
        ([(0, 0, 0, 0)], (1, 2, 3, 4), 24),
        ([(0, 0, 0, 1), (1, 1, 1, 0)], (2, 2, 2, 2), 8 * 1 + 1 * 1),
    ],
)
def test_volumes(points: Sequence[Sequence[float]], reference: Sequence[float], volume: float) -> None:
    assert hypervolume(points, reference) == volume


def test_three_objectives_by_slices() -> None:
    """Level 0 to 1: (1, 2) alone, 2 by 1. Level 1 to 2: with (2, 0), 2 + 2 more. Level 2 to 3: with (0, 1), 7."""
    assert [hypervolume([(1, 2)], (3, 3)), hypervolume([(1, 2), (2, 0)], (3, 3))] == [2, 4]
    assert hypervolume([(1, 2), (2, 0), (0, 1)], (3, 3)) == 7
    assert hypervolume([(0, 1, 2), (1, 2, 0), (2, 0, 1)], (3, 3, 3)) == 2 + 4 + 7


@pytest.mark.parametrize(
    ("points", "reference", "said"),
    [
        ([(1, 2)], (3,), "one number for each"),
        ([()], (), "needs one at least"),
        ([(1, float("nan"))], (3, 3), "finite"),
        ([(1, 1)], (3, float("inf")), "finite"),
    ],
)
def test_what_has_no_volume(points: Sequence[Sequence[float]], reference: Sequence[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        hypervolume(points, reference)
