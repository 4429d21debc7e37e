"""A trained text VAE in use: sentences to codes, and codes to sentences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from safetensors.torch import save
from torch import Tensor

from trainables.base import StateError, VaeSweepError, derived_seed
from trainables.model.spec import LONGEST
from trainables.model.vae import Vae
from trainables.outputs import SPEC_FILE, VOCABULARY_FILE, load_model, read_trial_spec, stored_vocabulary
from trainables.probes.codes import decode, posteriors, standard_normal
from trainables.probes.interpolation import interpolate_codes
from trainables.spec import TrialSpec
from trainables.storage_paths import StoragePath
from trainables.text.corpus import Corpus
from trainables.text.planned import check_planned
from trainables.text.tokenise import tokenise
from trainables.text.vocabulary import Ids, Vocabulary

TOKENISED = ("captions", "snli")
"""Corpora that are what `tokenise` makes of raw English, so that it may be applied to any text for them."""

CODE_FILES = (".safetensors", ".npy")

_Corpora = Callable[[TrialSpec], Corpus]
"""Gives the corpus that a trial was trained on; raises CorpusError where it is not at hand."""


class UseError(VaeSweepError):
    """A trained model is asked for what it cannot do."""


@dataclass(frozen=True)
class TextVae:
    """A trained model with its vocabulary; texts are split at blanks, those of captions and SNLI as raw English.

    Nothing depends on the device or on which texts come together, but in the last bits.
    """

    spec: TrialSpec
    vocabulary: Vocabulary
    model: Vae

    def words(self, text: str) -> list[str]:
        """Return the words of a text as the model's corpus splits them."""
        if self.spec.corpus.name not in TOKENISED:
            return text.split()
        return [word for part in text.split() for word in ([part] if part in self.vocabulary else tokenise(part))]

    def unknown(self, texts: Sequence[str]) -> list[str]:
        """Return the words outside the vocabulary, as often as they occur: the model reads them as `<unk>`."""
        return [word for text in texts for word in self.words(text) if word not in self.vocabulary]

    def encode(self, texts: Sequence[str], seed: int | None = None) -> Tensor:
        """Return the posterior mean of each text, or with a seed a sample of its posterior, [N, latent_size].

        A text without words is the empty sentence. Raises UseError for a language model.
        """
        self._need_code("encode")
        posterior = posteriors(self.model, [self._ids(text) for text in texts])
        if seed is None:
            return posterior.mean
        return posterior.sample(standard_normal(seed, len(texts), self.latent_size))

    def decode(self, codes: Tensor, seed: int | None = None, longest: int = LONGEST) -> list[str]:
        """Return the most probable words for each code [N, latent_size], or with a seed words drawn from p(x|z).

        A sentence is cut after `longest` words; one of that length has no end.
        Raises UseError for a language model or codes of another width.
        """
        self._need_code("decode")
        if codes.dim() != 2 or codes.shape[1] != self.latent_size:
            found = list(codes.shape)
            raise UseError(f"codes of shape {found}; this model's codes are [N, {self.latent_size}]")
        return self._texts(decode(self.model, codes.float(), seed, longest))

    def reconstruct(self, texts: Sequence[str], longest: int = LONGEST) -> list[str]:
        """Return what comes back of each text through its posterior mean, decoded greedily. Raises UseError."""
        self._need_code("reconstruct")
        return self.decode(self.encode(texts), longest=longest)

    def sample(self, count: int, seed: int, longest: int = LONGEST) -> list[str]:
        """Return sentences drawn from p(z) p(x|z). Raises UseError for an autoencoder: it has no prior."""
        if self.spec.method.autoencodes:
            raise UseError(
                "an autoencoder (ae) cannot generate: nothing ties its codes to a prior to draw from; "
                "take a VAE's trial, or reconstruct and interpolate with this one"
            )
        z = standard_normal(derived_seed(seed, "codes"), count, self.latent_size)
        return self._texts(decode(self.model, z, derived_seed(seed, "words"), longest))

    def interpolate(self, source: str, target: str, steps: int, longest: int = LONGEST) -> list[str]:
        """Return `steps` (2 or more) greedy sentences on the line between two texts' means, both ends included.

        Raises UseError.
        """
        self._need_code("interpolate")
        if steps < 2:
            raise UseError(f"{steps} steps; an interpolation has at least 2, its two ends")
        means = self.encode([source, target])
        [walk] = interpolate_codes(self.model, means[:1], means[1:], steps - 2, longest)
        return self._texts(walk)

    def codes_file(self, codes: Tensor, suffix: str) -> bytes:
        """Return codes [N, latent_size] as the content of a file of one of CODE_FILES, float32."""
        if suffix == ".safetensors":
            tensors: bytes = save({"codes": codes.contiguous()}, {"trial": self.spec.key()})
            return tensors
        content = BytesIO()
        np.save(content, codes.numpy(), allow_pickle=False)
        return content.getvalue()

    @property
    def latent_size(self) -> int:
        """Return the number of units, 0 for a language model."""
        return self.model.spec.latent_size

    def _ids(self, text: str) -> Ids:
        return self.vocabulary.encode(self.words(text))

    def _texts(self, rows: Sequence[Sequence[int]]) -> list[str]:
        return [" ".join(self.vocabulary.decode(row)) for row in rows]

    def _need_code(self, verb: str) -> None:
        if not self.latent_size:
            raise UseError(
                f"a language model ({self.spec.method.name}) cannot {verb}: it has no code z; it can generate"
            )


def load_text_vae(directory: StoragePath, corpora: _Corpora | None = None, device: str = "cpu") -> TextVae:
    """Read a trained model from the files that its trial left.

    Weights from before the vocabulary was kept beside them need their corpus. Raises StateError where a file is
    absent, damaged or does not fit, CorpusError where the corpus is not at hand, PlaceError.
    """
    spec = read_trial_spec(directory)
    vocabulary = stored_vocabulary(directory)
    if vocabulary is None:
        if corpora is None:
            raise StateError(
                f"{directory}: no {VOCABULARY_FILE} beside {SPEC_FILE}, written by an earlier version; "
                "its words can be had from its sweep's folder alone, with the corpus at hand"
            )
        corpus = corpora(spec)
        check_planned(corpus, spec.corpus_fingerprint)
        vocabulary = corpus.vocabulary
    return TextVae(spec, vocabulary, load_model(directory, spec, vocabulary, device))
