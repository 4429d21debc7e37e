"""Sentences to codes and codes to sentences, in batches of bounded memory."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from trainables.measure.final import evaluation_batches
from trainables.model.gaussian import Gaussian
from trainables.model.spec import LONGEST
from trainables.model.vae import Vae
from trainables.text.vocabulary import BOS, EOS, Ids, Vocabulary

DECODE_BATCH = 256
LOGIT_BUDGET = 2**23
"""Most logits that a step of decoding, or a part of a reconstruction, may hold at once."""


def device_of(model: Vae) -> torch.device:
    """Return where the model's weights are."""
    return next(model.parameters()).device


def inner(sentence: Ids) -> list[int]:
    """Return the words of a sentence, without `<s>` and `</s>`."""
    return [int(i) for i in sentence[1:-1]]


def trimmed(decoded: Sequence[int]) -> list[int]:
    """Return the words of a decoded sentence: up to its `</s>`, without any `<s>`."""
    end = decoded.index(EOS) if EOS in decoded else len(decoded)
    return [i for i in decoded[:end] if i != BOS]


def standard_normal(seed: int, rows: int, latent_size: int) -> Tensor:
    """Return noise [rows, latent_size] from a generator of its own, on the CPU."""
    return torch.randn(rows, latent_size, generator=Generator().manual_seed(seed))


@torch.inference_mode()
def posteriors(model: Vae, sentences: Sequence[Ids]) -> Gaussian:
    """Return q(z|x) of every sentence, in their order, [N, latent_size], on the CPU."""
    mean = torch.empty(len(sentences), model.spec.latent_size)
    log_variance = torch.empty_like(mean)
    for batch in evaluation_batches(sentences, device_of(model)):
        posterior = model.encoder(batch.tokens)
        mean[batch.rows], log_variance[batch.rows] = posterior.mean.cpu(), posterior.log_variance.cpu()
    return Gaussian(mean, log_variance)


@torch.inference_mode()
def decode(model: Vae, z: Tensor, seed: int | None = None, longest: int = LONGEST) -> list[list[int]]:
    """Decode each code [N, latent_size] into the ids of at most `longest` words.

    Greedily, or with a seed by drawing each word from p(x|z). A sentence of `longest` words was cut (`as_text`).
    """
    generator = None if seed is None else Generator(device_of(model)).manual_seed(seed)
    decoded = []
    for part in torch.split(z.to(device_of(model)), decode_rows(model)):
        if generator is None:
            decoded += model.decoder.greedy(part, longest)
        else:
            decoded += model.decoder.sample(part, generator, longest)
    return [trimmed(row) for row in decoded]


def as_text(vocabulary: Vocabulary, decoded: Sequence[int], longest: int = LONGEST) -> str:
    """Return the words of a decoded sentence, with an ellipsis where it was cut after `longest`."""
    return " ".join(vocabulary.decode(decoded)) + (" …" if len(decoded) >= longest else "")


def decode_rows(model: Vae) -> int:
    """Return how many sentences are decoded at once."""
    return max(1, min(DECODE_BATCH, LOGIT_BUDGET // model.decoder.output.out_features))


@torch.inference_mode()
def reconstruction(model: Vae, tokens: Tensor, z: Tensor) -> Tensor:
    """Return −log p(x|z), nats per sentence, [B], on the CPU; `tokens` [B, T], `z` [B, latent_size]."""
    per_row = model.decoder.output.out_features * (tokens.shape[1] - 1)
    size = max(1, LOGIT_BUDGET // per_row)
    parts = zip(torch.split(tokens, size), torch.split(z, size), strict=True)
    return torch.cat([model.decoder.reconstruction(*part).cpu() for part in parts])
