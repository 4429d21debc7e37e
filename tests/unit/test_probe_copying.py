"""Samples of the prior, how they are drawn, and what lies nearest to them."""

import pytest
import torch

from tests.helpers import random_sentences, seeded, tiny_corpus, tiny_model
from tests.probe_models import captions_model, slow_edit_distance
from trainables.probes.codes import inner
from trainables.probes.copying import copying, nearest_sentence, prior_samples
from trainables.text.vocabulary import BOS, EOS, PAD


def test_a_copied_sentence_is_at_distance_zero() -> None:
    references = [[5, 6, 7], [8, 9], [5, 6, 7, 8, 9, 10]]
    distances, rows = nearest_sentence([[8, 9], [5, 6, 8], [5, 6, 7, 8, 9], []], references)
    assert distances.tolist() == [0, 1, 1, 2]
    assert rows.tolist() == [1, 0, 2, 1]


def test_nearest_is_the_least_of_all() -> None:
    words = [inner(s) for s in random_sentences(4, 50, longest=9)]
    distances, rows = nearest_sentence(words[:20], words[20:], cells=70)
    for one, distance, row in zip(words, distances, rows, strict=False):
        assert distance == min(slow_edit_distance(one, other) for other in words[20:])
        assert distance == slow_edit_distance(one, words[20 + int(row)])


def test_copying_reports_lengths_with_their_ends() -> None:
    corpus = tiny_corpus()
    found = copying(captions_model(), corpus, samples=40, seed=2)
    drawn = prior_samples(captions_model(), 40, max(map(len, corpus.splits["train"].sentences)) - 1, 2)
    assert found.sample_length == pytest.approx(sum(len(row) + 1 for row in drawn) / 40)
    assert found.train_length == corpus.splits["train"].tokens_per_sentence
    assert found.distance > 0
    assert found.text.count("  sample   ") == 40


def test_prior_samples_are_bounded_seeded_and_random() -> None:
    model = tiny_model()
    drawn = prior_samples(model, 50, 6, 3)
    assert max(map(len, drawn)) <= 6
    assert all(EOS not in row and BOS not in row for row in drawn)
    assert prior_samples(model, 50, 6, 3) == drawn
    assert prior_samples(model, 50, 6, 4) != drawn


def test_sampling_follows_the_decoders_probabilities() -> None:
    model = tiny_model(scale=3.0)
    z = torch.randn(1, 3, generator=seeded(0))
    first = [row[0] for row in model.decoder.sample(z.expand(20_000, -1), seeded(1), steps=1)]
    counts = torch.tensor(first).bincount(minlength=15).double() / 20_000
    options = torch.tensor([[BOS, word] for word in range(15)])
    expected = (-model.decoder.reconstruction(options, z.expand(15, -1)).detach()).exp().double()
    expected[[PAD, BOS]] = 0.0
    expected /= expected.sum()
    assert float((counts - expected).abs().max()) < 5 * (0.25 / 20_000) ** 0.5
    certain = tiny_model(scale=3.0)
    with torch.no_grad():
        certain.decoder.output.weight.mul_(1e6)
    latent = torch.randn(30, 3, generator=seeded(2))
    assert certain.decoder.sample(latent, seeded(3)) == certain.decoder.greedy(latent)
