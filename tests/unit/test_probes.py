"""Reconstruction, smoothness, noise, interpolation and copying on data with known answers."""

import math
from itertools import pairwise

import numpy as np
import pytest
import sacrebleu
import torch
from torch import Tensor

from tests.helpers import MODEL, VOCABULARY, random_batch, random_sentences, seeded, tiny_corpus, tiny_model
from tests.probe_models import captions_model, slow_edit_distance
from trainables.model.encoder import Encoder
from trainables.model.gaussian import Gaussian
from trainables.model.vae import Vae
from trainables.probes.codes import as_text, decode, inner, posteriors, standard_normal, trimmed
from trainables.probes.interpolation import between_posterior_samples, between_prior_samples, interpolate_codes
from trainables.probes.noise import noisy_reconstruction, swapped
from trainables.probes.reconstruction import corpus_bleu, reconstruction_bleu
from trainables.probes.smoothness import edit_distances, latent_distances, pearson, random_pairs, smoothness
from trainables.text.corpus import Split
from trainables.text.vocabulary import BOS, EOS, Ids


class Counting(Encoder):
    """An encoder whose posterior is N(number of words, almost nothing) in every unit."""

    def __init__(self) -> None:
        super().__init__(VOCABULARY, MODEL)

    def forward(self, tokens: Tensor) -> Gaussian:
        words = torch.full((tokens.shape[0], 3), tokens.shape[1] - 2.0)
        return Gaussian(words, torch.full_like(words, -200.0))


def counting_model(seed: int = 0) -> Vae:
    model = tiny_model(seed, scale=4.0)
    model.encoder = Counting()
    return model


def sentence(*words: int) -> Ids:
    return np.array([BOS, *words, EOS], dtype=np.int64)


@pytest.mark.parametrize(
    ("output", "reference", "expected"),
    [
        ("a dog runs fast .", "a dog runs fast .", 100.0),
        ("a b c d e", "a b c d f", 100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25),
        ("a b c d", "a b c d e", 100 * math.exp(1 - 5 / 4)),
        ("a b c x d e f", "a b c d e f g", 0.0),
        ("A B C D", "a b c d", 0.0),
        ("do n't <unk> 3.5-fold now", "do n't <unk> 3.5-fold now", 100.0),
        ("", "a b c d", 0.0),
    ],
)
def test_bleu_of_one_line(output: str, reference: str, expected: float) -> None:
    assert corpus_bleu([output], [reference]) == pytest.approx(expected)


def test_bleu_counts_over_the_corpus() -> None:
    """Clipped counts are summed before they are divided: 8/9, 6/7, 4/5, 2/3 of n-grams, no brevity penalty."""
    outputs, references = ["a b c d", "a b c d e"], ["a b c x", "a b c d e"]
    counted = (8 / 9) * (6 / 7) * (4 / 5) * (2 / 3)
    assert corpus_bleu(outputs, references) == pytest.approx(100 * counted**0.25)


def test_reconstruction_bleu_is_sacrebleus_own() -> None:
    model, corpus = captions_model(), tiny_corpus()
    sentences = corpus.splits["test"].sentences
    z = posteriors(model, sentences).sample(standard_normal(5, len(sentences), 3))
    decoded = model.decoder.greedy(z)
    lines = [" ".join(corpus.vocabulary.decode(row)) for row in decoded]
    references = [" ".join(corpus.vocabulary.decode(s.tolist())) for s in sentences]
    own = sacrebleu.corpus_bleu(lines, [references], tokenize="none", smooth_method="none", force=True)
    bleu, cut = reconstruction_bleu(model, corpus, 5)
    assert bleu == pytest.approx(own.score)
    assert cut == sum(EOS not in row for row in decoded) / len(sentences)
    assert reconstruction_bleu(model, corpus, 5, longest=1) == (0.0, 1.0)


def test_a_sentence_that_was_cut_is_shown_with_an_ellipsis() -> None:
    vocabulary = tiny_corpus().vocabulary
    two = " ".join(vocabulary.words[5:7])
    assert [as_text(vocabulary, [5, 6], longest) for longest in (3, 2)] == [two, f"{two} …"]


def test_pearson_of_lines_and_of_numpy() -> None:
    x = np.array([1.0, 2.0, 4.0, 9.0])
    assert pearson(x, 3 * x + 1) == pytest.approx(1.0)
    assert pearson(x, -x) == pytest.approx(-1.0)
    assert pearson(x, np.ones(4)) is None
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(2, 500))
    assert pearson(x, y) == pytest.approx(float(np.corrcoef(x, y)[0, 1]))


def test_pairs_are_of_two_rows_and_uniform() -> None:
    pairs = random_pairs(4, 60_000, 1)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    counts = np.bincount(pairs[:, 0] * 4 + pairs[:, 1], minlength=16)
    expected = 60_000 / 12
    assert all(abs(counts[i * 4 + j] - expected) < 5 * expected**0.5 for i in range(4) for j in range(4) if i != j)
    assert (random_pairs(4, 60_000, 1) == pairs).all()


