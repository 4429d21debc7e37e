"""Real processes that want the same pretraining at once: one trains, whoever dies, and all end with its bits."""

import signal
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contenders import Contender, end, train
from tests.shared_trials import TRIALS, Ran, ran, same_trial

pytestmark = pytest.mark.slow
SPEC = TRIALS["adam-tail"]


@pytest.fixture(scope="module")
def alone() -> Ran:
    return ran(SPEC, None)


def test_the_second_waits_for_the_first(alone: Ran, tmp_path: Path) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(Contender(train, (SPEC, tmp_path, "sweep/a", 1)))
        assert [first.hear(), first.hear()] == ["miss", "paused"]
        second = stack.enter_context(Contender(train, (SPEC, tmp_path, "sweep/b")))
        assert second.hear() == "waiting"
        first.tell("go on")
        one, other = end(first), end(second)
    assert (one.events, one.stored) == (["miss"], [])
    assert (other.events, other.stored) == (["waiting", "waited"], [0, 1, 2])
    assert {report.holder for report in other.stores} == {"sweep/a"}
    assert other.stores[1].seconds > 0
    assert other.stores[1].saved == sum(report.numbers["train/seconds"] for report in one.epochs[:3])
    assert same_trial(one, alone)
    assert same_trial(other, alone)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("done", [1, 2, 3])
def test_the_second_goes_on_where_the_first_was_killed(done: int, alone: Ran, tmp_path: Path) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(Contender(train, (SPEC, tmp_path, "sweep/a", done)))
        assert [first.hear(), first.hear()] == ["miss", "paused"]
        second = stack.enter_context(Contender(train, (SPEC, tmp_path, "sweep/b")))
        if done < 3:
            assert second.hear() == "waiting", "the end is published with the last epoch"
        first.send(signal.SIGKILL)
        other = end(second)
    assert other.stored == list(range(done))
    assert other.events == (["waiting", "miss"] if done < 3 else ["hit"])
    assert other.stores[-1].saved > 0
    assert other.stores[-1].damaged == ()
    assert same_trial(other, alone)


def test_of_many_one_trains(alone: Ran, tmp_path: Path) -> None:
    """All start at once; whoever trains is killed after an epoch, and once more, before they are left alone."""
    with ExitStack() as stack:
        for _ in range(2):
            killed = stack.enter_context(Contender(train, (SPEC, tmp_path, "sweep/killed", 1)))
            assert [killed.hear(), killed.hear()] == ["miss", "paused"]
            killed.send(signal.SIGKILL)
        names = [f"sweep/{number}" for number in range(4)]
        many = [stack.enter_context(Contender(train, (SPEC, tmp_path, name))) for name in names]
        ends = [end(contender) for contender in many]
    assert Counter(one.events[-1] for one in ends)["miss"] == 1
    assert all(same_trial(one, alone) for one in ends)
    assert len(list(tmp_path.iterdir())) == 1
