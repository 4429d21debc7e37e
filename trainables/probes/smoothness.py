"""Smoothness: do distances between codes follow those between sentences (paper, Table 5)?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from torch import Tensor

from trainables.model.vae import Vae
from trainables.probes.codes import inner, posteriors
from trainables.text.corpus import Split
from trainables.text.vocabulary import Ids

_Floats = NDArray[np.float64]
Pairs = NDArray[np.int64]
_CHUNK = 1 << 16


def smoothness(model: Vae, split: Split, pairs: int, seed: int) -> float | None:
    """Return Pearson's correlation over random pairs of sentences, or None where it is undefined.

    It relates the L2 distance of posterior means to the word edit distance. A single sentence has no pairs.
    """
    if len(split.sentences) < 2:
        return None
    chosen = random_pairs(len(split.sentences), pairs, seed)
    latent = latent_distances(posteriors(model, split.sentences).mean, chosen)
    return pearson(latent, edit_distances(split.sentences, chosen))


def random_pairs(count: int, pairs: int, seed: int) -> Pairs:
    """Return [pairs, 2] row numbers of independent, uniform pairs of two different rows out of `count`."""
    draw = np.random.default_rng(seed)
    first = draw.integers(count, size=pairs)
    second = draw.integers(count - 1, size=pairs)
    return np.stack([first, second + (second >= first)], axis=1)


def latent_distances(codes: Tensor, pairs: Pairs) -> _Floats:
    """Return the L2 distance between the codes [N, latent_size] of each pair."""
    plain = codes.double().numpy()
    parts = [pairs[start : start + _CHUNK] for start in range(0, len(pairs), _CHUNK)]
    return np.concatenate([np.linalg.norm(plain[part[:, 0]] - plain[part[:, 1]], axis=1) for part in parts])


def edit_distances(sentences: Sequence[Ids], pairs: Pairs) -> _Floats:
    """Return the least number of words to insert, delete or replace between the sentences of each pair."""
    words = [inner(sentence) for sentence in sentences]
    return np.array([Levenshtein.distance(words[i], words[j]) for i, j in pairs.tolist()], dtype=np.float64)


def pearson(x: _Floats, y: _Floats) -> float | None:
    """Return Pearson's correlation coefficient, or None where one side does not vary."""
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0 else None
