"""Walks between two codes, decoded on the way (paper, Tables 7, 12 and 13)."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from trainables.base import derived_seed
from trainables.model.spec import LONGEST
from trainables.model.vae import Vae
from trainables.probes.codes import as_text, decode, posteriors, standard_normal
from trainables.text.corpus import Corpus

Path = list[list[int]]


def interpolate_codes(
    model: Vae, source: Tensor, target: Tensor, inner_points: int, longest: int = LONGEST
) -> list[Path]:
    """Decode evenly spaced codes greedily, both ends included; `source`, `target` [P, latent_size].

    Returns P paths of `inner_points` + 2 sentences of ids, each of at most `longest` words.
    """
    steps = torch.linspace(0, 1, inner_points + 2).view(1, -1, 1)
    z = (1 - steps) * source.unsqueeze(1) + steps * target.unsqueeze(1)
    decoded, length = decode(model, z.flatten(0, 1), longest=longest), inner_points + 2
    return [decoded[start : start + length] for start in range(0, len(decoded), length)]


def between_prior_samples(
    model: Vae, corpus: Corpus, paths: int, inner_points: int, seed: int, longest: int = LONGEST
) -> str:
    """Return a page of walks between two samples of the prior."""
    source, target = standard_normal(seed, 2 * paths, model.spec.latent_size).chunk(2)
    walks = interpolate_codes(model, source, target, inner_points, longest)
    blocks = [_lines(corpus, walk, longest) for walk in walks]
    return _page(f"Between two samples of the prior, greedy, cut after {longest} words by …", blocks)


def between_posterior_samples(
    model: Vae, corpus: Corpus, paths: int, inner_points: int, seed: int, longest: int = LONGEST
) -> str:
    """Return a page of walks between posterior samples of two random test sentences."""
    sentences = corpus.splits["test"].sentences
    paths = min(paths, len(sentences) // 2)
    generator = Generator().manual_seed(derived_seed(seed, "sentences"))
    chosen = [sentences[row] for row in torch.randperm(len(sentences), generator=generator)[: 2 * paths].tolist()]
    noise = standard_normal(derived_seed(seed, "noise"), 2 * paths, model.spec.latent_size)
    source, target = posteriors(model, chosen).sample(noise).chunk(2)
    walks = interpolate_codes(model, source, target, inner_points, longest)
    blocks = []
    for row, walk in enumerate(walks):
        inputs = {"source input": chosen[row], "target input": chosen[paths + row]}
        ends = [f"  {name}: {' '.join(corpus.vocabulary.decode(ids))}" for name, ids in inputs.items()]
        blocks.append([*ends, *_lines(corpus, walk, longest)])
    return _page(
        f"Between posterior samples of two test sentences, greedy, cut after {longest} words by …", blocks
    )


def _lines(corpus: Corpus, walk: Path, longest: int) -> list[str]:
    return [f"  {number:2d}  {as_text(corpus.vocabulary, ids, longest)}" for number, ids in enumerate(walk)]


def _page(title: str, blocks: Sequence[Sequence[str]]) -> str:
    examples = [line for number, block in enumerate(blocks, 1) for line in ("", f"Example {number}", *block)]
    return "\n".join([title, *examples]) + "\n"
