"""Leases: at no time two living holders, whoever dies, sleeps, or has a wrong clock; by real processes."""

import signal
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contenders import Contender, hold, take_turns, taken, try_once, until
from tests.helpers import LAW
from vae_sweep.storage.lease import Lease, LeaseReading, Owner, Watch, newest

HOUR = 3600.0


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@settings(LAW, max_examples=12)
@given(
    st.lists(st.lists(st.sampled_from(["release", "forget"]), max_size=4), min_size=2, max_size=4),
    st.sets(st.integers(0, 3)),
)
def test_each_gets_it_in_turn_and_none_beside_another(plans: list[list[str]], deaths: set[int]) -> None:
    """Those in `deaths` die holding the lease in their last turn."""
    plans = [[*turns, "die" if number in deaths else "release"] for number, turns in enumerate(plans)]
    with TemporaryDirectory() as name, ExitStack() as stack:
        base = Path(name) / "lease"
        contenders = [
            stack.enter_context(Contender(take_turns, (base, str(number), turns)))
            for number, turns in enumerate(plans)
        ]
        for contender in contenders:
            contender.process.join(60)
        assert [contender.process.exitcode for contender in contenders] == [
            -signal.SIGKILL if number in deaths else 0 for number in range(len(plans))
        ], "one that finds another in the room fails"
        heard = Counter(turn for contender in contenders for turn in said(contender))
        assert heard == {str(number): len(turns) for number, turns in enumerate(plans)}


def said(contender: Contender) -> list[str]:
    words = []
    while contender.pipe.poll():
        try:
            words.append(contender.pipe.recv())
        except EOFError:
            break
    return words


@settings(LAW, max_examples=6)
@given(st.integers(2, 5), st.integers(0, 2))
def test_one_of_many_takes_over_from_the_dead(count: int, generations: int) -> None:
    with TemporaryDirectory() as name, ExitStack() as stack:
        base = Path(name) / "lease"
        for _ in range(generations):
            taken(base, "an earlier holder").release()
        holder = stack.enter_context(Contender(take_turns, (base, "holder", ["die"])))
        assert holder.hear() == "holder"
        holder.process.join()
        others = [stack.enter_context(Contender(try_once, (base,))) for _ in range(count)]
        assert all(other.hear() for other in others), "all see that the holder is dead"
        for other in others:
            other.tell("take it")
        assert [other.hear() for other in others].count(True) == 1
        assert sorted(path.name for path in Path(name).glob("lease.*")) == [f"lease.{generations + 2}"]


@pytest.mark.parametrize("place", [None, "elsewhere"])
@pytest.mark.parametrize("skew", [0.0, -9 * HOUR, 9 * HOUR])
def test_a_stopped_holder_is_replaced_and_notices(place: str | None, skew: float, tmp_path: Path) -> None:
    """Its heart, not its clock or ours, says that it lives."""
    clock, base = Clock(), tmp_path / "lease"
    watch = Watch(base, patience=30.0, clock=clock, wall=lambda: clock.now * HOUR - skew)
    with Contender(hold, (base, skew, place)) as holder:
        assert holder.hear() == "held"
        for _ in range(4):
            before = content(base)
            assert watch.look() is not None
            clock.now += 29.0
            until(lambda now=before: content(base) != now)  # type: ignore[misc]
        holder.send(signal.SIGSTOP)
        assert watch.look() is not None
        clock.now += 29.9
        assert watch.take("another") is None
        clock.now += 0.2
        mine = watch.take("another")
        assert mine is not None
        holder.send(signal.SIGCONT)
        holder.tell("look")
        assert holder.hear() == "lost"
        assert holder.hear() == "let go"
        assert mine.held
        assert [path.name for path in tmp_path.iterdir() if path.suffix != ".2"] == []
        mine.release()


def content(base: Path) -> bytes:
    seen = newest(base)
    assert seen is not None
    return seen.content


@pytest.mark.parametrize("place", [None, "elsewhere"])
def test_a_killed_holder_is_gone_at_once_where_its_process_could_be_seen(
    place: str | None, tmp_path: Path
) -> None:
    clock, base = Clock(), tmp_path / "lease"
    watch = Watch(base, patience=30.0, clock=clock)
    with Contender(hold, (base, 0.0, place)) as holder:
        assert holder.hear() == "held"
        assert watch.look() is not None
        holder.send(signal.SIGKILL)
        if place is not None:
            assert watch.look() is not None
            clock.now += 30.0
        assert watch.look() is None


@settings(LAW, max_examples=60)
@given(st.data(), st.integers(1, 9))
def test_a_torn_lease_stands_in_the_way_for_a_while(data: st.DataObject, number: int) -> None:
    """Somebody may be writing it now; whoever died doing so is waited for no longer than a silent owner."""
    with TemporaryDirectory() as name:
        base, clock = Path(name) / "lease", Clock()
        path = base.with_name(f"lease.{number}")
        whole = written(base)
        torn = data.draw(st.floats(0, 1, exclude_max=True).map(lambda part: whole[: int(part * len(whole))]))
        path.write_bytes(data.draw(st.just(torn) | st.binary(max_size=9)))
        watch = Watch(base, patience=30.0, clock=clock)
        assert isinstance(seen := watch.look(), LeaseReading)
        assert seen.owner is None
        clock.now += 29.0
        assert watch.take("too early") is None
        if data.draw(st.booleans(), label="its writer lives"):
            path.write_bytes(whole)
            clock.now += 29.0
            assert watch.take("too early again") is None
        clock.now += 30.0
        mine = watch.take("in time")
        assert isinstance(mine, Lease)
        assert [file.name for file in Path(name).iterdir()] == [f"lease.{number + 1}"]
        mine.release()


def written(base: Path) -> bytes:
    """A whole lease of an owner elsewhere; none is left there."""
    mine = taken(base, "somebody")
    seen = newest(base)
    mine.release(forget=True)
    assert seen is not None
    assert seen.owner is not None
    return Owner.model_copy(seen.owner, update={"place": "elsewhere"}).model_dump_json().encode()
