"""Vocabularies."""

import pytest

from trainables.text.vocabulary import BOS, EOS, SPECIAL, UNK, Vocabulary

SENTENCES = [["b", "a", "a", "c"], ["c", "d", "a"], ["e", "<unk>", "d"]]


def test_words_stand_in_order_of_first_occurrence() -> None:
    vocabulary = Vocabulary.build(SENTENCES)
    assert vocabulary.words == (*SPECIAL, "b", "a", "c", "d", "e")
    assert len(vocabulary) == 9


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        (5, ("a",)),
        (6, ("a", "c")),  # c and d both occur twice: c came first
        (7, ("a", "c", "d")),
        (8, ("b", "a", "c", "d")),  # b and e both occur once: b came first
        (9, ("b", "a", "c", "d", "e")),
        (100, ("b", "a", "c", "d", "e")),
    ],
)
def test_a_cap_keeps_the_most_frequent_and_breaks_ties_by_first_occurrence(
    size: int, kept: tuple[str, ...]
) -> None:
    assert Vocabulary.build(SENTENCES, size).words == (*SPECIAL, *kept)


def test_sentences_may_be_read_once_only() -> None:
    assert Vocabulary.build(iter(SENTENCES)).words == Vocabulary.build(SENTENCES).words


def test_encoding_adds_markers_and_knows_unknown_words() -> None:
    vocabulary = Vocabulary.build(SENTENCES)
    ids = vocabulary.encode(["a", "zebra", "<unk>", "e"])
    assert ids.tolist() == [BOS, 5, UNK, UNK, 8, EOS]
    assert ids.dtype.name == "int64"
    assert vocabulary.encode([]).tolist() == [BOS, EOS]


def test_decoding_stops_at_the_end_marker() -> None:
    vocabulary = Vocabulary.build(SENTENCES)
    assert vocabulary.decode([BOS, 5, UNK, 8, EOS, 4, 4]) == ["a", "<unk>", "e"]
    assert vocabulary.decode([4, 5]) == ["b", "a"]
    assert vocabulary.decode(vocabulary.encode(["c", "d", "a"])) == ["c", "d", "a"]
