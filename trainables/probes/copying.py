"""Copying: how far samples of the prior lie from the nearest training sentence (paper, Appendix B)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from trainables.base import derived_seed
from trainables.model.vae import Vae
from trainables.probes.codes import decode, inner, standard_normal
from trainables.text.corpus import Corpus

CELLS = 1 << 22
"""Most distances that are held at once (16 MiB)."""


@dataclass(frozen=True)
class Copying:
    """Means over the samples, and over the training split; lengths in words with `</s>`."""

    distance: float
    sample_length: float
    train_length: float
    text: str


def copying(model: Vae, corpus: Corpus, samples: int, seed: int) -> Copying:
    """Draw sentences from the model and find the nearest training sentence of each by word edit distance."""
    train = corpus.splits["train"]
    drawn = prior_samples(model, samples, max(len(sentence) for sentence in train.sentences) - 1, seed)
    references = [inner(sentence) for sentence in train.sentences]
    distances, rows = nearest_sentence(drawn, references)
    lines = [f"{samples} samples of the prior, each with its nearest training sentence and their distance"]
    for sentence, distance, row in zip(drawn, distances.tolist(), rows.tolist(), strict=True):
        lines += ["", f"  sample   {_text(corpus, sentence)}"]
        lines += [f"  {distance:<7d}  {_text(corpus, references[row])}"]
    return Copying(
        distance=float(distances.mean()),
        sample_length=sum(len(sentence) + 1 for sentence in drawn) / samples,
        train_length=train.tokens_per_sentence,
        text="\n".join(lines) + "\n",
    )


def prior_samples(model: Vae, samples: int, longest: int, seed: int) -> list[list[int]]:
    """Return sentences drawn from p(z) p(x|z), as ids of their words; none is longer than `longest`."""
    z = standard_normal(derived_seed(seed, "codes"), samples, model.spec.latent_size)
    return decode(model, z, derived_seed(seed, "words"), longest)


def nearest_sentence(
    sentences: Sequence[Sequence[int]], references: Sequence[Sequence[int]], cells: int = CELLS
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the least word edit distance of each sentence to any reference, and that reference's row.

    At most `cells` distances are held at once.
    """
    distances, rows = [], []
    size = max(1, cells // len(references))
    for start in range(0, len(sentences), size):
        part = process.cdist(
            sentences[start : start + size], references, scorer=Levenshtein.distance, dtype=np.int32, workers=1
        )
        rows.append(part.argmin(axis=1))
        distances.append(part.min(axis=1))
    return np.concatenate(distances), np.concatenate(rows)


def _text(corpus: Corpus, ids: Sequence[int]) -> str:
    return " ".join(corpus.vocabulary.decode(ids))
