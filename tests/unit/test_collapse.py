"""The collapse rule: three numbers that must agree, and its words."""

import math

import pytest
import torch

from tests.helpers import epochs_and_end, seeded, tiny_trial
from trainables.measure.collapse import collapse
from trainables.measure.latent import active_units, mutual_information
from trainables.model.gaussian import Gaussian
from trainables.training.training_spec import TrainingSpec

SEEDS = range(100)
SENTENCES, UNITS = 200, 32


def metrics(active: float, information: float, kl: float) -> dict[str, float]:
    return {"validation/active_units": active, "validation/mutual_information": information, "validation/kl": kl}


def test_a_model_without_code_is_collapsed_and_says_by_which_numbers() -> None:
    reason = collapse(metrics(0, 0.03, 0.01), 16, None)
    assert reason == (
        "none of 16 units is active, the mutual information is 0.03 nats (below 0.1), the KL 0.01 nats: "
        "the decoder ignores z"
    )


@pytest.mark.parametrize(
    ("active", "information", "kl"), [(1, 0.03, 0.01), (0, 0.1, 0.01), (0, 0.03, 0.5)], ids=["AU", "MI", "KL"]
)
def test_each_of_the_three_numbers_alone_keeps_a_model(active: float, information: float, kl: float) -> None:
    assert collapse(metrics(active, information, kl), 16, None) is None


def test_a_kl_that_the_free_bits_ask_for_anyway_saves_no_model() -> None:
    assert "of the λ = 4 that its objective pays anyway" in (collapse(metrics(0, 0.05, 4.3), 16, 4.0) or "")
    assert collapse(metrics(0, 0.05, 4.41), 16, 4.0) is None


def test_a_row_that_lacks_a_word_is_never_collapsed() -> None:
    assert collapse({"validation/active_units": 0.0}, 16, None) is None


def measured(posterior: Gaussian, seed: int) -> dict[str, float]:
    noise = torch.randn(posterior.mean.shape, generator=seeded(seed))
    kl = float(posterior.kl_per_unit().double().sum(1).mean())
    return metrics(float(active_units(posterior.mean)), mutual_information(posterior, noise), kl)


def code(nats: float, used: int, units: int, seed: int) -> Gaussian:
    """Posteriors of the linear-Gaussian model in which `used` units share so many nats: KL and MI alike."""
    left = math.exp(-2 * nats / used)
    mean, log_variance = torch.zeros(SENTENCES, units), torch.zeros(SENTENCES, units)
    mean[:, :used] = math.sqrt(1 - left) * torch.randn(SENTENCES, used, generator=seeded(1000 + seed))
    log_variance[:, :used] = math.log(left)
    return Gaussian(mean, log_variance)


@pytest.mark.parametrize("rate", [None, 0.5, 8.0])
def test_an_exactly_collapsed_posterior_is_collapsed_for_every_seed(rate: float | None) -> None:
    """Under free bits every sentence pays λ at one and the same place away from the prior."""
    shift = math.sqrt(2 * (rate or 0.0) / UNITS)
    posterior = Gaussian(torch.full((SENTENCES, UNITS), shift), torch.zeros(SENTENCES, UNITS))
    assert all(collapse(measured(posterior, seed), UNITS, rate) for seed in SEEDS)


@pytest.mark.parametrize("used", [1, 8, 32, 128])
@pytest.mark.parametrize("nats", [0.3, 0.5, 1.0])
def test_a_code_that_says_something_is_collapsed_for_no_seed(nats: float, used: int) -> None:
    """Spread over 128 units no unit is active, and a target rate excuses the KL: MI alone keeps the code."""
    units = max(used, UNITS)
    found = [measured(code(nats, used, units, seed), seed) for seed in SEEDS]
    assert not any(collapse(numbers, units, 8.0) for numbers in found)
    assert min(numbers["validation/mutual_information"] for numbers in found) > 0.1
    if (used, nats) == (128, 0.3):
        assert not any(numbers["validation/active_units"] for numbers in found)


def test_a_trial_ends_as_collapsed_by_this_rule_and_says_so() -> None:
    still = tiny_trial("vae", training=TrainingSpec(learning_rate=1e-30, epochs=1))
    small = still.model.model_copy(update={"initialisation": "paper"})
    _, final, _ = epochs_and_end(still.model_copy(update={"model": small}))
    assert (final.outcome, final.reason) == ("collapsed", collapse(final.numbers, 3, None))
