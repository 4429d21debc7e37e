"""What the tests of probes share."""

import torch

from tests.helpers import MODEL, seeded, tiny_corpus
from trainables.model.vae import Vae


def captions_model(seed: int = 0) -> Vae:
    model = Vae(len(tiny_corpus().vocabulary), MODEL)
    model.initialise(seeded(seed))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4.0)
    return model


def slow_edit_distance(one: list[int], other: list[int]) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row[0] = row[:], i
        for j, b in enumerate(other, 1):
            row[j] = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
    return row[-1]
