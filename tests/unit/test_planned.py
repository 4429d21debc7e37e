"""The corpus of a trial: read once by each process, and never another than the planned one."""

from pathlib import Path

import pytest

from trainables.base import CorpusError, StateError
from trainables.text.corpus import load_corpus
from trainables.text.planned import planned_corpus
from trainables.text.spec import CorpusSpec

TEXT = "a dog runs\nthe dog sleeps\n"


def corpus_in(directory: Path, text: str = TEXT) -> CorpusSpec:
    for stem in ("train", "valid", "test"):
        (directory / f"{stem}.txt").write_text(text)
    return CorpusSpec(path=str(directory))


def test_a_process_reads_its_corpus_once(tmp_path: Path) -> None:
    spec = corpus_in(tmp_path)
    fingerprint = load_corpus(spec, tmp_path).fingerprint
    first = planned_corpus(spec, fingerprint, tmp_path)
    assert planned_corpus(CorpusSpec(path=str(tmp_path)), fingerprint, tmp_path) is first


def test_a_wrong_corpus_is_refused_until_its_files_are_right(tmp_path: Path) -> None:
    spec = corpus_in(tmp_path)
    fingerprint = load_corpus(spec, tmp_path).fingerprint
    corpus_in(tmp_path, "another text\n")
    for _ in range(2):
        with pytest.raises(StateError, match="fingerprint"):
            planned_corpus(spec, fingerprint, tmp_path)
    corpus_in(tmp_path)
    assert planned_corpus(spec, fingerprint, tmp_path).fingerprint == fingerprint


def test_an_absent_corpus_is_an_error_each_time(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(CorpusError, match=r"no train\.txt"):
            planned_corpus(CorpusSpec(path=str(tmp_path)), "0" * 64, tmp_path)
