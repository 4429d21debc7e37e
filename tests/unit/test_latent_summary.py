"""Summaries of trained codes, by hand and against the metrics of the same sentences."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from tests.helpers import MODEL, epochs_and_end, tiny_corpus, tiny_trial
from trainables.measure.final import evaluation_batches
from trainables.measure.likelihood import measure_bound
from trainables.model.vae import Vae
from trainables.probes.latent_summary import LatentSummary
from trainables.probes.summarise import INNER_POINTS, WALKS, latent_summary, principal_positions


@pytest.fixture(scope="module")
def model() -> Vae:
    _, _, end = epochs_and_end(tiny_trial())
    made = Vae(len(tiny_corpus().vocabulary), MODEL)
    made.load_state_dict(end.best)
    return made


def near(values: Sequence[Any]) -> Any:
    """Compare up to rounding."""
    return pytest.approx(np.array(values), abs=1e-9)


def test_a_line_has_one_component() -> None:
    positions, shares = principal_positions(torch.tensor([[3.0, -4.0], [0.0, 0.0], [-3.0, 4.0]]))
    assert np.array(positions) == near(((-5.0, 0.0), (0.0, 0.0), (5.0, 0.0)))
    assert np.array(shares) == near((1.0, 0.0))


def test_two_components_share_the_variance() -> None:
    positions, shares = principal_positions(torch.tensor([[0.0, 2.0], [0.0, -2.0], [1.0, 0.0], [-1.0, 0.0]]) + 7)
    assert np.array(positions) == near(((2.0, 0.0), (-2.0, 0.0), (0.0, 1.0), (0.0, -1.0)))
    assert np.array(shares) == near((0.8, 0.2))


def test_codes_that_are_all_equal_have_no_variance_to_share() -> None:
    positions, shares = principal_positions(torch.ones(3, 4))
    assert np.array(positions) == near(((0.0, 0.0),) * 3)
    assert np.array(shares) == near((0.0, 0.0))


def test_one_unit_is_mapped_on_a_line() -> None:
    positions, shares = principal_positions(torch.tensor([[1.0], [3.0]]))
    assert np.array(positions) == near(((-1.0, 0.0), (1.0, 0.0)))
    assert np.array(shares) == near((1.0, 0.0))


def test_a_latent_summary_says_what_the_metrics_say(model: Vae) -> None:
    found, sentences = latent_summary(model, tiny_corpus(), 3), tiny_corpus().splits["validation"].sentences
    bound = measure_bound(model, evaluation_batches(sentences, "cpu"), 0)
    assert sum(found.kl_per_unit) == pytest.approx(float(bound.kl.mean()), rel=1e-3)
    assert found.variance_per_unit == pytest.approx(bound.posterior.mean.var(0).tolist(), rel=1e-3)
    assert len(found.positions) == len(found.texts) == len(found.labels or ()) == len(sentences)
    assert found.labels == tuple(tiny_corpus().splits["validation"].labels or ())
    assert [len(walk.decoded) for walk in found.walks] == [INNER_POINTS + 2] * WALKS
    assert {walk.source for walk in found.walks} <= set(found.texts)


def test_a_latent_summary_is_the_same_again_and_small(model: Vae) -> None:
    first = latent_summary(model, tiny_corpus(), 3).model_dump_json()
    assert first == latent_summary(model, tiny_corpus(), 3).model_dump_json()
    assert first != latent_summary(model, tiny_corpus(), 4).model_dump_json()
    assert len(first) < 10_000
    assert LatentSummary.model_validate_json(first) == latent_summary(model, tiny_corpus(), 3)


def test_a_language_model_has_nothing_to_show() -> None:
    model = Vae(len(tiny_corpus().vocabulary), MODEL.without_latent())
    assert latent_summary(model, tiny_corpus(), 3) == LatentSummary()


def test_codes_beyond_floating_point_are_left_out_and_counted() -> None:
    model = Vae(len(tiny_corpus().vocabulary), MODEL)
    torch.nn.init.constant_(model.encoder.output.weight, torch.inf)
    assert latent_summary(model, tiny_corpus(), 3) == LatentSummary(left_out=16)
