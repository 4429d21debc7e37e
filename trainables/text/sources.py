"""SOURCES: where each public corpus lies, and what is known of it in advance."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trainables.text import prepare
from trainables.text.prepare import Files, Texts

RAW = "https://raw.githubusercontent.com"
RNNLM = f"{RAW}/timbmg/RNNLM/e26dff5d8f4b5d07ee459f192ee2131923d7584f"
CYCLICAL = f"{RAW}/haofuml/cyclical_annealing/6ef4ebabb631df696cf4bfc333a965283eba1958"


@dataclass(frozen=True)
class RemoteFile:
    """A file to download: `limit` bounds its bytes, `sha256` is None where only the result's is known."""

    name: str
    url: str
    limit: int
    sha256: str | None = None


@dataclass(frozen=True)
class CorpusSource:
    """A corpus that can be fetched; `version` is bumped by hand when `prepare` gives another text."""

    name: str
    files: tuple[RemoteFile, ...]
    prepare: Callable[[Files], Texts]
    terms: str
    note: str
    text_sha256: Mapping[str, str] = field(default_factory=dict)
    version: int = 1


_SOURCES = (
    CorpusSource(
        name="ptb",
        files=(RemoteFile("ptb.zip", f"{RNNLM}/data/ptb.zip", 10_000_000),),
        prepare=prepare.ptb,
        terms="from the LDC's Treebank-3 (Wall Street Journal): research use, not openly licensed",
        note="Mikolov's preprocessing, complete: the paper's PTB",
        text_sha256={
            "train": "5145926136ee9aef6f359b267ac09cc8a920879cd71725de17c490dd111d2998",
            "valid": "fadf6277290823f881b7bf39b84e88536c87a859cd629dcfd1d2dfdef06097cf",
            "test": "c2f8c16a611595d31da5acdb7a61d50e7d5e95f6b9c05fceda5f5ddc4383e791",
        },
    ),
    CorpusSource(
        name="snli",
        files=(
            RemoteFile(
                "snli_1.0.zip",
                "https://nlp.stanford.edu/projects/snli/snli_1.0.zip",
                120_000_000,
                "afb3d70a5af5d8de0d9d81e2637e0fb8c22d1235c2749d83125ca43dab0dbd3e",
            ),
        ),
        prepare=prepare.snli,
        terms="CC BY-SA 4.0 (Bowman et al. 2015)",
        note="our sample and tokens, not the paper's own sample: compare with its rows with care",
    ),
    CorpusSource(
        name="yelp",
        files=tuple(
            RemoteFile(name, f"{CYCLICAL}/semi/data/yelp/{name}", 8_000_000) for name in prepare.YELP_LINES
        ),
        prepare=prepare.yelp,
        terms="Yelp Dataset Terms: academic, non-commercial",
        note="balanced sample of Shen et al.'s dev and test files, not the paper's own sample",
        text_sha256={
            "train": "10950d449ce0a8b520ab8ac8b32047d5e4739a0655fa704eab9b6cb58778dd86",
            "valid": "2d63da8060094a1bf9d858e3ed1e9063b7ea0b859907dd2657a680bb1351835e",
            "test": "e967b2cc1b45cc7b60017dad3ffbf204be6c7dff77301606dbdd591e8a48efe5",
        },
    ),
)

SOURCES: Mapping[str, CorpusSource] = {source.name: source for source in _SOURCES}

BY_HAND: Mapping[str, str] = {
    "yahoo": """\
yahoo cannot be fetched by a command: it is handed out through Google Drive, behind a form.
1. Get the paper's 100,000 / 10,000 / 10,000 documents (Yang et al. 2017, with labels) from the authors:
   https://github.com/bohanli/vae-pretraining-encoder, `python prepare_data.py --dataset yahoo`
   (it loads https://drive.google.com/uc?export=download&id=13azGlTuGdzWLCmgDmQPmvb_jcexVWX7i)
2. Put its files here, as they are (or gzipped, as .txt.gz):
   yahoo_label_data/yahoo.train.txt  as  {directory}/train.txt
   yahoo_label_data/yahoo.valid.txt  as  {directory}/valid.txt
   yahoo_label_data/yahoo.test.txt   as  {directory}/test.txt
   UTF-8, one document a line, tokens separated by single blanks, label<TAB> in front.""",
}
