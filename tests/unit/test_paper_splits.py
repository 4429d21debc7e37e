"""The paper's own splits, recognised by their words; the verdict on another training sample."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.journals import launch
from tests.unit.test_verdicts import OURS
from trainables.text.corpus import Corpus, load_corpus, words_digest
from trainables.text.spec import SPLITS, CorpusSpec, SplitName
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import Journal
from vae_sweep.report.terminal import beside_lines, incomparable_reasons
from vae_sweep.results.paper_splits import Digests, Recognised, known_splits, recognise
from vae_sweep.results.published import TEXTS
from vae_sweep.results.verdicts import PaperComparison, Verdict, comparisons

DATA = Path(os.environ.get("VAE_SWEEP_DATA") or Path(__file__).parents[3] / "shared" / "data")

TEXT: dict[SplitName, list[list[str]]] = {
    "train": [["a", "dog", "runs", "."]],
    "validation": [["a", "cat", "sleeps", "."]],
    "test": [["a", "dog", "sleeps", "."], ["a", "cat", "<unk>", "."]],
}
DIGESTS: Digests = {name: words_digest(sentences) for name, sentences in TEXT.items()}
KNOWN: Mapping[str, Digests] = {"ptb": DIGESTS, "snli": {"validation": "v" * 64, "test": "t" * 64}}
SNLI: Digests = {"train": "mine", **KNOWN["snli"]}


def real_corpus(folder: str) -> Corpus:
    """A corpus of the directory of real data; skips where it is not there."""
    if not (DATA / folder).is_dir():
        pytest.skip(f"no {DATA / folder}: set VAE_SWEEP_DATA to a directory with the real {folder}")
    return load_corpus(CorpusSpec(path=str(DATA / folder)), DATA)


def test_a_digest_is_the_sha256_of_the_words_a_line_each() -> None:
    r"""By `printf 'a b\nc\n' | sha256sum`."""
    expected = "721a7916ccfa56849995f47004497d7d8cefa18b0033b017026036cbe016e171"
    assert words_digest([["a", "b"], ["c"]]) == expected


def put(directory: Path, labelled: bool = False, blanks: str = " ") -> Path:
    directory.mkdir()
    for name, stem in zip(SPLITS, ("train", "valid", "test"), strict=True):
        label = "x\t" if labelled else ""
        lines = [f"{label}{blanks.join(words)}\n" for words in TEXT[name]]
        (directory / f"{stem}.txt").write_text("\n".join(lines))
    return directory


@pytest.mark.parametrize("how", [{}, {"labelled": True}, {"blanks": "   "}])
def test_a_text_is_recognised_whatever_its_folder_labels_and_blanks(tmp_path: Path, how: dict[str, Any]) -> None:
    place = put(tmp_path / "any name", **how)
    for size in (None, 5):
        corpus = load_corpus(CorpusSpec(path=str(place), vocabulary_size=size), tmp_path)
        digests = {name: split.digest for name, split in corpus.splits.items()}
        assert digests == DIGESTS
        assert corpus.describe()["digests"] == DIGESTS
        found = recognise(digests, KNOWN)
        assert found is not None
        assert str(found) == "the paper's own ptb, all three splits"


@pytest.mark.parametrize(
    ("digests", "said"),
    [
        ({}, None),
        ({"train": "a", "validation": "b", "test": "c"}, None),
        (
            {**DIGESTS, "train": "a"},
            "the paper's own ptb in validation and test: same test sentences, another training sample",
        ),
        (
            SNLI,
            "the paper's own snli in validation and test: same test sentences, another training sample, or the "
            "paper's, of which no digest is known",
        ),
        ({**DIGESTS, "test": "a"}, "the paper's own ptb in train and validation"),
        ({**DIGESTS, "validation": "v" * 64}, "the paper's own ptb in train and test"),
    ],
)
def test_what_is_recognised_is_said(digests: Digests, said: str | None) -> None:
    found = recognise(digests, KNOWN)
    assert (found and str(found)) == said


def test_the_known_digests_are_whole() -> None:
    known = known_splits()
    assert set(known) == {"ptb", "snli", "yelp"}
    assert set(known["ptb"]) == set(SPLITS)
    found = [digest for theirs in known.values() for digest in theirs.values()]
    assert all(digest is not None and len(digest) == 64 for digest in found)
    assert len(set(found)) == len(found) == 7


@pytest.mark.parametrize(
    ("folder", "corpus", "whole"),
    [("ptb", "ptb", True), ("snli_paper_test", "snli", False), ("yelp_paper_test", "yelp", False)],
)
def test_the_real_files_are_recognised(folder: str, corpus: str, whole: bool) -> None:
    found = recognise({name: split.digest for name, split in real_corpus(folder).splits.items()})
    assert isinstance(found, Recognised)
    assert (found.corpus, found.whole, found.other_training) == (corpus, whole, not whole)


@pytest.mark.parametrize("folder", ["snli", "yelp"])
def test_other_samples_of_the_same_sources_are_not(folder: str) -> None:
    assert recognise({name: split.digest for name, split in real_corpus(folder).splits.items()}) is None


def compared(
    path: Path,
    digests: Digests | None,
    name: str | None = None,
    known: Mapping[str, Digests] = KNOWN,
    **corpus: Any,
) -> dict[str, PaperComparison]:
    """Compare one cell of `ours` at λ = 4 with PTB's numbers on a text of these digests."""
    about = {"name": name, "vocabulary_size": None, "limit": {"train": None}} | corpus
    objective = {"kl": {"kind": "free_bits", "target_rate": 4.0, "per": "sentence"}}
    spec = {
        "corpus": about,
        "corpus_fingerprint": "f00d",
        "model": {"latent_size": 32},
        "method": {"name": "ours", "objective": objective},
    }
    values = {"target_rate": 4.0}
    with Journal(path / "journal.jsonl") as journal:
        text = {"name": "mine", "fingerprint": "f00d"} | ({"digests": digests} if digests else {})
        launch(journal, spec={"name": "small", "corpus": about}, corpus=text)
        journal.write("cell", cell=0, method="ours", values=values)
        journal.write("trial", trial="t", cell=0, seed=0, method="ours", values=values, attempt=1, spec=spec)
        journal.write("final", trial="t", outcome="finished", reason=None, numbers={}, checkpoint=None)
        journal.write("scored", trial="t", numbers={f"test/{metric}": value for metric, value in OURS.items()})
    return {one.metric: one for one in comparisons(read_sweep(path / "journal.jsonl"), known)}


