"""Two trials that need the same pretraining at once: one trains it, the other waits, goes on, or takes over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import tiny_corpus
from tests.shared_trials import (
    TRIALS,
    Ran,
    alone,
    claim_of,
    content,
    note,
    pretrained,
    ran,
    same_trial,
    seconds,
    store,
)
from trainables.base import DivergedError
from trainables.training.report import EpochReport, FinalReport, StoreReport
from trainables.training.state import TrialState
from trainables.trial import run_trial
from vae_sweep.storage.lease import Watch
from vae_sweep.storage.pretraining_store import PretrainedStore, store_for

Step = tuple[EpochReport | StoreReport | FinalReport, TrialState]


def steps(name: str, shared: PretrainedStore) -> Iterator[Step]:
    return run_trial(TRIALS[name], tiny_corpus(), TrialState(), store=shared)


def finished(running: Iterator[Step], so_far: Ran) -> Ran:
    for report, so_far.end in running:
        note(so_far, report)
    return so_far


def test_the_second_waits_and_ends_the_same(tmp_path: Path) -> None:
    first, second = steps("adam-tail", store_for(tmp_path, "sweep", "a")), steps("adam-tail", store(tmp_path, "b"))
    one, other = Ran(), Ran()
    for _ in range(2):
        report, one.end = next(first)
        note(one, report)
    report, _ = next(second)
    assert report == StoreReport(key=TRIALS["adam-tail"].phases()[0].key(), event="waiting", holder="sweep/a")
    finished(first, one)
    finished(second, other)
    assert other.events == ["waited"]
    assert other.stores[0].holder == "sweep/a"
    assert other.stores[0].saved == seconds(one.epochs[:3])
    assert same_trial(one, alone("adam-tail"))
    assert same_trial(other, alone("adam-tail"))


def test_the_second_goes_on_when_the_first_is_interrupted(tmp_path: Path) -> None:
    first, second = steps("adam-tail", store(tmp_path)), steps("adam-tail", store(tmp_path, "b"))
    for _ in range(3):
        next(first)
    next(second)
    first.close()  # type: ignore[attr-defined]
    other = finished(second, Ran())
    assert (other.events, other.stored) == (["miss"], [0, 1])
    assert other.stores[0].holder == "sweep/a"
    assert same_trial(other, alone("adam-tail"))


def test_one_that_was_taken_over_does_no_harm(tmp_path: Path) -> None:
    """It stopped beating, so that another went on; awake again it trains to its end and publishes first."""
    first, second = steps("adam-tail", store(tmp_path)), steps("adam-tail", store(tmp_path, "b", patience=0.0))
    one, other = Ran(), Ran()
    for running, so_far in ((first, one), (first, one), (second, other), (second, other), (second, other)):
        report, so_far.end = next(running)
        note(so_far, report)
    assert (other.events, other.stored) == (["miss"], [0])
    [progress], [lease] = tmp_path.glob("*.progress"), tmp_path.glob("*.lease.*")
    kept = content(progress)
    finished(first, one)
    assert content(progress) == kept, "the progress of the second is left to it"
    assert lease.exists(), "and its lease"
    finished(second, other)
    assert same_trial(one, alone("adam-tail"))
    assert same_trial(other, alone("adam-tail"))
    assert ran(TRIALS["adam-tail"], store(tmp_path, "c")).events == ["hit"]
    assert len(content(tmp_path)) == 3


def test_a_trial_does_not_wait_for_its_own_earlier_start(tmp_path: Path) -> None:
    """The node of the first start was cut off and it lives on; one that came before the heir stays behind it."""
    first, again = steps("adam-tail", store(tmp_path)), steps("adam-tail", store(tmp_path))
    one, other = Ran(), Ran()
    for _ in range(3):
        report, one.end = next(first)
        note(one, report)
    with claim_of(TRIALS["adam-tail"], store(tmp_path, "b")) as stranger:
        assert stranger.attempt() == "sweep/a"
    report, other.end = next(again)
    note(other, report)
    with claim_of(TRIALS["adam-tail"], store(tmp_path, "b")) as stranger:
        assert stranger.attempt() == "sweep/a", "the heir holds it now"
    finished(again, other)
    finished(first, one)
    assert (other.events, other.stored) == (["miss"], [0, 1])
    assert same_trial(one, alone("adam-tail"))
    assert same_trial(other, alone("adam-tail"))


def test_a_trial_that_waits_says_so_again_and_again_and_can_be_ended_there(tmp_path: Path) -> None:
    spec, waiting = TRIALS["adam-tail"], steps("adam-tail", store(tmp_path))
    with claim_of(spec, store(tmp_path, "b")) as holder:
        assert holder.attempt() is None
        said = [next(waiting)[0] for _ in range(2)]
        assert said == [StoreReport(key=spec.phases()[0].key(), event="waiting", holder="sweep/b")] * 2
        waiting.close()


def test_an_earlier_start_that_waited_does_not_take_the_lease_of_a_later_one(tmp_path: Path) -> None:
    spec = TRIALS["adam-tail"]
    with claim_of(spec, store(tmp_path)) as before, claim_of(spec, store(tmp_path, "b")) as holder:
        assert holder.attempt() is None
        assert before.attempt() == "sweep/b"
        holder.close()
        with claim_of(spec, store(tmp_path)) as later:
            assert later.attempt() is None
            assert before.attempt() == "sweep/a"


def test_a_late_divergence_leaves_the_trial_its_own_state(tmp_path: Path) -> None:
    """The entry of a diverged phase holds no weights, so nothing can be resumed from it."""
    spec, [*_, state, _] = TRIALS["adam-tail"], pretrained(TRIALS["adam-tail"])
    with claim_of(spec, store(tmp_path)) as claim:
        assert claim.attempt() is None
        claim.publish(state, "epoch 2: the training loss is nan")
    running, so_far = steps("adam-tail", store(tmp_path, "b")), Ran()
    with pytest.raises(DivergedError, match="epoch 2"):
        finished(running, so_far)
    assert (so_far.events, so_far.stored) == (["hit"], [0, 1])
    assert {state.counters.epoch for state in so_far.states} == {0}


def test_an_interrupted_trial_lets_go_of_its_lease(tmp_path: Path) -> None:
    running = steps("adam-tail", store(tmp_path))
    next(running)
    [lease] = tmp_path.glob("*.lease.1")
    assert Watch(lease.with_suffix("")).look() is not None
    running.close()  # type: ignore[attr-defined]
    assert Watch(lease.with_suffix("")).look() is None
