"""Corpora: where a split's sentences come from, their vocabulary and their fingerprint."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.text import captions
from trainables.text.raw import FILE_STEMS, RawSplit, find_files, read_directory
from trainables.text.remarks.look import remarks_on
from trainables.text.remarks.remark import Remark
from trainables.text.spec import SPLITS, CorpusSpec, LimitSpec, SplitName
from trainables.text.vocabulary import UNK, Ids, Vocabulary


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
    def unknown_share(self) -> float:
        """The share of `<unk>` among the words, without `</s>`."""
        return self.unknown / (self.words - len(self.sentences))

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


def corpus_directory(spec: CorpusSpec, data_directory: Path) -> Path:
    """Return the directory that holds the files of a corpus that is not embedded."""
    return data_directory / spec.name if spec.name else Path(spec.path or "").expanduser()


def missing_files(spec: CorpusSpec, data_directory: Path) -> list[str]:
    """Return the file names that are missing of a corpus, empty where it is complete or embedded."""
    if spec.name == "captions":
        return []
    directory = corpus_directory(spec, data_directory)
    return [f"{stem}.txt[.gz]" for stem in FILE_STEMS.values() if not find_files(directory, stem)]


def load_corpus(spec: CorpusSpec, data_directory: Path) -> Corpus:
    """Read a corpus. Raises CorpusError where files are absent, empty or malformed."""
    return load_with_remarks(spec, data_directory, look=False)[0]


def load_with_remarks(spec: CorpusSpec, data_directory: Path, look: bool = True) -> tuple[Corpus, list[Remark]]:
    """Read a corpus and, unless `look` is False, what is odd about its text; the embedded one has no oddities.

    Raises CorpusError where files are absent, empty or malformed.
    """
    if spec.name == "captions":
        return captions_corpus(spec), []
    raw = read_directory(corpus_directory(spec, data_directory), spec.limit)
    corpus = _corpus(spec, raw)
    return corpus, remarks_on(raw, corpus.vocabulary) if look else []


def captions_corpus(spec: CorpusSpec, seed: int = captions.CORPUS_SEED) -> Corpus:
    """Draw the embedded corpus; another seed gives a fresh sample of the same grammar."""
    return _corpus(spec, _read_captions(spec.limit, seed))


def _corpus(spec: CorpusSpec, raw: dict[SplitName, RawSplit]) -> Corpus:
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


def _read_captions(limit: LimitSpec, seed: int) -> dict[SplitName, RawSplit]:
    raw: dict[SplitName, RawSplit] = {}
    drawn = captions.splits(seed)
    for name in SPLITS:
        chosen = drawn[name][: getattr(limit, name)]
        exact = np.array([-caption.log_probability for caption in chosen])
        raw[name] = RawSplit([c.tokens for c in chosen], [c.label for c in chosen], exact)
    return raw


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
