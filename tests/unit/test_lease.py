"""One lease in one process: letting go, forgetting, and what the slow may not do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vae_sweep.storage.lease import Lease, LeaseReading, Watch, newest


class Slow(Watch):
    """A watch that looks, and lets much happen before it acts on what it saw."""

    def __init__(self, base: Path, meanwhile: Callable[[], object]) -> None:
        super().__init__(base)
        self._meanwhile = meanwhile

    def look(self) -> LeaseReading | None:
        """Return what stood in the way before all that happened."""
        seen = super().look()
        self._meanwhile()
        return seen


def taken(base: Path, name: str = "somebody") -> Lease:
    mine = Watch(base).take(name)
    assert mine is not None
    return mine


def names(base: Path) -> list[str]:
    return sorted(path.name for path in base.parent.iterdir())


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "lease"


def test_who_holds_it_is_told(base: Path) -> None:
    with taken(base, "sweep/trial"):
        seen = newest(base)
        assert seen is not None
        assert seen.owner is not None
        assert seen.owner.name == "sweep/trial"
        assert seen.owner.here
        assert not seen.owner.gone
        assert Watch(base).take("another") is None
        assert names(base) == ["lease.1"]


def test_releasing_leaves_the_number_and_forgetting_nothing(base: Path) -> None:
    taken(base).release()
    assert names(base) == ["lease.1"]
    assert Watch(base).look() is None
    mine = taken(base)
    assert names(base) == ["lease.2"], "numbers go on, so that nobody takes one twice"
    mine.release(forget=True)
    assert names(base) == []


def test_names_that_begin_alike_are_apart(base: Path) -> None:
    other = base.with_name("lease.more")
    base.with_name("lease.x").write_text("")
    with taken(other), taken(base):
        assert names(base) == ["lease.1", "lease.more.1", "lease.x"]


def test_one_that_saw_an_old_number_lets_go(base: Path) -> None:
    """Between its look and its act others took, forgot, and took again from the start."""
    taken(base).release()
    held: list[Lease] = []

    def meanwhile() -> None:
        taken(base).release(forget=True)
        held.append(taken(base))

    assert Slow(base, meanwhile).take("slow") is None
    assert held[0].held
    assert names(base) == ["lease.1"]
    held[0].release()


def test_one_that_saw_nothing_lets_go(base: Path) -> None:
    held: list[Lease] = []

    def meanwhile() -> None:
        taken(base).release()
        held.append(taken(base))

    assert Slow(base, meanwhile).take("slow") is None
    assert held[0].held
    assert names(base) == ["lease.2"]
    held[0].release()


def test_one_that_was_quicker_keeps_it(base: Path) -> None:
    taken(base).release()
    held: list[Lease] = []
    assert Slow(base, lambda: held.append(taken(base))).take("slow") is None
    assert held[0].held
    held[0].release()


@pytest.mark.parametrize("forget", [True, False])
def test_one_that_slept_does_not_touch_the_lease_of_another(forget: bool, base: Path) -> None:
    """Not even where another, and another after it, have the very number that it had."""
    for times in (1, 2):
        sleeper = taken(base)
        other = Watch(base, patience=0.0).take("another")
        assert other is not None
        if times == 2:
            other.release(forget=True)
            other = taken(base)
        before = newest(base)
        assert not sleeper.held
        assert sleeper.lost
        sleeper.release(forget=forget)
        assert newest(base) == before
        assert other.held
        other.release(forget=True)
        assert names(base) == []


def test_a_beat_that_came_too_late_is_cleaned_up(base: Path) -> None:
    sleeper = taken(base)
    content = base.with_name("lease.1").read_bytes()
    other = Watch(base, patience=0.0).take("another")
    assert other is not None
    base.with_name("lease.1").write_bytes(content)
    assert not sleeper.held
    assert names(base) == ["lease.2"]
    sleeper.release()
    other.release()


def test_a_lease_whose_folder_was_deleted_is_lost(base: Path) -> None:
    mine = taken(base)
    base.with_name("lease.1").unlink()
    assert not mine.held
    mine.release()
    assert names(base) == []


def test_it_beats(base: Path) -> None:
    beats: set[int] = set()
    mine = Watch(base, beat=0.001).take("somebody")
    assert mine is not None
    with mine:
        while len(beats) < 3:
            seen = newest(base)
            assert seen is not None
            assert seen.owner is not None
            beats.add(seen.owner.beat)
    seen = newest(base)
    assert seen is not None
    assert seen.owner is not None
    assert seen.owner.released
    assert seen.owner.beat >= 2
