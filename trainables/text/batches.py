"""Batches of sentences of one length, so that nothing is ever padded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainables.text.vocabulary import Ids


@dataclass(frozen=True)
class Batch:
    """Sentences of one length: `tokens` [B, T] with `<s>` and `</s>`, `rows` [B] their place in the split."""

    tokens: Tensor
    rows: Tensor

    @property
    def size(self) -> int:
        """Sentences in the batch."""
        return self.tokens.shape[0]

    @property
    def words(self) -> int:
        """Scored words: with `</s>`, without `<s>`."""
        return self.tokens.shape[0] * (self.tokens.shape[1] - 1)


def equal_length_batches(
    sentences: Sequence[Ids], batch_size: int, device: torch.device | str = "cpu"
) -> list[Batch]:
    """Cut a stable sort by length into batches of at most `batch_size`, each of one length.

    The composition is fixed; a phase shuffles the order of batches each epoch (authors' code).
    """
    lengths = np.array([len(sentence) for sentence in sentences])
    order = np.argsort(lengths, kind="stable")
    batches = []
    start = 0
    while start < len(order):
        length = lengths[order[start]]
        end = start
        while end < len(order) and end - start < batch_size and lengths[order[end]] == length:
            end += 1
        rows = order[start:end]
        tokens = torch.from_numpy(np.stack([sentences[row] for row in rows])).to(device)
        batches.append(Batch(tokens, torch.from_numpy(rows.astype(np.int64))))
        start = end
    return batches
