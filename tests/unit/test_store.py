"""A trial that shares its pretraining is the trial that trains it alone, bit for bit, whoever trained what."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.helpers import tiny_corpus
from tests.sharing import TRIALS, WILD, Ran, claim_of, note, pretrained, ran, same_trial
from trainables.base import DivergedError
from trainables.training.report import EpochReport, FinalReport, StoreReport
from trainables.training.state import TrialState
from trainables.trial import run_trial
from vae_sweep.storage.lease import Watch
from vae_sweep.storage.pretraining_store import PretrainedStore, store_for

NAMES = pytest.mark.parametrize("name", TRIALS)
Step = tuple[EpochReport | StoreReport | FinalReport, TrialState]


@cache
def alone(name: str) -> Ran:
    """The trial that shares nothing."""
    return ran(TRIALS[name], None)


@cache
def epochs_of(name: str) -> int:
    return sum(report.phase == "pretrain" for report in alone(name).epochs)


def seconds(reports: list[EpochReport]) -> float:
    return sum(report.numbers["train/seconds"] for report in reports)


def content(directory: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in directory.rglob("*")}


def store(directory: Path, trial: str = "a", patience: float = 30.0) -> PretrainedStore:
    return PretrainedStore(directory, f"sweep/{trial}", patience)


def test_the_trials_cover_both_ends_of_a_phase_and_the_row_that_is_one() -> None:
    assert epochs_of("adam-tail") == 3
    assert 2 <= epochs_of("sgd-plateau") < TRIALS["sgd-plateau"].pretraining.epochs
    assert epochs_of("reference") == len(alone("reference").epochs) == 1


@NAMES
def test_a_miss_and_a_hit_are_the_trial_itself(name: str, tmp_path: Path) -> None:
    miss, hit = ran(TRIALS[name], store(tmp_path)), ran(TRIALS[name], store(tmp_path, "b"))
    assert (miss.events, miss.stored) == (["miss"], [])
    assert (hit.events, hit.stored) == (["hit"], list(range(epochs_of(name))))
    assert same_trial(miss, alone(name))
    assert hit.epochs[: len(hit.stored)] == [
        report.model_copy(update={"stored": True}) for report in miss.epochs[: len(hit.stored)]
    ], "a stored epoch tells what it cost whoever trained it"
    assert same_trial(hit, alone(name))


@NAMES
def test_the_reports_say_what_was_saved(name: str, tmp_path: Path) -> None:
    miss, hit = ran(TRIALS[name], store(tmp_path)), ran(TRIALS[name], store(tmp_path, "b"))
    key = TRIALS[name].phases()[0].key()
    assert miss.stores == [StoreReport(key=key, event="miss")]
    assert hit.stores == [StoreReport(key=key, event="hit", saved=seconds(miss.epochs[: epochs_of(name)]))]
    assert hit.stores[0].saved > 0


def test_a_hit_writes_nothing(tmp_path: Path) -> None:
    ran(TRIALS["reference"], store(tmp_path))
    before = content(tmp_path)
    assert len(before) == 3, "an entry, its manifest, its weights, and nothing else"
    assert ran(TRIALS["reference"], store(tmp_path, "b")).events == ["hit"]
    assert content(tmp_path) == before


@NAMES
def test_a_trial_goes_on_from_what_an_interrupted_one_stored(name: str, tmp_path: Path) -> None:
    for done in range(epochs_of(name)):
        directory = tmp_path / str(done)
        part = ran(TRIALS[name], store(directory), enough=lambda so_far, n=done: len(so_far.epochs) == n)  # type: ignore[misc]
        rest = ran(TRIALS[name], store(directory, "b"))
        assert (rest.events, rest.stored) == (["miss"], list(range(done)))
        assert rest.stores[0].saved == seconds(part.epochs)
        assert same_trial(rest, alone(name)), done
        assert ran(TRIALS[name], store(directory, "c")).events == ["hit"]


@NAMES
def test_a_resumed_trial_takes_only_what_it_lacks(name: str, tmp_path: Path) -> None:
    """Its own checkpoint lies after `own` epochs; the store holds nothing, `kept` epochs, or the end."""
    whole, epochs = alone(name), epochs_of(name)
    for own in range(1, epochs):
        for kept in {0, own, epochs - 1, epochs}:
            directory = tmp_path / f"{own}-{kept}"
            ran(TRIALS[name], store(directory), enough=lambda so_far, n=kept: len(so_far.epochs) == n)  # type: ignore[misc]
            rest = ran(TRIALS[name], store(directory, "b"), whole.states[own - 1])
            assert rest.events == ["hit" if kept == epochs else "miss"]
            assert rest.stored == list(range(own, kept))
            assert same_trial(rest, whole, since=own), (own, kept)


def test_a_trial_past_its_pretraining_does_not_ask(tmp_path: Path) -> None:
    for state in alone("adam-tail").states[epochs_of("adam-tail") - 1 :]:
        assert ran(TRIALS["adam-tail"], store(tmp_path), state).events == []
    assert list(tmp_path.iterdir()) == []


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


def test_a_finished_training_that_was_not_published_is(tmp_path: Path) -> None:
    spec = TRIALS["adam-tail"]
    with claim_of(spec, store(tmp_path)) as claim:
        assert claim.attempt() is None
        claim.keep(pretrained(spec)[-1])
    hit = ran(spec, store(tmp_path, "b"))
    assert (hit.events, hit.stored) == (["hit"], [0, 1, 2])
    assert same_trial(hit, alone("adam-tail"))
    assert [path.name for path in tmp_path.iterdir()] == [claim.folder.name]


def test_a_diverged_pretraining_is_told_to_the_next_without_training(tmp_path: Path) -> None:
    spec = TRIALS["adam-tail"].model_copy(update={"pretraining": WILD})
    with pytest.raises(DivergedError, match="the training loss is") as first:
        ran(spec, store(tmp_path))
    [manifest] = tmp_path.glob("*/entry.json")
    told = manifest.read_text()
    assert str(first.value) in told
    manifest.write_text(told.replace(str(first.value), "as the entry says"))
    before = content(tmp_path)
    with pytest.raises(DivergedError, match=r"^as the entry says$"):
        ran(spec, store(tmp_path, "b"))
    assert content(tmp_path) == before


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
