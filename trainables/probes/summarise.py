"""A trial's latent summary, from its model and the validation split."""

from collections.abc import Iterable, Sequence

import torch
from torch import Generator, Tensor

from trainables.base import derived_seed
from trainables.measure.final import spread
from trainables.measure.latent import unit_variance
from trainables.model.gaussian import Gaussian
from trainables.model.vae import Vae
from trainables.probes.codes import posteriors
from trainables.probes.interpolation import interpolate_codes
from trainables.probes.latent_summary import LatentSummary, Position, Walk
from trainables.text.corpus import Corpus
from trainables.text.vocabulary import Ids

SENTENCES = 500
WALKS, INNER_POINTS = 3, 5
DIGITS = 5
_LONGEST = 24
"""Words of a sentence that a summary keeps; the rest becomes an ellipsis."""


@torch.inference_mode()
def latent_summary(model: Vae, corpus: Corpus, seed: int) -> LatentSummary:
    """Summarise a model's code on at most SENTENCES of validation; the same for the same weights."""
    if not model.spec.latent_size:
        return LatentSummary()
    split = corpus.splits["validation"]
    rows = spread(len(split.sentences), SENTENCES)
    posterior = posteriors(model, [split.sentences[row] for row in rows])
    sound = posterior.mean.isfinite().all(1) & posterior.kl_per_unit().isfinite().all(1)
    kept = [row for row, good in zip(rows, sound.tolist(), strict=True) if good]
    if len(kept) < 2:
        return LatentSummary(left_out=len(rows) - len(kept))
    posterior = Gaussian(posterior.mean[sound], posterior.log_variance[sound])
    sentences = [split.sentences[row] for row in kept]
    positions, shares = principal_positions(posterior.mean)
    return LatentSummary(
        kl_per_unit=_short(posterior.kl_per_unit().double().mean(0)),
        variance_per_unit=_short(unit_variance(posterior.mean)),
        positions=positions,
        shares=shares,
        texts=tuple(_text(corpus, sentence) for sentence in sentences),
        labels=None if split.labels is None else tuple(split.labels[row] for row in kept),
        walks=_walks(model, corpus, posterior.mean, sentences, seed),
        left_out=len(rows) - len(kept),
    )


def principal_positions(mean: Tensor) -> tuple[tuple[Position, ...], Position]:
    """Return codes [N, latent_size] on their first two principal components, and those's shares of the variance.

    The sign of a component is that which makes its largest loading positive.
    """
    centred = mean.double() - mean.double().mean(0)
    _, sizes, loadings = torch.linalg.svd(centred, full_matrices=False)
    first = loadings[:2]
    signs = first.gather(1, first.abs().argmax(1, keepdim=True)).sign()
    found = torch.zeros(len(mean), 2, dtype=torch.float64)
    found[:, : len(first)] = centred @ (first * signs).T
    whole, parts = sizes.square().sum(), torch.zeros(2, dtype=torch.float64)
    if whole > 0:
        parts[: len(first)] = sizes[:2].square() / whole
    return tuple(_pair(row) for row in found), _pair(parts)


def _walks(model: Vae, corpus: Corpus, mean: Tensor, sentences: Sequence[Ids], seed: int) -> tuple[Walk, ...]:
    generator = Generator().manual_seed(derived_seed(seed, "portrait", "walks"))
    chosen = torch.randperm(len(sentences), generator=generator)[: 2 * min(WALKS, len(sentences) // 2)]
    sources, targets = chosen.chunk(2)
    walks = interpolate_codes(model, mean[sources], mean[targets], INNER_POINTS)
    return tuple(
        Walk(
            source=_text(corpus, sentences[source]),
            target=_text(corpus, sentences[target]),
            decoded=tuple(_text(corpus, ids) for ids in walk),
        )
        for source, target, walk in zip(sources.tolist(), targets.tolist(), walks, strict=True)
    )


def _text(corpus: Corpus, ids: Iterable[int] | Ids) -> str:
    words = corpus.vocabulary.decode(ids)
    return " ".join(words[:_LONGEST]) + (" …" if len(words) > _LONGEST else "")


def _short(values: Tensor) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") for value in values.tolist())


def _pair(values: Tensor) -> Position:
    first, second = _short(values)
    return first, second
