"""The adaptive estimate of a likelihood beside the one of all samples."""

import math

import pytest
import torch

from tests.helpers import random_sentences, tiny_model
from trainables.measure.final import evaluation_batches
from trainables.measure.importance import BLOCK, importance, iw_nll, standard_errors


def test_standard_errors_by_hand() -> None:
    weights = torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0], [2.0, 1.0, 1.0, 0.0]]).log() - 500
    expected = [0.0, math.sqrt(1 - 1 / 4), math.sqrt(6 / 16 - 1 / 4)]
    assert standard_errors(weights).tolist() == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_a_sentence_stops_where_it_is_known_well_enough() -> None:
    model, batches = tiny_model(), evaluation_batches(random_sentences(3, 40), "cpu")
    found = importance(model, batches, 9 * BLOCK, 4, error=0.09)
    taken = set(found.samples.tolist())
    assert taken <= {BLOCK, 2 * BLOCK, 4 * BLOCK, 8 * BLOCK, 9 * BLOCK}
    assert len(taken) > 1, "the sentences must differ in what they need"
    for samples in taken:
        chosen = found.samples == samples
        exact = importance(model, batches, int(samples), 4)
        torch.testing.assert_close(found.nll[chosen], exact.nll[chosen], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(
            found.effective_samples[chosen], exact.effective_samples[chosen], rtol=1e-4, atol=1e-4
        )
    known = found.samples < 9 * BLOCK
    errors = (1 / found.effective_samples - 1 / found.samples).clamp_min(0).sqrt()
    assert bool((errors[known] <= 0.09).all())


def test_an_error_beyond_reach_takes_all_samples() -> None:
    model, batches = tiny_model(), evaluation_batches(random_sentences(3, 12), "cpu")
    found = importance(model, batches, 120, 4, 1e-9)
    assert found.samples.tolist() == [120.0] * 12
    torch.testing.assert_close(found.nll, iw_nll(model, batches, 120, 4), rtol=1e-6, atol=1e-6)
