"""Noisy reconstruction: encode a sentence with words swapped, score the clean one (paper, Table 6)."""

from collections.abc import Sequence

import numpy as np

from trainables.measure.final import evaluation_batches
from trainables.model.vae import Vae
from trainables.probes.codes import device_of, posteriors, reconstruction, standard_normal
from trainables.text.corpus import Split
from trainables.text.vocabulary import Ids


def swapped(sentence: Ids, draw: np.random.Generator) -> Ids:
    """Return a copy with the words of two different places swapped; a single word stays as it is."""
    noisy = sentence.copy()
    words = len(sentence) - 2
    if words < 2:
        return noisy
    i, j = int(draw.integers(words)), int(draw.integers(words - 1))
    places = [1 + i, 1 + j + (j >= i)]
    noisy[places] = noisy[places[::-1]]
    return noisy


def noisy_reconstruction(model: Vae, split: Split, swaps: int, seed: int) -> list[float]:
    """Return the mean reconstruction loss, nats per sentence, after 1, 2, ... `swaps` swaps.

    The code is one sample of the noisy sentence's posterior. A sentence with k swaps is that with k − 1 and one
    more, and the noise of the sample is the same for every k, so that the numbers of one model are paired.
    """
    draw = np.random.default_rng(seed)
    noise = standard_normal(seed, len(split.sentences), model.spec.latent_size)
    clean = evaluation_batches(split.sentences, device_of(model))
    noisy: Sequence[Ids] = split.sentences
    losses = []
    for _ in range(swaps):
        noisy = [swapped(sentence, draw) for sentence in noisy]
        z = posteriors(model, noisy).sample(noise).to(device_of(model))
        total = sum(float(reconstruction(model, b.tokens, z[b.rows]).double().sum()) for b in clean)
        losses.append(total / len(split.sentences))
    return losses
