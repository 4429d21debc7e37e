"""A stored pretraining that is damaged or does not fit: named, set aside, trained again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.shared_trials import TRIALS, Ran, claim_of, entry_of, pretrained, ran, same_trial
from trainables.base import StateError
from trainables.spec import TrialSpec, with_value
from trainables.training.state import TENSOR_FILE, TrialState
from vae_sweep.storage.lease import Watch
from vae_sweep.storage.pretraining_entry import (
    MANIFEST_FILE,
    WEIGHTS_FILE,
    Environment,
    Manifest,
    address,
    environment_of,
    read_entry,
    sound_entry,
    write_entry,
)
from vae_sweep.storage.pretraining_store import PretrainedStore

SPEC = TRIALS["adam-tail"]
PHASE = SPEC.phases()[0]
HERE = environment_of(torch.device("cpu"), 1, "above")
Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def alone() -> Ran:
    return ran(SPEC, None)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return entry_of(SPEC, tmp_path_factory.mktemp("published"))


def flipped(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def cut(file: Path, end: int = -200) -> None:
    file.write_bytes(file.read_bytes()[:end])


def gone(file: Path) -> None:
    file.unlink()


def says(path: str, value: Any) -> Damage:
    """Let the manifest say something else."""

    def damage(entry: Path) -> None:
        manifest = json.loads((entry / MANIFEST_FILE).read_bytes())
        (entry / MANIFEST_FILE).write_text(json.dumps(with_value(manifest, path, value)))

    return damage


def instead(spec: TrialSpec, environment: Environment = HERE, shape: tuple[int, ...] | None = None) -> Damage:
    """Let the entry be a sound one of something else, copied to the wrong place by hand."""

    def damage(entry: Path) -> None:
        state = pretrained(spec)[-1]
        if shape is not None:
            state = TrialState(
                state.counters, best={**state.best, "one": torch.zeros(shape)}, history=state.history
            )
        shutil.rmtree(entry)
        assert write_entry(entry, spec.phases()[0], environment, state, None, "another")
        sound_entry(entry)

    return damage


OTHER = SPEC.model_copy(update={"seed": 99})
FOUR_THREADS = HERE.model_copy(update={"threads": 4})
DAMAGES: dict[str, tuple[Damage, str]] = {
    "weights flipped": (lambda entry: flipped(entry / WEIGHTS_FILE, -1), "damaged (sha256 "),
    "weights cut": (lambda entry: cut(entry / WEIGHTS_FILE), "damaged (sha256 "),
    "weights missing": (lambda entry: gone(entry / WEIGHTS_FILE), "No such file or directory"),
    "manifest cut": (lambda entry: cut(entry / MANIFEST_FILE), "no sound manifest ("),
    "manifest empty": (lambda entry: cut(entry / MANIFEST_FILE, 0), "no sound manifest ("),
    "manifest of bytes": (lambda entry: flipped(entry / MANIFEST_FILE, 0), "no sound manifest ("),
    "manifest missing": (lambda entry: gone(entry / MANIFEST_FILE), "No such file or directory"),
    "another key": (instead(OTHER), "result of another phase (key "),
    "another key said": (says("phase_key", "f" * 64), "is not that of its phase and environment"),
    "another phase said": (says("phase.seed", 99), "result of another phase (key "),
    "other shapes": (instead(SPEC, shape=(2, 3)), "weights of another shape (one)"),
    "other shapes said": (says("shapes", {}), "the weights have other shapes than it says"),
    "another environment": (instead(SPEC, FOUR_THREADS), "trained elsewhere ("),
    "another environment said": (says("environment.threads", 4), "is not that of its phase and environment"),
    "not over": (says("counters.epoch", 2), "2 epochs, but reports of 3"),
    "stopped early": (says("phase.training.epochs", 9), "the phase is not over after 3 epochs"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_an_unfit_entry_is_set_aside_named_and_trained_again(
    name: str, alone: Ran, published: Path, tmp_path: Path
) -> None:
    damage, words = DAMAGES[name]
    entry = tmp_path / published.name
    shutil.copytree(published, entry)
    damage(entry)
    found = ran(SPEC, PretrainedStore(tmp_path, "sweep/a"))
    assert (found.events, found.stored) == (["miss"], [])
    [message] = found.stores[0].damaged
    assert words in message
    assert message.endswith(f"; set aside as {entry.name}.damaged.1, trained again")
    assert same_trial(found, alone)
    assert {path.name for path in tmp_path.iterdir()} == {entry.name, f"{entry.name}.damaged.1"}
    after = ran(SPEC, PretrainedStore(tmp_path, "sweep/b"))
    assert (after.events, after.stores[0].damaged) == (["hit"], ())
    assert same_trial(after, alone)


def test_what_is_set_aside_again_lies_beside_the_first(published: Path, tmp_path: Path) -> None:
    entry = tmp_path / published.name
    for number in (1, 2, 3):
        entry.mkdir() if number == 2 else entry.write_text("no folder")
        found = ran(SPEC, PretrainedStore(tmp_path, "sweep/a"), enough=lambda so_far: bool(so_far.stores))
        assert found.stores[0].damaged[0].endswith(f"set aside as {entry.name}.damaged.{number}, trained again")


def test_only_who_holds_the_lease_sets_aside(published: Path, tmp_path: Path) -> None:
    """Else one that read the damage long ago would set aside what another has trained since."""
    entry = tmp_path / published.name
    shutil.copytree(published, entry)
    cut(entry / WEIGHTS_FILE)
    lease = Watch(tmp_path / f"{entry.name}.lease").take("sweep/a")
    assert lease is not None
    with lease, claim_of(SPEC, PretrainedStore(tmp_path, "sweep/b")) as claim:
        assert claim.attempt() == "sweep/a"
        assert claim.damaged == []
        assert entry.exists()


@pytest.mark.parametrize("older", [True, False])
def test_a_damaged_progress_is_named_and_passed_over(older: bool, alone: Ran, tmp_path: Path) -> None:
    states = pretrained(SPEC)
    with claim_of(SPEC, PretrainedStore(tmp_path, "sweep/a")) as claim:
        assert claim.attempt() is None
        claim.keep(states[0])
        before = tmp_path / "before"
        shutil.copytree(next(tmp_path.glob("*.progress/000001")), before)
        claim.keep(states[1])
    [newest] = tmp_path.glob("*.progress/*")
    assert newest.name == "000002", "the one before has gone"
    flipped(newest / TENSOR_FILE, -1)
    if older:
        before.rename(newest.with_name("000001"))
    found = ran(SPEC, PretrainedStore(tmp_path, "sweep/b"))
    assert (found.events, found.stored) == (["miss"], [0] if older else [])
    [message] = found.stores[0].damaged
    assert f"{newest / TENSOR_FILE}: damaged (sha256 " in message
    assert same_trial(found, alone)


@pytest.mark.parametrize("change", [{"history": ()}, {"model": {}}, {"best": {"one": torch.zeros(2)}}])
def test_a_progress_that_contradicts_itself_is_passed_over(change: dict[str, Any], tmp_path: Path) -> None:
    state = pretrained(SPEC)[0]
    with claim_of(SPEC, PretrainedStore(tmp_path, "sweep/a")) as claim:
        assert claim.attempt() is None
        claim.keep(TrialState(**{**vars(state), **change}))
    found = ran(SPEC, PretrainedStore(tmp_path, "sweep/b"), enough=lambda so_far: bool(so_far.stores))
    assert found.stores[0].saved == 0.0
    assert "do not belong together" in found.stores[0].damaged[0]


@pytest.mark.parametrize(
    "change", [{"device": "another card"}, {"threads": 2}, {"torch": "1.0"}, {"boundary": "at_least"}]
)
def test_another_environment_has_another_address(change: dict[str, Any], published: Path) -> None:
    there = Environment.model_validate(HERE.model_dump() | change)
    assert address(PHASE, there) != address(PHASE, HERE) == published.name
    with pytest.raises(StateError, match="trained elsewhere"):
        read_entry(published, PHASE, there, {})


def test_the_first_to_publish_counts(published: Path, tmp_path: Path) -> None:
    entry, state = tmp_path / published.name, pretrained(SPEC)[-1]
    assert write_entry(entry, PHASE, HERE, state, None, "sweep/a")
    assert not write_entry(entry, PHASE, HERE, state, None, "sweep/b")
    assert [path.name for path in tmp_path.iterdir()] == [entry.name]
    assert Manifest.model_validate_json((entry / MANIFEST_FILE).read_bytes()).owner == "sweep/a"
    assert (entry / WEIGHTS_FILE).read_bytes() == (published / WEIGHTS_FILE).read_bytes()
