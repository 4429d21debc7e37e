"""Reading corpora: what is read, and what is refused in words."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from tests.helpers import NOWHERE, tiny_corpus
from trainables.base import CorpusError
from trainables.text import captions
from trainables.text.corpus import Corpus, load_corpus, missing_files
from trainables.text.spec import CorpusSpec, LimitSpec

SPLITS = {"train": "a b c\nb c\n", "valid": "a z\n", "test": "c <unk> y\n"}


def write(directory: Path, **changed: str | bytes | None) -> CorpusSpec:
    """Write the three files, some with other content or, for None, not at all; `.gz` for bytes."""
    for stem, text in {**SPLITS, **changed}.items():
        if isinstance(text, bytes):
            (directory / f"{stem}.txt.gz").write_bytes(text)
        elif text is not None:
            (directory / f"{stem}.txt").write_text(text, encoding="utf-8")
    return CorpusSpec(path=str(directory))


def read(spec: CorpusSpec) -> Corpus:
    return load_corpus(spec, NOWHERE)


def refused(spec: CorpusSpec, *said: str) -> None:
    with pytest.raises(CorpusError) as error:
        read(spec)
    for part in said:
        assert part in str(error.value)


def text(corpus: Corpus, split: str) -> list[str]:
    found = {name: s.sentences for name, s in corpus.splits.items()}[split]  # type: ignore[index]
    return [" ".join(corpus.vocabulary.decode(sentence.tolist())) for sentence in found]


def test_three_files(tmp_path: Path) -> None:
    corpus = read(write(tmp_path))
    assert text(corpus, "train") == ["a b c", "b c"]
    assert corpus.vocabulary.words[4:] == ("a", "b", "c"), "from the training split only"
    assert text(corpus, "validation") == ["a <unk>"]
    assert {name: split.unknown for name, split in corpus.splits.items()} == {
        "train": 0,
        "validation": 1,
        "test": 2,
    }
    train = corpus.splits["train"]
    assert (train.words, train.tokens_per_sentence, train.labels, train.exact_nll) == (7, 3.5, None, None)
    assert corpus.describe()["name"] == corpus.title == tmp_path.name
    assert corpus.describe()["sentences"] == {"train": 2, "validation": 1, "test": 1}


def test_compressed_files_read_the_same(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "packed").mkdir()
    plain = read(write(tmp_path / "plain"))
    packed = read(write(tmp_path / "packed", **{k: gzip.compress(v.encode()) for k, v in SPLITS.items()}))
    assert packed.fingerprint == plain.fingerprint


def test_blank_lines_and_line_ends_do_not_matter(tmp_path: Path) -> None:
    corpus = read(write(tmp_path, train="\r\na b c\r\n \n\nb  c"))
    assert text(corpus, "train") == ["a b c", "b c"]


def test_labels_in_one_split_alone(tmp_path: Path) -> None:
    refused(
        write(tmp_path, train="0\ta\n"), "valid.txt:1: no label, but", "train.txt:1 has a label", "in all three"
    )
    refused(write(tmp_path, test="\n0\ta\n"), "train.txt:1: no label, but", "test.txt:2 has a label")


def test_a_plain_and_a_packed_file_of_one_split(tmp_path: Path) -> None:
    spec = write(tmp_path)
    (tmp_path / "valid.txt.gz").write_bytes(gzip.compress(b"a\n"))
    assert missing_files(spec, NOWHERE) == []
    refused(spec, "both valid.txt and valid.txt.gz are there", "move the other away")


def test_labels_are_kept(tmp_path: Path) -> None:
    corpus = read(write(tmp_path, train="1\ta b\n0\tc\n", valid="0\ta\n", test="x y\tb\n"))
    assert text(corpus, "train") == ["a b", "c"]
    assert [corpus.splits["train"].labels, corpus.splits["test"].labels] == [["1", "0"], ["x y"]]


def test_limit_and_cap(tmp_path: Path) -> None:
    spec = write(tmp_path, train="a b\nc c\nd d d\n", valid="a\nb\n").model_copy(
        update={"limit": LimitSpec(train=2), "vocabulary_size": 5}
    )
    corpus = read(spec)
    assert len(corpus.splits["train"].sentences) == 2
    assert len(corpus.splits["validation"].sentences) == 2
    assert corpus.vocabulary.words[4:] == ("c",), "counted over the limited split"


def test_a_limit_reads_no_further(tmp_path: Path) -> None:
    spec = write(tmp_path, train="a\nb\n").model_copy(update={"limit": LimitSpec(train=2)})
    (tmp_path / "train.txt").write_bytes(b"a\nb\n\xff\xfe\n")
    assert text(read(spec), "train") == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "line", "found"), [("0\ta\nb\n", 2, "no label"), ("a\nb\n\n1\tc\n", 4, "a label")]
)
def test_mixed_labels(tmp_path: Path, content: str, line: int, found: str) -> None:
    refused(write(tmp_path, train=content), f"train.txt:{line}: {found}, unlike", "label all lines or none")


def test_a_label_without_a_sentence(tmp_path: Path) -> None:
    refused(write(tmp_path, valid="0\ta\n1\t \n"), "valid.txt:2", "label<TAB>sentence")


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file(tmp_path: Path, content: str) -> None:
    refused(write(tmp_path, test=content), "test.txt", "no sentence")


def test_an_absent_file(tmp_path: Path) -> None:
    spec = write(tmp_path, valid=None)
    assert missing_files(spec, NOWHERE) == ["valid.txt[.gz]"]
    refused(spec, str(tmp_path), "no valid.txt or valid.txt.gz")


def test_missing_files_of_a_named_corpus(tmp_path: Path) -> None:
    (tmp_path / "ptb").mkdir()
    (tmp_path / "ptb" / "test.txt").write_text("a\n")
    assert missing_files(CorpusSpec(name="ptb"), tmp_path) == ["train.txt[.gz]", "valid.txt[.gz]"]
    assert missing_files(CorpusSpec(name="captions"), NOWHERE) == []


def test_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    spec = write(tmp_path)
    (tmp_path / "train.txt").write_bytes(b"a b\ncaf\xe9\n")
    refused(spec, "train.txt", "not UTF-8")


PACKED = gzip.compress("".join(f"word{i * 7919 % 1000} other{i}\n" for i in range(500)).encode())


@pytest.mark.parametrize("kept", [1, 12, len(PACKED) // 2, len(PACKED) - 1])
def test_a_truncated_archive(tmp_path: Path, kept: int) -> None:
    refused(write(tmp_path, train=PACKED[:kept]), "train.txt.gz", "cut short")


@pytest.mark.parametrize("place", [0, 10, 11, 30, len(PACKED) // 2, len(PACKED) - 6])
def test_an_archive_with_a_damaged_byte(tmp_path: Path, place: int) -> None:
    damaged = bytearray(PACKED)
    damaged[place] ^= 0x55
    refused(write(tmp_path, train=bytes(damaged)), "train.txt.gz")


@pytest.mark.parametrize(
    "changed",
    [
        {"train": "a b c\nc b\n"},
        {"train": "b c\na b c\n"},
        {"train": "a b c\nb c\nb c\n"},
        {"train": "a b c b\nc\n"},
        {"valid": "a\n"},
        {"test": "b <unk> y\n"},
        {"train": "0\ta b c\n1\tb c\n", "valid": "0\ta z\n", "test": "0\tc <unk> y\n"},
    ],
)
def test_the_fingerprint_sees_every_change(tmp_path: Path, changed: dict[str, str]) -> None:
    before = read(write(tmp_path)).fingerprint
    assert read(write(tmp_path)).fingerprint == before
    assert read(write(tmp_path, **changed)).fingerprint != before


def test_the_fingerprint_does_not_depend_on_the_place(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    assert read(write(tmp_path / "here")).fingerprint == read(write(tmp_path / "there")).fingerprint


def test_captions_carry_labels_and_exact_likelihood() -> None:
    corpus = tiny_corpus()
    drawn = captions.splits()
    for name, split in corpus.splits.items():
        expected = drawn[name][: len(split.sentences)]
        assert split.exact_nll is not None
        np.testing.assert_array_equal(split.exact_nll, [-caption.log_probability for caption in expected])
        assert split.labels == [caption.label for caption in expected]
    assert text(corpus, "train") == [" ".join(caption.tokens) for caption in drawn["train"][:48]]
    assert {name: len(split.sentences) for name, split in corpus.splits.items()} == {
        "train": 48, "validation": 16, "test": 12,
    }  # fmt: skip


@pytest.mark.parametrize(
    "fields", [{}, {"name": "ptb", "path": "x"}, {"name": "wikipedia"}, {"name": "ptb", "vocabulary_size": 4}]
)
def test_a_spec_names_one_source(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CorpusSpec.model_validate(fields)