def test_edit_distances_are_those_of_the_textbook() -> None:
    sentences = random_sentences(3, 30, longest=9)
    pairs = random_pairs(30, 200, 2)
    words = [inner(s) for s in sentences]
    assert edit_distances(sentences, pairs).tolist() == [slow_edit_distance(words[i], words[j]) for i, j in pairs]


def test_latent_distances_are_euclidean() -> None:
    codes = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    assert latent_distances(codes, np.array([[0, 1], [2, 0], [1, 2]])) == pytest.approx([5.0, 1.0, 18**0.5])


def test_codes_that_count_words_are_perfectly_smooth() -> None:
    split = Split([sentence(*[5] * n) for n in (1, 2, 3, 5, 9, 4, 7)])
    assert smoothness(counting_model(), split, 500, 0) == pytest.approx(1.0)
    alike = Split([sentence(5 + n, 6) for n in range(4)])
    assert smoothness(counting_model(), alike, 500, 0) is None
    assert smoothness(counting_model(), Split([sentence(5, 6)]), 500, 0) is None


def test_a_swap_exchanges_two_places() -> None:
    draw = np.random.default_rng(0)
    clean = sentence(*range(4, 10))
    seen = set()
    for _ in range(400):
        noisy = swapped(clean, draw)
        [i, j] = np.flatnonzero(noisy != clean)
        assert (noisy[i], noisy[j]) == (clean[j], clean[i])
        assert sorted(noisy) == sorted(clean)
        seen.add((int(i), int(j)))
    assert seen == {(i, j) for i in range(1, 7) for j in range(i + 1, 7)}
    assert clean.tolist() == sentence(*range(4, 10)).tolist()


def test_nothing_to_swap() -> None:
    draw = np.random.default_rng(0)
    assert swapped(sentence(7), draw).tolist() == sentence(7).tolist()
    assert swapped(sentence(), draw).tolist() == sentence().tolist()


def test_noise_that_changes_nothing_leaves_the_clean_loss() -> None:
    model = tiny_model()
    sentences = [sentence(*[5 + n % 3] * n) for n in range(1, 8)]
    losses = noisy_reconstruction(model, Split(sentences), 3, seed=1)
    z = posteriors(model, sentences).sample(standard_normal(1, 7, 3))
    clean = [
        float(model.decoder.reconstruction(torch.from_numpy(s)[None], z[i : i + 1]).detach())
        for i, s in enumerate(sentences)
    ]
    assert losses == pytest.approx([sum(clean) / 7] * 3, rel=1e-5)


def test_swaps_reach_the_encoder_and_not_the_target() -> None:
    split = Split(random_sentences(2, 40, longest=8))
    seeing = noisy_reconstruction(tiny_model(scale=4.0), split, 2, seed=1)
    assert seeing[0] != pytest.approx(seeing[1], rel=1e-7)
    blind = noisy_reconstruction(counting_model(), split, 2, seed=1)
    assert blind[0] == pytest.approx(blind[1], rel=1e-7)


def test_interpolation_has_both_ends_and_the_points_between() -> None:
    model = tiny_model(scale=4.0)
    source, target = (3 * torch.randn(6, 3, generator=seeded(seed)) for seed in (1, 2))
    walks = interpolate_codes(model, source, target, inner_points=9)
    assert [len(walk) for walk in walks] == [11] * 6
    assert [walk[0] for walk in walks] == decode(model, source)
    assert [walk[-1] for walk in walks] == decode(model, target)
    assert [walk[5] for walk in walks] == decode(model, (source + target) / 2)
    assert any(one != other for walk in walks for one, other in pairwise(walk))


def test_pages_of_interpolations() -> None:
    model, corpus = captions_model(), tiny_corpus()
    prior = between_prior_samples(model, corpus, paths=3, inner_points=9, seed=1)
    assert prior.count("Example") == 3
    assert len(prior.splitlines()) == 1 + 3 * (2 + 11)
    posterior = between_posterior_samples(model, corpus, paths=10, inner_points=9, seed=1)
    assert (
        posterior.count("source input")
        == posterior.count("target input")
        == len(corpus.splits["test"].sentences) // 2
    )
    texts = {" ".join(corpus.vocabulary.decode(s.tolist())) for s in corpus.splits["test"].sentences}
    as_text = [line.partition("input: ")[2] for line in posterior.splitlines() if "input: " in line]
    assert set(as_text) <= texts


def test_trimmed_ends_at_the_end() -> None:
    assert trimmed([5, BOS, 6, EOS, 7]) == [5, 6]
    assert trimmed([5, 6]) == [5, 6]
    assert trimmed([EOS]) == []


def test_posteriors_keep_the_order_of_sentences() -> None:
    model, batch = tiny_model(), random_batch(0)
    sentences = [*random_sentences(1, 100), *(row.numpy() for row in batch.tokens)]
    found = posteriors(model, sentences)
    for row in (0, 57, 103):
        alone = model.encoder(torch.from_numpy(sentences[row])[None])
        torch.testing.assert_close(found.mean[row], alone.mean[0].detach())
        torch.testing.assert_close(found.log_variance[row], alone.log_variance[0].detach())
