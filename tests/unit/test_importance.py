"""Samples from q: their noise, their errors."""

import math

import pytest
import torch

from tests.helpers import random_batch, tiny_model
from trainables.measure.importance import BLOCK, batch_noise, importance, sentence_noise, standard_errors


def test_standard_errors_by_hand() -> None:
    weights = torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0], [2.0, 1.0, 1.0, 0.0]]).log() - 500
    expected = [0.0, math.sqrt(1 - 1 / 4), math.sqrt(6 / 16 - 1 / 4)]
    assert standard_errors(weights).tolist() == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_a_sentence_has_its_own_noise() -> None:
    every = batch_noise(3, torch.tensor([5, 9]), 0, 3 * BLOCK, 4)
    assert torch.equal(every[1], sentence_noise(3, 9, 0, 3 * BLOCK, 4))
    assert torch.equal(every[:, 20:120], batch_noise(3, torch.tensor([5, 9]), 20, 120, 4))
    assert not torch.equal(every[0], every[1])


def test_the_mean_of_the_same_weights_is_the_neg_elbo() -> None:
    model, [batch] = tiny_model(), [random_batch(1)]
    found = importance(model, [batch], 30, 4)
    noise = batch_noise(4, batch.rows, 0, 30, 3)
    with torch.inference_mode():
        weights = model.log_weights(batch.tokens, model.encoder(batch.tokens), noise).double()
    torch.testing.assert_close(found.neg_elbo, -weights.mean(1))
    torch.testing.assert_close(found.errors, standard_errors(weights))
