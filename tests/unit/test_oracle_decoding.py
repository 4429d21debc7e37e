"""Greedy decoding against the authors'."""

import pytest
import torch

from tests.oracle import ABSENT, Oracle
from trainables.text.vocabulary import NO_WORDS

pytestmark = pytest.mark.skipif(ABSENT is not None, reason=str(ABSENT))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_greedy_decoding(dtype: torch.dtype) -> None:
    """The authors let the decoder say `<pad>` and `<s>`, in 2 of 12 sentences; ours is theirs until then."""
    oracle = Oracle(dtype)
    padded: list[list[int]] = oracle["out_greedy_ids_z_fixed"].tolist()
    expected = [[i for i in row if i >= 0] for row in padded]
    found = oracle.model().decoder.greedy(oracle["in_z_fixed"], steps=len(padded[0]))
    firsts = [next((at for at, i in enumerate(row) if i in NO_WORDS), None) for row in expected]
    assert sum(first is None for first in firsts) == 10
    for ours, theirs, first in zip(found, expected, firsts, strict=True):
        assert ours == theirs if first is None else ours[:first] == theirs[:first]