OTHER = {**DIGESTS, "train": "a"}


def test_the_same_test_sentences_after_another_training_sample(tmp_path: Path) -> None:
    """PPL 96.20 against 96.17 is within the tolerance."""
    found = compared(tmp_path, OTHER)
    verdicts = {one.verdict for one in found.values()}
    assert verdicts <= {Verdict.OTHER_TRAINING, Verdict.CANNOT_TELL}
    near = next(one for one in found.values() if one.verdict is Verdict.OTHER_TRAINING)
    assert near.verdict.value == "same test sentences, another training sample"
    assert near.within
    assert "within it; what another training sample makes is not in it" in near.why
    assert "(=)" in str(beside_lines(list(found.values())))
    assert incomparable_reasons(list(found.values()))[-1].startswith(
        "same test sentences, another training sample: agreement"
    )


def test_the_whole_text_is_judged_as_ever(tmp_path: Path) -> None:
    found = compared(tmp_path, DIGESTS)
    assert Verdict.OTHER_TRAINING not in {one.verdict for one in found.values()}
    assert all("fingerprint" in one.why for one in found.values()), "the handmade one is none of the tables'"


def test_other_test_sentences_under_the_name_do_not_compare(tmp_path: Path) -> None:
    found = compared(tmp_path, {"train": "a", "validation": "b", "test": "c"}, name="ptb")
    assert {one.verdict for one in found.values()} == {Verdict.NOT_COMPARABLE}
    assert all("the test sentences are not the tables'" in one.why for one in found.values())


def test_a_text_that_is_not_known_is_in_no_table(tmp_path: Path) -> None:
    assert compared(tmp_path, {"train": "a", "validation": "b", "test": "c"}) == {}


def test_a_cut_training_split_does_not_compare(tmp_path: Path) -> None:
    found = compared(tmp_path, OTHER, limit={"train": 500})
    assert {one.verdict for one in found.values()} == {Verdict.NOT_COMPARABLE}


@pytest.mark.parametrize(("size", "cut"), [(10_000, False), (9_000, True)])
def test_snlis_own_vocabulary_is_no_cut(tmp_path: Path, size: int, cut: bool) -> None:
    found = compared(tmp_path, SNLI, vocabulary_size=size)
    assert TEXTS["snli"].words == 10_000
    assert all(("the vocabulary or the training split is cut" in one.why) == cut for one in found.values())
