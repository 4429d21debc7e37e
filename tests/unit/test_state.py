"""State on disk: written whole, read with suspicion."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from tests.helpers import same_tensors, seeded
from trainables.base import StateError
from trainables.training.state import (
    STATE_FILE,
    TENSOR_FILE,
    Counters,
    TrialState,
    load_state,
    load_tensors,
    save_state,
    write_file,
)
from trainables.training.training_spec import PlateauState

KEY = "a" * 64


def some_state() -> TrialState:
    draw = seeded(0)
    return TrialState(
        Counters(
            phase=1,
            epoch=7,
            plateau=PlateauState(reference=0.1 + 0.2, not_improved=1, decays=3),
            best_loss=1 / 3,
            best_epoch=4,
        ),
        {"encoder.weight": torch.randn(3, 4, generator=draw), "decoder/odd": torch.tensor(2.5)},
        {"encoder.weight": torch.randn(4, 3, generator=draw).T},
        {"exp_avg/encoder.weight": torch.randn(2, generator=draw).double(), "step/x": torch.tensor(9.0)},
    )


def test_a_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    state = some_state()
    save_state(tmp_path / "new" / "place", KEY, state)
    found = load_state(tmp_path / "new" / "place", KEY)
    assert found.counters == state.counters
    assert same_tensors(found.model, state.model)
    assert same_tensors(found.best, state.best)
    assert same_tensors(found.optimizer, state.optimizer)
    assert found.optimizer["exp_avg/encoder.weight"].dtype == torch.float64


def test_a_fresh_state_comes_back(tmp_path: Path) -> None:
    save_state(tmp_path, KEY, TrialState())
    assert load_state(tmp_path, KEY) == TrialState()


def test_a_later_state_takes_the_place_of_an_earlier(tmp_path: Path) -> None:
    save_state(tmp_path, KEY, TrialState())
    save_state(tmp_path, KEY, some_state())
    assert load_state(tmp_path, KEY).counters.epoch == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == [STATE_FILE, TENSOR_FILE]


@pytest.mark.parametrize("place", [0, 8, 40, -1])
def test_a_damaged_byte_of_the_tensors(tmp_path: Path, place: int) -> None:
    save_state(tmp_path, KEY, some_state())
    content = bytearray((tmp_path / TENSOR_FILE).read_bytes())
    content[place] ^= 1
    (tmp_path / TENSOR_FILE).write_bytes(content)
    with pytest.raises(StateError, match=f"{TENSOR_FILE}: damaged"):
        load_state(tmp_path, KEY)


def test_truncated_tensors(tmp_path: Path) -> None:
    save_state(tmp_path, KEY, some_state())
    (tmp_path / TENSOR_FILE).write_bytes((tmp_path / TENSOR_FILE).read_bytes()[:-5])
    with pytest.raises(StateError, match="damaged"):
        load_state(tmp_path, KEY)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"trial_key": "a"}', b"[]"])
def test_a_damaged_record(tmp_path: Path, content: bytes) -> None:
    save_state(tmp_path, KEY, some_state())
    (tmp_path / STATE_FILE).write_bytes(content)
    with pytest.raises(StateError, match="no readable state"):
        load_state(tmp_path, KEY)


@pytest.mark.parametrize("absent", [STATE_FILE, TENSOR_FILE])
def test_an_absent_file(tmp_path: Path, absent: str) -> None:
    save_state(tmp_path, KEY, some_state())
    (tmp_path / absent).unlink()
    with pytest.raises(StateError, match="no readable state"):
        load_state(tmp_path, KEY)


def test_the_state_of_another_trial(tmp_path: Path) -> None:
    save_state(tmp_path, KEY, some_state())
    with pytest.raises(StateError, match="state of another trial"):
        load_state(tmp_path, "b" * 64)


@pytest.mark.parametrize("content", [b"", b"no tensors at all", b"\xff" * 64])
def test_bytes_that_are_no_tensors(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(StateError, match="not a sound safetensors file"):
        load_tensors(content, tmp_path / "weights.safetensors")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the system refuse files of more than `size` bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_file(path, b"old")
    with largest_file(1000), pytest.raises(OSError):
        write_file(path, b"x" * 5000)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path], "no temporary file stays"


def test_a_write_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        write_file(tmp_path / "taken", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_reader_of_the_old_file_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, b"old")
    with path.open("rb") as reader:
        write_file(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
