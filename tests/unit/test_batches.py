"""Batches of one length."""

import numpy as np
import pytest

from tests.helpers import random_sentences
from trainables.measure.final import evaluation_batches, spread
from trainables.measure.likelihood import per_sentence, token_count
from trainables.text.batches import equal_length_batches


def test_a_stable_sort_by_length_cut_where_the_length_changes() -> None:
    lengths = [3, 2, 4, 2, 3, 2, 2]
    sentences = [np.full(length, row) for row, length in enumerate(lengths)]
    batches = equal_length_batches(sentences, batch_size=3)
    assert [batch.rows.tolist() for batch in batches] == [[1, 3, 5], [6], [0, 4], [2]]
    assert [tuple(batch.tokens.shape) for batch in batches] == [(3, 2), (1, 2), (2, 3), (1, 4)]
    assert batches[2].tokens.tolist() == [[0, 0, 0], [4, 4, 4]]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_every_sentence_is_in_one_batch_with_its_own_row(size: int) -> None:
    sentences = random_sentences(seed=5, count=60)
    batches = equal_length_batches(sentences, size)
    assert sorted(row for batch in batches for row in batch.rows.tolist()) == list(range(60))
    assert max(batch.size for batch in batches) <= size
    for batch in batches:
        for row, tokens in zip(batch.rows.tolist(), batch.tokens.tolist(), strict=True):
            assert tokens == sentences[row].tolist()


def test_sizes_and_scored_words() -> None:
    batches = equal_length_batches([np.array([1, 9, 2]), np.array([1, 9, 9, 2]), np.array([1, 8, 2])], 32)
    assert [(batch.size, batch.words) for batch in batches] == [(2, 4), (1, 3)]
    assert (per_sentence(batches), token_count(batches)) == (3, 7)


def test_evaluation_batches_are_equal_length_batches() -> None:
    sentences = random_sentences(seed=6, count=200, longest=2)
    assert max(batch.size for batch in evaluation_batches(sentences, "cpu")) == 64


@pytest.mark.parametrize(
    ("count", "wanted", "chosen"),
    [
        (10, 3, [0, 3, 6]),
        (10, 5, [0, 2, 4, 6, 8]),
        (4, 4, [0, 1, 2, 3]),
        (4, 9, [0, 1, 2, 3]),
        (4, None, [0, 1, 2, 3]),
        (7, 1, [0]),
    ],
)
def test_spread(count: int, wanted: int | None, chosen: list[int]) -> None:
    assert spread(count, wanted) == chosen


def test_spread_never_takes_a_row_twice() -> None:
    for count in range(1, 30):
        for wanted in range(1, count + 1):
            chosen = spread(count, wanted)
            assert len(set(chosen)) == wanted
            assert max(chosen) < count
