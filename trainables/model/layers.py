"""Initialisation and dropout from an explicit generator."""

import math
from typing import Literal

import torch
from torch import Generator, Tensor, nn

from trainables.model.spec import Precision

Initialisation = Literal["paper", "torch"]


def initialise(module: nn.Module, kind: Initialisation, generator: Generator) -> None:
    """Draw every parameter afresh, in place.

    `paper`: embeddings U(−0.1, 0.1), all else U(−0.01, 0.01) (appendix A; authors' code).
    `torch`: embeddings U(−0.1, 0.1), LSTM U(±1/√hidden), linear maps U(±1/√inputs) (PyTorch's defaults).
    """
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Embedding):
                part.weight.uniform_(-0.1, 0.1, generator=generator)
            elif isinstance(part, nn.LSTM | nn.Linear):
                size = part.hidden_size if isinstance(part, nn.LSTM) else part.in_features
                bound = 0.01 if kind == "paper" else 1 / math.sqrt(size)
                for parameter in part.parameters():
                    parameter.uniform_(-bound, bound, generator=generator)


def dropout(x: Tensor, probability: float, generator: Generator | None) -> Tensor:
    """Drop entries with `probability` and scale the rest by 1/(1−p); without a generator return x."""
    if generator is None or probability == 0:
        return x
    kept = torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device) >= probability
    return x * kept.to(x.dtype).mul_(1 / (1 - probability))


def lowered(precision: Precision, device: torch.device) -> torch.autocast:
    """Return the context in which an LSTM's products run in bfloat16, if that is the precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
