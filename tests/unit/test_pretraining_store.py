"""A trial that shares its pretraining is the trial that trains it alone, bit for bit, whoever trained what."""

from pathlib import Path

import pytest

from tests.shared_trials import (
    TRIALS,
    WILD,
    alone,
    claim_of,
    content,
    epochs_of,
    pretrained,
    ran,
    same_trial,
    seconds,
    store,
)
from trainables.base import DivergedError
from trainables.training.report import StoreReport

NAMES = pytest.mark.parametrize("name", TRIALS)


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
    written = manifest.read_text()
    assert str(first.value) in written
    manifest.write_text(written.replace(str(first.value), "as the entry says"))
    before = content(tmp_path)
    with pytest.raises(DivergedError, match=r"^as the entry says$"):
        ran(spec, store(tmp_path, "b"))
    assert content(tmp_path) == before
