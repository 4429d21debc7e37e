"""A trial's stored weights: read back whole, refused when a single byte differs."""

from pathlib import Path

import pytest
import torch

from tests.helpers import epochs_and_end, put_files, same_tensors, tiny_corpus, tiny_trial
from trainables.base import StateError
from trainables.outputs import WEIGHTS_FILE, checksum, load_model, outputs


def test_weights_are_read_back_whole_and_refused_with_a_flipped_bit(tmp_path: Path) -> None:
    spec, corpus = tiny_trial("vae"), tiny_corpus()
    _, _, state = epochs_and_end(spec)
    put_files(tmp_path, outputs(spec, corpus, state))
    assert same_tensors(load_model(tmp_path, spec, corpus.vocabulary).state_dict(), state.best)
    content = bytearray((tmp_path / WEIGHTS_FILE).read_bytes())
    content[-7] ^= 1
    (tmp_path / WEIGHTS_FILE).write_bytes(content)
    with pytest.raises(StateError, match="do not have the checksum"):
        load_model(tmp_path, spec, corpus.vocabulary)


def test_the_checksum_tells_names_shapes_and_values_apart() -> None:
    ones = torch.ones(2, 3)
    different = [
        {"a": ones},
        {"b": ones},
        {"a": ones.T},
        {"a": ones.double()},
        {"a": ones * 2},
        {"a": ones, "b": ones},
    ]
    assert len({checksum(weights) for weights in different}) == len(different)
