"""Small corpora on disk, and what is said of them."""

import random
from pathlib import Path

from tests.helpers import NOWHERE
from trainables.text.corpus import load_with_remarks
from trainables.text.remarks.remark import Remark
from trainables.text.spec import CorpusSpec

DETERMINERS, NOUNS, VERBS = (
    ["a", "the", "one", "this"],
    ["dog", "cat", "bird", "horse", "man", "child", "boat", "woman"],
    ["sees", "hears", "takes", "finds"],
)


def sentences(count: int, seed: int = 0) -> list[str]:
    """Draw distinct sentences of five words and a full stop; other seeds give others."""
    draw = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        words = (draw.choice(part) for part in (DETERMINERS, NOUNS, VERBS, DETERMINERS, NOUNS))
        found[f"{' '.join(words)} ."] = None
    return list(found)


def plain(train: int = 60, held_out: int = 12) -> dict[str, list[str]]:
    """Return three splits of sentences of which none is in two, the words of all in train."""
    drawn = sentences(train + 2 * held_out)
    return {"train": drawn[:train], "valid": drawn[train : train + held_out], "test": drawn[train + held_out :]}


def write_corpus(directory: Path, splits: dict[str, list[str]]) -> CorpusSpec:
    """Write splits as text files."""
    directory.mkdir(parents=True, exist_ok=True)
    for stem, lines in splits.items():
        (directory / f"{stem}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return CorpusSpec(path=str(directory))


def said(spec: CorpusSpec) -> list[Remark]:
    """Return the remarks on a corpus."""
    return load_with_remarks(spec, NOWHERE)[1]


def shares(remarks: list[Remark]) -> dict[tuple[str, str], float]:
    """Return kind and split -> share."""
    return {(remark.kind, remark.split): remark.share for remark in remarks}
