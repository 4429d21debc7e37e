"""Which file belongs to which split, and how rows are dealt to splits that have no file."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from trainables.base import CorpusError

STEMS = ("train", "valid", "test")
WORDS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev"),
    "test": ("test", "testing"),
}
"""Split -> what stands for it in file names."""

SHARES = re.compile(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)")
SEED = b"vae-sweep data import 1\n"


@dataclass(frozen=True)
class Parts:
    """The tables of each split, of which `train` is dealt out by `shares` where there are some."""

    tables: dict[str, list[Path]]
    shares: tuple[float, float, float] | None
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deal:
    """Deals texts to train, valid and test: equal ones to the same, wherever they stand."""

    first: int
    second: int

    @classmethod
    def of(cls, texts: Iterable[str], shares: Sequence[float]) -> "Deal":
        """Return the deal that gives each split its share of the distinct texts."""
        ranked = np.unique(np.fromiter(map(_rank, texts), dtype=np.uint64))
        ends = [round(len(ranked) * sum(shares[1 : n + 2]) / sum(shares)) for n in range(2)]
        first, second = (int(ranked[end]) if end < len(ranked) else 1 << 64 for end in ends)
        return cls(first, second)

    def stem(self, text: str) -> str:
        return ("valid", "test", "train")[bisect_right((self.first, self.second), _rank(text))]


def _rank(text: str) -> int:
    return int.from_bytes(sha256(SEED + text.encode()).digest()[:8])


def parts_of(files: Sequence[str], split: str | None) -> Parts:
    """Return what is read for which split: `train=PATH`, or PATH whose name says it, or all dealt by `split`.

    A folder of `datasets` with several splits stands for all of them. Raises CorpusError where that is not clear.
    """
    tables: dict[str, list[Path]] = {stem: [] for stem in STEMS}
    unnamed: list[Path] = []
    ignored: list[str] = []
    for stem, path in _named_tables(files):
        if stem == "":
            unnamed.append(path)
        elif stem is None:
            ignored.append(str(path))
        else:
            tables[stem].append(path)
    if unnamed and any(tables.values()):
        raise CorpusError(
            f"{unnamed[0]}: its name does not say its split, as others do; write train={unnamed[0]}, valid=... "
            "or test=..."
        )
    tables["train"] += unnamed
    return Parts(tables, _shares(tables, split), tuple(ignored))


def stem_of(name: str) -> str | None:
    """Return the split that a file's name speaks of, None where it speaks of none or several."""
    parts = set(re.split(r"[^a-z]+", name.lower()))
    found = [stem for stem, words in WORDS.items() if not parts.isdisjoint(words)]
    return found[0] if len(found) == 1 else None


def _named_tables(files: Sequence[str]) -> Iterable[tuple[str | None, Path]]:
    for text in files:
        start, equals, rest = text.partition("=")
        named = stem_of(start) if equals and start.isalpha() and not Path(text).exists() else None
        path = Path(rest if named else text).expanduser()
        if not path.exists():
            raise CorpusError(f"{path}: no such file")
        inner = None
        if path.is_dir():
            from trainables.text.importing.arrow import folder_splits

            inner = folder_splits(path)
        if inner is None:
            yield named or stem_of(path.name) or "", path
        elif named:
            raise CorpusError(f"{path}: holds the splits {', '.join(inner)}; name the folder of one of them")
        else:
            yield from ((stem_of(name), path / name) for name in inner)


def _shares(tables: dict[str, list[Path]], split: str | None) -> tuple[float, float, float] | None:
    missing = [stem for stem in STEMS if not tables[stem]]
    if "train" in missing:
        raise CorpusError("no file for train; name one train=PATH")
    if split is None:
        if missing:
            usual = "80/10/10" if len(missing) == 2 else "90/10/0" if missing == ["valid"] else "90/0/10"
            raise CorpusError(
                f"no file for {' and '.join(missing)}: name one with {missing[0]}=PATH, or draw from train with "
                f"--split {usual}"
            )
        return None
    match = SHARES.fullmatch(split)
    if match is None:
        raise CorpusError(f"--split {split}: expected shares of train/valid/test, such as 80/10/10")
    shares = (float(match[1]), float(match[2]), float(match[3]))
    for stem, share in zip(STEMS, shares, strict=True):
        if share == 0 and stem in (*missing, "train"):
            raise CorpusError(f"--split {split}: {stem} would be empty; give it a share")
        if share > 0 and stem not in (*missing, "train"):
            raise CorpusError(f"--split {split}: {stem} has a file of its own; give it the share 0")
    return shares
