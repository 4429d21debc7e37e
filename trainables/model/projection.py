"""The decoder's output projection and its cross-entropy as one operation, which keeps a single [N, V] buffer."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

WIDTH = 64
"""The vocabulary is padded to a multiple of this; at an odd width matrix products take half as long again."""


def word_losses(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Return −log softmax(hidden · weightᵀ) at each target, nats: [N, H], [V, H], [N] -> [N].

    Where a gradient is wanted, its factor softmax − one-hot takes the place of the logits in the forward already.
    """
    padding = -len(weight) % WIDTH
    padded = functional.pad(weight, (0, 0, 0, padding)) if padding else weight
    losses: Tensor = _WordLosses.apply(hidden, padded, targets, padding)  # type: ignore[no-untyped-call]
    return losses


class _WordLosses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, padding: int) -> Tensor:
        logits = hidden @ weight.T
        if padding:
            logits[:, -padding:] = -torch.inf
        largest, place = logits.max(1, keepdim=True)
        at_target = logits.gather(1, targets.unsqueeze(1))
        if not any(ctx.needs_input_grad):
            return (logits.logsumexp(1, keepdim=True) - at_target).squeeze(1)
        torch.softmax(logits, 1, out=logits)
        losses = largest - logits.gather(1, place).log() - at_target
        logits.scatter_add_(1, targets.unsqueeze(1), logits.new_full((1, 1), -1.0).expand(len(targets), 1))
        ctx.save_for_backward(hidden, weight, logits)
        return losses.squeeze(1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        hidden, weight, residual = ctx.saved_tensors
        scale = gradient.unsqueeze(1)
        return (residual @ weight) * scale, residual.T @ (hidden * scale), None, None
