"""Initialisation and dropout from an explicit generator."""

import math
from typing import Literal

import torch
from torch import Generator, Tensor, nn

Initialisation = Literal["paper", "torch"]


def initialise(module: nn.Module, kind: Initialisation, generator: Generator) -> None:
    """Draw every parameter afresh, in place.

    `paper`: embeddings U(−0.1, 0.1), all else U(−0.01, 0.01) (authors' code, section 2).
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
    mask = torch.empty_like(x).bernoulli_(1 - probability, generator=generator)
    return x * mask.div_(1 - probability)
