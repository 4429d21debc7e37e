"""The corpus that a trial was planned with, read once by each process."""

from functools import lru_cache
from pathlib import Path

from trainables.base import StateError
from trainables.text.corpus import Corpus, load_corpus
from trainables.text.spec import CorpusSpec


@lru_cache(maxsize=1)
def planned_corpus(spec: CorpusSpec, fingerprint: str, data_directory: Path) -> Corpus:
    """Return the corpus with this fingerprint; a process keeps the last one, and reads a wrong one again.

    Raises CorpusError where it cannot be read, StateError where it is another one.
    """
    corpus = load_corpus(spec, data_directory)
    check_planned(corpus, fingerprint)
    return corpus


def check_planned(corpus: Corpus, fingerprint: str) -> None:
    """Raise StateError where a corpus is not the one that was planned with."""
    if corpus.fingerprint != fingerprint:
        raise StateError(
            f"corpus {corpus.title}: fingerprint {corpus.fingerprint[:12]} here, but the trial was planned "
            f"with {fingerprint[:12]}; give every machine the same files"
        )
