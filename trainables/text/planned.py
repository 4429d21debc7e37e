"""The corpus that a trial was planned with: read once by each process, and its text once by each machine."""

from dataclasses import dataclass, field
from pathlib import Path

from trainables.base import CorpusError, StateError
from trainables.text.corpus import Corpus, load_corpus
from trainables.text.spec import CorpusSpec
from trainables.text.tokenised import read_tokenised, tokenised_file, write_tokenised


@dataclass
class Corpora:
    """Gives a process its corpus and keeps the last; tokenised text lies in `directory`, which may be deleted."""

    directory: Path
    _last: dict[tuple[CorpusSpec, str, Path], Corpus] = field(default_factory=dict)

    def planned(self, spec: CorpusSpec, fingerprint: str, data_directory: Path, remarks: list[str]) -> Corpus:
        """Return the corpus with this fingerprint; what is wrong with its tokenised file is added to `remarks`.

        Raises CorpusError where it cannot be read, StateError where it is another one.
        """
        key = spec, fingerprint, data_directory
        if key not in self._last:
            corpus = self._tokenised(spec, fingerprint, remarks)
            if corpus is None:
                corpus = load_corpus(spec, data_directory)
                check_planned(corpus, fingerprint)
                self._keep(spec, corpus, remarks)
            self._last = {key: corpus}
        return self._last[key]

    def _tokenised(self, spec: CorpusSpec, fingerprint: str, remarks: list[str]) -> Corpus | None:
        try:
            return read_tokenised(self.directory, spec.title, fingerprint)
        except CorpusError as error:
            remarks.append(f"{error}; made anew from the text")
            return None

    def _keep(self, spec: CorpusSpec, corpus: Corpus, remarks: list[str]) -> None:
        if spec.name == "captions":
            return
        try:
            write_tokenised(self.directory, corpus)
        except OSError as error:
            path = tokenised_file(self.directory, corpus.fingerprint)
            remarks.append(f"{path}: cannot be written ({error.strerror}); each process reads the text")


def check_planned(corpus: Corpus, fingerprint: str) -> None:
    """Raise StateError where a corpus is not the one that was planned with."""
    if corpus.fingerprint != fingerprint:
        raise StateError(
            f"corpus {corpus.title}: fingerprint {corpus.fingerprint[:12]} here, but the trial was planned "
            f"with {fingerprint[:12]}; give every machine the same files"
        )
