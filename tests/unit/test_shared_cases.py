"""The corpora of ../shared: each that went wrong is refused or remarked on, real ones get true remarks alone."""

import os
from pathlib import Path

import pytest

from tests.corpora import said, shares
from trainables.base import CorpusError
from trainables.text.spec import CorpusSpec

SHARED = Path(__file__).parents[2] / (os.environ.get("VAE_SWEEP_SHARED") or "../shared")
IN_TRAIN, UNLEARNED = "lines that are in train, too", "<unk>, of which training has none"
CASE, FORM = "words that training has in another case", "words that training has in another Unicode normalisation"
SPELLING = "another spelling of <unk>"

REFUSED = {
    "both": "both train.txt and train.txt.gz are there",
    "cr_only": "train.txt:1: lines end in a carriage return (CR) alone",
    "gz_plain": "train.txt.gz: not gzip by its content; if it is plain text, rename it to train.txt",
    "gz_twice": "train.txt.gz: gzipped twice",
    "label_split": "valid.txt:1: no label, but ",
    "latin1": "train.txt:31: not UTF-8 text",
    "nul": "train.txt:3: a NUL character inside the line, in 'do\\x00g'",
    "plain_gz": "train.txt: gzip by its content",
    "utf16": "train.txt:1: not UTF-8 text: it is UTF-16; convert it: iconv -f UTF-16 -t UTF-8",
    "utf16_nobom": "train.txt:1: not UTF-8 text: it is UTF-16LE",
}
SAID = {
    "cased": {CASE, UNLEARNED},
    "chinese": {"no blanks between words"},
    "csv": {"comma-separated columns"},
    "dups": {IN_TRAIN},
    "jsonl_as_txt": {"JSON lines"},
    "label_blank": {"labels as first words"},
    "nfd": {FORM, UNLEARNED},
    "padded": {"reserved words"},
    "same_file": {IN_TRAIN},
    "snli_tsv": {"tab-separated columns"},
    "specials_eos": {"reserved words"},
    "thai": {"no blanks between words"},
    "unk_other": {SPELLING, UNLEARNED},
}


def folder(kind: str, name: str) -> CorpusSpec:
    directory = SHARED / kind / name
    if not directory.is_dir():
        pytest.skip(f"{directory} is not here; VAE_SWEEP_SHARED names the directory that holds {kind}")
    return CorpusSpec(path=str(directory))


def test_every_case_has_its_expectation() -> None:
    folder("cases", ".")
    assert {path.name for path in (SHARED / "cases").iterdir() if path.is_dir()} == {*REFUSED, *SAID}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_right_is_refused_with_its_cause_and_place(name: str) -> None:
    with pytest.raises(CorpusError) as error:
        said(folder("cases", name))
    assert REFUSED[name] in str(error.value)


@pytest.mark.parametrize("name", SAID)
def test_what_is_odd_is_said(name: str) -> None:
    assert {remark.kind for remark in said(folder("cases", name))} == SAID[name]


def test_shares_of_cases_are_as_counted() -> None:
    assert shares(said(folder("cases", "dups"))) == {(IN_TRAIN, "validation"): 1, (IN_TRAIN, "test"): 1}
    assert shares(said(folder("cases", "cased")))[UNLEARNED, "validation"] == 68 / 80


@pytest.mark.parametrize(
    ("name", "warnings", "notes"),
    [
        ("ptb", set(), {IN_TRAIN}),
        ("snli", set(), {UNLEARNED}),
        ("yelp", {IN_TRAIN}, {UNLEARNED}),
        ("yahoo_small", set(), {SPELLING, UNLEARNED}),
    ],
)
def test_real_corpora_get_true_remarks_alone(name: str, warnings: set[str], notes: set[str]) -> None:
    found = said(folder("data", name))
    assert {remark.kind for remark in found if remark.warning} == warnings
    assert {remark.kind for remark in found if not remark.warning} == notes
    if name == "yelp":
        assert shares(found)[IN_TRAIN, "test"] == 1125 / 10000
