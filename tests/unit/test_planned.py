"""The corpus of a trial: read once by each process, from text once by each machine, never another than planned."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import CAPTIONS, LAW, NOWHERE, tiny_corpus
from trainables.base import CorpusError, StateError
from trainables.text.corpus import Corpus, load_corpus
from trainables.text.planned import Corpora
from trainables.text.spec import CorpusSpec
from trainables.text.tokenised import read_tokenised, tokenised_file, write_tokenised

TEXT = "good\ta dog runs\nbad\tthe dog sleeps at the door\n"


def corpus_in(directory: Path, text: str = TEXT) -> CorpusSpec:
    for stem in ("train", "valid", "test"):
        (directory / f"{stem}.txt").write_text(text)
    return CorpusSpec(path=str(directory))


def same(one: Corpus, other: Corpus) -> bool:
    """Whether two corpora are equal in all that training can see."""
    words = (one.title, one.vocabulary.words, one.fingerprint) == (
        other.title,
        other.vocabulary.words,
        other.fingerprint,
    )
    return words and all(
        split.labels == other.splits[name].labels
        and [sentence.tolist() for sentence in split.sentences]
        == [sentence.tolist() for sentence in other.splits[name].sentences]
        and all(sentence.dtype == np.int64 for sentence in split.sentences)
        for name, split in one.splits.items()
    )


def test_a_process_reads_its_corpus_once(tmp_path: Path) -> None:
    spec, corpora, remarks = corpus_in(tmp_path), Corpora(tmp_path / "cache"), list[str]()
    fingerprint = load_corpus(spec, tmp_path).fingerprint
    first = corpora.planned(spec, fingerprint, tmp_path, remarks)
    assert corpora.planned(CorpusSpec(path=str(tmp_path)), fingerprint, tmp_path, remarks) is first
    assert remarks == []


def test_the_next_process_reads_no_text(tmp_path: Path) -> None:
    spec, remarks = corpus_in(tmp_path), list[str]()
    wanted = load_corpus(spec, tmp_path)
    Corpora(tmp_path / "cache").planned(spec, wanted.fingerprint, tmp_path, remarks)
    corpus_in(tmp_path, "another text\n")
    assert same(Corpora(tmp_path / "cache").planned(spec, wanted.fingerprint, tmp_path, remarks), wanted)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [f"{wanted.fingerprint}.safetensors"]
    assert remarks == []


def test_a_wrong_corpus_is_refused_until_its_files_are_right(tmp_path: Path) -> None:
    spec, corpora = corpus_in(tmp_path), Corpora(tmp_path / "cache")
    fingerprint = load_corpus(spec, tmp_path).fingerprint
    corpus_in(tmp_path, "another text\n")
    for _ in range(2):
        with pytest.raises(StateError, match="fingerprint"):
            corpora.planned(spec, fingerprint, tmp_path, [])
    corpus_in(tmp_path)
    assert corpora.planned(spec, fingerprint, tmp_path, []).fingerprint == fingerprint


def test_an_absent_corpus_is_an_error_each_time(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(CorpusError, match=r"no train\.txt"):
            Corpora(tmp_path / "cache").planned(CorpusSpec(path=str(tmp_path)), "0" * 64, tmp_path, [])


def test_the_embedded_corpus_leaves_no_file(tmp_path: Path) -> None:
    corpus = Corpora(tmp_path / "cache").planned(CAPTIONS, tiny_corpus().fingerprint, NOWHERE, [])
    assert corpus.splits["test"].exact_nll is not None
    assert not (tmp_path / "cache").exists()


@LAW
@given(st.data())
def test_no_damage_is_taken_for_a_corpus(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """One byte changed or the end cut off: refused, or the same corpus where the byte means nothing."""
    place = tmp_path_factory.mktemp("corpus")
    corpus = load_corpus(corpus_in(place), place)
    write_tokenised(place, corpus)
    path = tokenised_file(place, corpus.fingerprint)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[position] ^= data.draw(st.integers(1, 255))
    else:
        del content[position:]
    path.write_bytes(content)
    try:
        found = read_tokenised(place, corpus.title, corpus.fingerprint)
    except CorpusError:
        return
    assert found is not None
    assert same(found, corpus)


def test_a_damaged_file_is_named_and_made_anew(tmp_path: Path) -> None:
    spec, remarks = corpus_in(tmp_path), list[str]()
    wanted = load_corpus(spec, tmp_path)
    path = tokenised_file(tmp_path / "cache", wanted.fingerprint)
    path.parent.mkdir()
    path.write_bytes(b"not a corpus")
    assert same(Corpora(path.parent).planned(spec, wanted.fingerprint, tmp_path, remarks), wanted)
    assert len(remarks) == 1
    assert remarks[0].startswith(f"{path}: no sound tokenised corpus")
    assert read_tokenised(path.parent, spec.title, wanted.fingerprint) is not None


def test_a_place_that_cannot_be_written_is_named_and_the_text_serves(tmp_path: Path) -> None:
    spec, remarks = corpus_in(tmp_path), list[str]()
    wanted = load_corpus(spec, tmp_path)
    (tmp_path / "file").write_text("")
    assert same(Corpora(tmp_path / "file").planned(spec, wanted.fingerprint, tmp_path, remarks), wanted)
    assert any("cannot be written (Not a directory)" in remark or "File exists" in remark for remark in remarks)


def test_the_directory_may_be_deleted_while_a_corpus_of_it_is_used(tmp_path: Path) -> None:
    spec, corpora = corpus_in(tmp_path), Corpora(tmp_path / "cache")
    wanted = load_corpus(spec, tmp_path)
    Corpora(tmp_path / "cache").planned(spec, wanted.fingerprint, tmp_path, [])
    found = corpora.planned(spec, wanted.fingerprint, tmp_path, [])
    shutil.rmtree(tmp_path / "cache")
    assert same(found, wanted)
