"""The decoder's output projection and its cross-entropy as one operation, which keeps a single [N, V] buffer."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

WIDTH = 64
"""The vocabulary is padded to a multiple of this; at an odd width matrix products take half as long again."""

CPU_ROWS = 64
"""Rows whose probabilities are formed at once on a CPU, so that they stay in its cache."""

GPU_LOGITS = 2**26
"""Most logits whose probabilities are formed at once on a GPU (256 MiB in float32)."""

BUFFER = 2**28
"""Most numbers the buffer may hold; more words go in parts, each projected once more for its gradient."""


def word_losses(
    hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype | None = None, buffer: int = BUFFER
) -> Tensor:
    """Return −log softmax(hidden · weightᵀ) at each target, nats: [N, H], [V, H], [N] -> [N].

    Matrix products run in `dtype`, by default that of `weight`; sums, logarithms and losses in float32 at least.
    Where a gradient is wanted, its factor softmax − one-hot takes the place of the logits in the forward already;
    what comes from above scales it in float32 at least. There is no second derivative: create_graph=True raises
    RuntimeError.
    """
    dtype = dtype or weight.dtype
    hidden, padded = hidden.to(dtype), functional.pad(weight.to(dtype), (0, 0, 0, -len(weight) % WIDTH))
    if not torch.is_grad_enabled():
        rows = _rows(hidden, len(padded))
        losses = [
            functional.cross_entropy(_wide((part @ padded.T)[:, : len(weight)]), target, reduction="none")
            for part, target in zip(torch.split(hidden, rows), torch.split(targets, rows), strict=True)
        ]
        return torch.cat(losses)
    rows = max(1, buffer // len(padded))
    if len(hidden) <= rows:
        return _fused(hidden, padded, targets, len(weight))
    losses = [
        checkpoint(_fused, part, padded, target, len(weight), use_reentrant=False, preserve_rng_state=False)
        for part, target in zip(torch.split(hidden, rows), torch.split(targets, rows), strict=True)
    ]
    return torch.cat(losses)


def _rows(hidden: Tensor, columns: int) -> int:
    return CPU_ROWS if hidden.device.type == "cpu" else max(1, GPU_LOGITS // columns)


def _wide(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _fused(hidden: Tensor, weight: Tensor, targets: Tensor, words: int) -> Tensor:
    losses: Tensor = _WordLosses.apply(hidden, weight, targets, words)  # type: ignore[no-untyped-call]
    return losses


class _WordLosses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, words: int) -> Tensor:
        buffer = hidden @ weight.T
        buffer[:, words:] = 0
        rows, losses = _rows(hidden, len(weight)), []
        for logits, target in zip(
            torch.split(buffer[:, :words], rows), torch.split(targets.unsqueeze(1), rows), strict=True
        ):
            chances = _wide(logits).softmax(1)
            largest, at_target = _wide(logits.amax(1)), _wide(logits.gather(1, target)).squeeze(1)
            losses.append(largest - chances.amax(1).log() - at_target)
            logits.copy_(chances.scatter_add_(1, target, chances.new_full((1, 1), -1.0).expand_as(target)))
        ctx.save_for_backward(hidden, weight, buffer)
        return torch.cat(losses)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        if torch.is_grad_enabled():
            raise RuntimeError("word_losses can be differentiated once: with create_graph=True, no further")
        hidden, weight, residual = ctx.saved_tensors
        scale = _wide(gradient).unsqueeze(1)
        to_hidden = (_wide(residual @ weight) * scale).to(hidden.dtype)
        return to_hidden, residual.T @ (_wide(hidden) * scale).to(hidden.dtype), None, None
