"""The paper's own splits, recognised by a digest of their words, whatever their folder is called."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from trainables.text.spec import SPLITS
from vae_sweep.journal.records import SweepRecord

Digests = Mapping[str, str | None]
"""Split -> `trainables.text.corpus.words_digest` of its sentences."""

OTHER_TRAINING = "same test sentences, another training sample"


@dataclass(frozen=True)
class Recognised:
    """Which splits of a corpus are the paper's; `published` are those whose digest is known."""

    corpus: str
    splits: tuple[str, ...]
    published: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Say whether all three splits are the paper's."""
        return set(self.splits) == set(SPLITS)

    @property
    def other_training(self) -> bool:
        """Say whether the test split is the paper's, and the training split is not known to be."""
        return "test" in self.splits and "train" not in self.splits

    def __str__(self) -> str:
        if self.whole:
            return f"the paper's own {self.corpus}, all three splits"
        text = f"the paper's own {self.corpus} in {' and '.join(self.splits)}"
        if not self.other_training:
            return text
        unless = "" if "train" in self.published else ", or the paper's, of which no digest is known"
        return f"{text}: {OTHER_TRAINING}{unless}"


@cache
def known_splits() -> Mapping[str, Digests]:
    """Return the digests of the paper's splits, corpus -> split -> digest, as far as they are known."""
    found: dict[str, dict[str, str | None]] = {}
    text = files("vae_sweep.results").joinpath("published_numbers/splits.csv").read_text(encoding="utf-8")
    for line in csv.DictReader(text.splitlines()):
        found.setdefault(line["corpus"], {})[line["split"]] = line["sha256"]
    return MappingProxyType(found)


def recognise(digests: Digests, known: Mapping[str, Digests] | None = None) -> Recognised | None:
    """Return whose splits these are, those of the test split first; None where none is the paper's."""
    table = known_splits() if known is None else known
    for first in reversed(SPLITS):
        for corpus, theirs in table.items():
            if digests.get(first) is not None and digests[first] == theirs.get(first):
                same = tuple(name for name in SPLITS if name in theirs and digests.get(name) == theirs[name])
                return Recognised(corpus, same, tuple(theirs))
    return None


@dataclass(frozen=True)
class TestedText:
    """What a sweep was tested on: a corpus of the tables by name or by test split, and which splits are theirs.

    `foreign` says that the tables' test split is known and is another one.
    """

    corpus: str
    recognised: Recognised | None = None
    foreign: bool = False

    @property
    def other_training(self) -> bool:
        """Say whether the test sentences are the tables', and the training sample is not known to be."""
        return self.recognised is not None and self.recognised.other_training


def tested_text(record: SweepRecord, known: Mapping[str, Digests]) -> TestedText:
    """Return what a sweep was tested on, by the digests in its journal, else by the name of its corpus."""
    name = (record.spec.get("corpus") or {}).get("name") if record.launches else None
    digests: Digests = (record.launches[-1].corpus.get("digests") or {}) if record.launches else {}
    recognised = recognise(digests, known)
    if recognised is not None and "test" in recognised.splits:
        return TestedText(recognised.corpus, recognised)
    corpus = name if isinstance(name, str) else ""
    theirs = known.get(corpus, {}).get("test")
    return TestedText(corpus, None, digests.get("test") is not None and theirs is not None)
