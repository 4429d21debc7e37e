"""Differences over seeds by published and hand-made numbers, and beside scipy's."""

import pytest
from scipy import stats

from vae_sweep.statistics.differences import Answer, Difference, answers, difference, holm
from vae_sweep.statistics.intervals import mean_interval

# Hours of sleep that two drugs added, ten patients: Student 1908, "The probable error of a mean", section IX.
FIRST = dict(enumerate([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]))
SECOND = dict(enumerate([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]))


def test_students_own_example() -> None:
    found = difference(FIRST, SECOND)
    assert (found.pairing, found.seeds, found.mean) == ("paired", 10, pytest.approx(-1.58))
    assert found.half_width == pytest.approx((2.4598858 - 0.7001142) / 2, rel=1e-6)
    assert found.p_value == pytest.approx(0.002833, rel=1e-3)


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_paired_as_scipy_has_it(seeds: int) -> None:
    ours, theirs = ({seed: side[seed] for seed in range(seeds)} for side in (FIRST, SECOND))
    found, known = difference(ours, theirs), stats.ttest_rel(list(ours.values()), list(theirs.values()))
    low, high = known.confidence_interval(0.95)
    assert found.half_width is not None
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx((low, high))
    assert found.p_value == pytest.approx(known.pvalue)


@pytest.mark.parametrize(("few", "many"), [(2, 2), (2, 7), (3, 4)])
def test_without_shared_seeds_welch_as_scipy_has_it(few: int, many: int) -> None:
    ours, theirs = {seed: FIRST[seed] for seed in range(few)}, {50 + seed: SECOND[seed] for seed in range(many)}
    found = difference(ours, theirs)
    known = stats.ttest_ind(list(ours.values()), list(theirs.values()), equal_var=False)
    low, high = known.confidence_interval(0.95)
    assert (found.pairing, found.seeds) == ("welch", few)
    assert found.half_width is not None
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx((low, high))
    assert found.p_value == pytest.approx(known.pvalue)


def test_pairs_are_made_by_seed_and_not_by_place() -> None:
    found = difference({0: 1.0, 1: 5.0, 2: 9.0}, {2: 8.0, 0: 0.0, 1: 4.0, 7: 100.0})
    assert found == Difference(1.0, 0.0, 0.0, "paired", 3)


def test_what_is_equal_does_not_differ() -> None:
    assert difference({0: 1.0, 1: 2.0}, {0: 1.0, 1: 2.0}) == Difference(0.0, 0.0, 1.0, "paired", 2)
    assert difference({0: 1.0, 1: 1.0}, {2: 1.0, 3: 1.0}) == Difference(0.0, 0.0, 1.0, "welch", 2)


@pytest.mark.parametrize("theirs", [{0: 1.0}, {1: 1.0}, {1: 0.5, 2: 1.5}])
def test_one_seed_bears_no_interval(theirs: dict[int, float]) -> None:
    assert difference({0: 3.0}, theirs) == Difference(2.0, None, None, "none", 1)
    with pytest.raises(ValueError, match="no difference"):
        difference({}, theirs)


def test_holm_by_hand() -> None:
    """The smallest times 4, the next times 3, ...; none lies below one before it.

    The p-values are those of the worked example in Wikipedia's article on the method: at 0.05 the first and the
    fourth hypothesis fall, the others stand.
    """
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def of(mean: float, p_value: float | None) -> Difference:
    return Difference(mean, None if p_value is None else 0.1, p_value, "none" if p_value is None else "paired", 3)


def test_answers_are_those_of_the_family() -> None:
    family = [of(-1.0, 0.01), of(1.0, 0.02), of(-1.0, 0.04), of(-5.0, None)]
    assert answers(family) == [
        (Answer.BETTER, pytest.approx(0.03)),
        (Answer.WORSE, pytest.approx(0.04)),
        (Answer.BETTER, pytest.approx(0.04)),
        (Answer.CANNOT_TELL, None),
    ]
    assert answers([of(-1.0, 0.04), of(1.0, 0.04)])[0] == (Answer.CANNOT_TELL, pytest.approx(0.08))


@pytest.mark.parametrize("count", [2, 3, 10])
def test_intervals_as_scipy_has_them(count: int) -> None:
    values = [SECOND[seed] for seed in range(count)]
    found = mean_interval(values)
    low, high = stats.t.interval(0.95, count - 1, loc=stats.tmean(values), scale=stats.sem(values))
    assert found.half_width is not None
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx((low, high))
