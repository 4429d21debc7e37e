"""Splits as they stand in their files: words and labels, not yet ids."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.base import CorpusError
from trainables.text.lines import text_lines
from trainables.text.spec import SPLITS, LimitSpec, SplitName

FILE_STEMS: dict[SplitName, str] = {"train": "train", "validation": "valid", "test": "test"}
_SUFFIXES = (".txt", ".txt.gz")


@dataclass(frozen=True)
class RawSplit:
    """Sentences as words, with labels and, where known, exact −log p in nats.

    Of a split from a file: its `path`, the line `numbers` of the sentences, and which of them hold further tabs
    beyond the one after the label (`tabbed`, places from 0).
    """

    sentences: list[Sequence[str]]
    labels: list[str] | None
    exact_nll: NDArray[np.float64] | None = None
    path: Path | None = None
    numbers: Sequence[int] = ()
    tabbed: Sequence[int] = field(default=(), repr=False)


def find_files(directory: Path, stem: str) -> list[Path]:
    """Return the files that may hold a split."""
    return [path for suffix in _SUFFIXES if (path := directory / f"{stem}{suffix}").is_file()]


def read_directory(directory: Path, limit: LimitSpec) -> dict[SplitName, RawSplit]:
    """Read the three files of a corpus. Raises CorpusError where they are absent, doubled, empty or malformed."""
    paths: dict[SplitName, Path] = {}
    for name, stem in FILE_STEMS.items():
        found = find_files(directory, stem)
        if not found:
            raise CorpusError(f"{directory}: no {stem}.txt or {stem}.txt.gz")
        if len(found) > 1:
            raise CorpusError(
                f"{directory}: both {stem}.txt and {stem}.txt.gz are there, and one alone can be the {name} "
                "split; move the other away"
            )
        paths[name] = found[0]
    raw = {name: _read_file(paths[name], getattr(limit, name)) for name in SPLITS}
    _refuse_half_labelled(raw)
    return raw


def _refuse_half_labelled(raw: dict[SplitName, RawSplit]) -> None:
    with_labels = [split for split in raw.values() if split.labels]
    without = [split for split in raw.values() if not split.labels]
    if with_labels and without:
        shown = f"{with_labels[0].path}:{with_labels[0].numbers[0]} has a label"
        raise CorpusError(
            f"{without[0].path}:{without[0].numbers[0]}: no label, but {shown}; write label<TAB>sentence in all "
            "three files, or labels in none"
        )


def _read_file(path: Path, limit: int | None) -> RawSplit:
    sentences: list[Sequence[str]] = []
    labels: list[str] = []
    numbers, tabbed = array("Q"), array("Q")
    for number, text in text_lines(path):
        label, tab, rest = text.partition("\t")
        words = (rest if tab else label).split()
        if not words:
            if not label.split():
                continue
            raise CorpusError(f"{path}:{number}: a label without a sentence; write label<TAB>sentence")
        if tab:
            labels.append(label)
            if "\t" in rest:
                tabbed.append(len(sentences))
        sentences.append(words)
        numbers.append(number)
        if len(labels) not in (0, len(sentences)):
            found = "a label" if tab else "no label"
            raise CorpusError(f"{path}:{number}: {found}, unlike the lines before; label all lines or none")
        if len(sentences) == limit:
            break
    if not sentences:
        raise CorpusError(f"{path}: no sentence in it; expected one sentence a line")
    return RawSplit(sentences, labels or None, path=path, numbers=numbers, tabbed=tabbed)
