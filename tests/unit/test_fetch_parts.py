"""The pure parts of fetching: tokens, the table of sources, hints."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import LAW
from trainables.base import CorpusError
from trainables.text.fetch import hint, source_of
from trainables.text.sources import BY_HAND, SOURCES
from trainables.text.spec import CORPORA
from trainables.text.tokenise import letters, tokenise
from vae_sweep.cli.data import CorpusName
from vae_sweep.config.environment import data_directory


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("A man's dog isn't here.", "a man 's dog is n't here ."),
        ("Can't he'd've they're I'LL", "ca n't he 'd 've they 're i 'll"),
        ("is n't the dog 's", "is n't the dog 's"),
        ("A well-dressed, 2-year-old (boy)!", "a well-dressed , 2-year-old ( boy ) !"),
        ("It cost $1,000.50 at 9:20...", "it cost $ 1,000.50 at 9:20 ..."),
        ("“Café”\u00a0is the dogs’ o’clock", "\" cafe \" is the dogs ' o'clock"),
        ("a\tb\nc\u2028d\x00e\ud800", "a b c de"),
        ("", ""),
    ],
)
def test_tokens(text: str, tokens: str) -> None:
    assert " ".join(tokenise(text)) == tokens


@LAW
@given(st.text() | st.text(alphabet="ant's-., 1\"'"))
def test_tokenising_is_stable_and_fits_the_format(text: str) -> None:
    tokens = tokenise(text)
    line = " ".join(tokens)
    assert tokenise(line) == tokens
    assert line.split() == tokens
    assert line.isprintable()
    line.encode("utf-8")


def test_sentences_are_the_same_by_their_letters() -> None:
    assert letters(tokenise("A man isn't in.")) == letters(tokenise("a man is n't in"))
    assert letters(tokenise("...!")) == ""


def test_every_corpus_is_fetched_or_explained() -> None:
    assert {*SOURCES, *BY_HAND, "captions"} == set(CORPORA)
    assert {*SOURCES, *BY_HAND} == {corpus.value for corpus in CorpusName}


@pytest.mark.parametrize("name", SOURCES)
def test_sources_are_https_and_can_be_verified(name: str) -> None:
    source = SOURCES[name]
    assert source.name == name
    assert all(file.url.startswith("https://") and file.limit > 0 for file in source.files)
    assert source.text_sha256.keys() == {"train", "valid", "test"} or all(file.sha256 for file in source.files)


def test_hints_name_the_files_and_the_command() -> None:
    words = hint("snli", Path("/my data"))
    assert "/my data/snli" in words
    assert "train.txt[.gz], valid.txt[.gz], test.txt[.gz]" in words
    assert "vae-sweep data fetch snli --directory '/my data'" in words
    assert "/d/yahoo/valid.txt" in hint("yahoo", Path("/d"))
    assert "data fetch" not in hint("captions", Path("/d"))


def test_what_cannot_be_fetched_is_said() -> None:
    assert source_of("ptb", Path("/d")) is SOURCES["ptb"]
    with pytest.raises(CorpusError, match="Google Drive"):
        source_of("yahoo", Path("/d"))
    with pytest.raises(CorpusError, match="'bible' cannot be fetched; allowed are ptb, snli, yelp"):
        source_of("bible", Path("/d"))


def test_the_data_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VAE_SWEEP_DATA", str(tmp_path))
    assert data_directory(Path("/explicit")) == Path("/explicit")
    assert data_directory(None) == tmp_path
    monkeypatch.setenv("VAE_SWEEP_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert data_directory(None) == Path("/cache/vae-sweep/data")
    assert data_directory(Path("~/x")) == Path.home() / "x"
