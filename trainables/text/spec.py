"""Which text a trial reads."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from trainables.base import Spec

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")

CORPORA: dict[str, str] = {
    "captions": "embedded: drawn from a grammar of known entropy, nothing to download",
    "ptb": "Penn Treebank, Mikolov's preprocessing: 42,068 / 3,370 / 3,761 sentences",
    "snli": "SNLI sentences: 100,000 / 10,000 / 10,000",
    "yahoo": "Yahoo answers (Yang et al. 2017): 100,000 / 10,000 / 10,000 documents, labels",
    "yelp": "Yelp sentiment (Shen et al. 2017): 100,000 / 10,000 / 10,000 sentences, labels",
}


class LimitSpec(Spec):
    """How many sentences of each split are read, from the start of its file; none is all."""

    train: int | None = Field(None, ge=2)
    validation: int | None = Field(None, ge=2)
    test: int | None = Field(None, ge=2)


class CorpusSpec(Spec):
    """Which text: a name of CORPORA, or `path`, a directory with train, valid and test files."""

    name: Literal["captions", "ptb", "snli", "yahoo", "yelp"] | None = Field(
        None, description="a known corpus; this or path"
    )
    path: str | None = Field(None, description="directory with train|valid|test .txt or .txt.gz")
    vocabulary_size: int | None = Field(None, gt=4, description="cap, with the 4 special entries")
    limit: LimitSpec = LimitSpec()

    @model_validator(mode="after")
    def _one_source(self) -> "CorpusSpec":
        if (self.name is None) == (self.path is None):
            raise ValueError(f"give either name (one of {', '.join(CORPORA)}) or path (a directory)")
        return self

    @property
    def title(self) -> str:
        """The name, or the last part of the path."""
        return self.name or Path(self.path or "").name
