"""Corpora: where a split's sentences come from, their vocabulary and their fingerprint."""

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.base import CorpusError
from trainables.text import captions
from trainables.text.spec import SPLITS, CorpusSpec, LimitSpec, SplitName
from trainables.text.vocabulary import UNK, Ids, Vocabulary

FILE_STEMS: dict[SplitName, str] = {"train": "train", "validation": "valid", "test": "test"}


@dataclass(frozen=True)
class Split:
    """The sentences of one split as ids, with labels and, where known, exact −log p in nats.

    `digest` is that of their words as they were read, None where ids alone are at hand.
    """

    sentences: list[Ids]
    labels: list[str] | None = None
    exact_nll: NDArray[np.float64] | None = None
    digest: str | None = None

    @property
    def words(self) -> int:
        """Scored words: with `</s>`, without `<s>` (the count that enters perplexity)."""
        return sum(len(sentence) - 1 for sentence in self.sentences)

    @property
    def tokens_per_sentence(self) -> float:
        """Scored words per sentence."""
        return self.words / len(self.sentences)

    @property
    def unknown(self) -> int:
        """How many words are `<unk>`."""
        return sum(int((sentence == UNK).sum()) for sentence in self.sentences)


@dataclass(frozen=True)
class Corpus:
    """Three splits over one vocabulary; `fingerprint` is the sha256 of all that training can see."""

    title: str
    vocabulary: Vocabulary
    splits: dict[SplitName, Split]
    fingerprint: str

    def describe(self) -> dict[str, object]:
        """Return what a table of the corpus shows, as plain values."""
        return {
            "name": self.title,
            "fingerprint": self.fingerprint,
            "vocabulary": len(self.vocabulary),
            "sentences": {name: len(split.sentences) for name, split in self.splits.items()},
            "tokens_per_sentence": {name: s.tokens_per_sentence for name, s in self.splits.items()},
            "unknown_words": {name: split.unknown for name, split in self.splits.items()},
            "digests": {name: split.digest for name, split in self.splits.items()},
        }


@dataclass(frozen=True)
class _RawSplit:
    sentences: list[Sequence[str]]
    labels: list[str] | None
    exact_nll: NDArray[np.float64] | None = None


def corpus_directory(spec: CorpusSpec, data_directory: Path) -> Path:
    """Return the directory that holds the files of a corpus that is not embedded."""
    return data_directory / spec.name if spec.name else Path(spec.path or "").expanduser()


def missing_files(spec: CorpusSpec, data_directory: Path) -> list[str]:
    """Return the file names that a corpus lacks, empty where it is complete or embedded."""
    if spec.name == "captions":
        return []
    directory = corpus_directory(spec, data_directory)
    return [f"{stem}.txt[.gz]" for stem in FILE_STEMS.values() if _find(directory, stem) is None]


def load_corpus(spec: CorpusSpec, data_directory: Path) -> Corpus:
    """Read a corpus. Raises CorpusError where files are absent, empty or malformed."""
    if spec.name == "captions":
        return captions_corpus(spec)
    return _corpus(spec, _read_directory(corpus_directory(spec, data_directory), spec.limit))


def captions_corpus(spec: CorpusSpec, seed: int = captions.CORPUS_SEED) -> Corpus:
    """Draw the embedded corpus; another seed gives a fresh sample of the same grammar."""
    return _corpus(spec, _read_captions(spec.limit, seed))


def _corpus(spec: CorpusSpec, raw: dict[SplitName, _RawSplit]) -> Corpus:
    vocabulary = Vocabulary.build(raw["train"].sentences, spec.vocabulary_size)
    splits = {
        name: Split(
            [vocabulary.encode(s) for s in split.sentences],
            split.labels,
            split.exact_nll,
            words_digest(split.sentences),
        )
        for name, split in raw.items()
    }
    return Corpus(spec.title, vocabulary, splits, fingerprint_of(vocabulary, splits))


def _read_captions(limit: LimitSpec, seed: int) -> dict[SplitName, _RawSplit]:
    raw: dict[SplitName, _RawSplit] = {}
    drawn = captions.splits(seed)
    for name in SPLITS:
        chosen = drawn[name][: getattr(limit, name)]
        exact = np.array([-caption.log_probability for caption in chosen])
        raw[name] = _RawSplit([c.tokens for c in chosen], [c.label for c in chosen], exact)
    return raw


def _read_directory(directory: Path, limit: LimitSpec) -> dict[SplitName, _RawSplit]:
    raw: dict[SplitName, _RawSplit] = {}
    for name in SPLITS:
        path = _find(directory, FILE_STEMS[name])
        if path is None:
            raise CorpusError(f"{directory}: no {FILE_STEMS[name]}.txt or {FILE_STEMS[name]}.txt.gz")
        raw[name] = _read_file(path, getattr(limit, name))
    return raw


def _find(directory: Path, stem: str) -> Path | None:
    for suffix in (".txt", ".txt.gz"):
        path = directory / f"{stem}{suffix}"
        if path.is_file():
            return path
    return None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.decode("utf-8").strip("\ufeff\r\n")
                if text.strip():
                    yield number, text
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 text ({error.reason}); convert it, one sentence a line") from error
    except (EOFError, OSError, zlib.error) as error:
        raise CorpusError(f"{path}: cannot be read ({error}); the file may be cut short or damaged") from error


def _read_file(path: Path, limit: int | None) -> _RawSplit:
    sentences: list[Sequence[str]] = []
    labels: list[str] = []
    for number, text in _lines(path):
        label, tab, rest = text.partition("\t")
        words = (rest if tab else label).split()
        if not words:
            raise CorpusError(f"{path}:{number}: a label without a sentence; write label<TAB>sentence")
        sentences.append(words)
        if tab:
            labels.append(label)
        if len(labels) not in (0, len(sentences)):
            found = "a label" if tab else "no label"
            raise CorpusError(f"{path}:{number}: {found}, unlike the lines before; label all lines or none")
        if limit is not None and len(sentences) == limit:
            break
    if not sentences:
        raise CorpusError(f"{path}: no sentence in it; expected one sentence a line")
    return _RawSplit(sentences, labels or None)


def words_digest(sentences: Iterable[Sequence[str]]) -> str:
    """Return the sha256 (hex) of sentences by their words: joined by blanks, a line each, without labels.

    It names a split whatever its folder, its labels, its blanks and the vocabulary.
    """
    state = hashlib.sha256()
    for sentence in sentences:
        state.update(f"{' '.join(sentence)}\n".encode())
    return state.hexdigest()


def fingerprint_of(vocabulary: Vocabulary, splits: dict[SplitName, Split]) -> str:
    """Return the sha256 (hex) of all that training can see: words, ids and labels."""
    state = hashlib.sha256("\n".join(vocabulary.words).encode())
    for name in SPLITS:
        sentences = splits[name].sentences
        state.update(f"\n{name} {len(sentences)}\n".encode())
        state.update(np.concatenate(sentences).astype("<i8").tobytes())
        state.update("\n".join(splits[name].labels or []).encode())
    return state.hexdigest()
