"""Each invariant held and violated, by hand-made numbers and by those of the paper."""

import math

import pytest
import torch

from tests.helpers import MODEL, epochs_and_end, seeded, tiny_corpus, tiny_trial
from trainables.measure.final import standard_error
from trainables.measure.invariants import ERRORS, RARE, entropy_noise, information_noise, violations
from trainables.measure.latent import authors_mutual_information, mutual_information, pointwise_information
from trainables.model.gaussian import Gaussian
from vae_sweep.results.published import LATENT_SIZE, TEXTS, published

SOUND = {
    "neg_elbo": 102.0,
    "reconstruction": 95.0,
    "kl": 7.0,
    "mutual_information": 5.0,
    "mutual_information_error": 0.05,
    "active_units": 4.0,
    "nll": 101.0,
    "elbo_gap": 1.0,
    "elbo_gap_error": 0.1,
    "sentences": 3761.0,
}


def rules(changes: dict[str, float | None], latent_size: int = 32, target_rate: float | None = None) -> list[str]:
    return [found.rule for found in violations(SOUND | changes, latent_size, None, target_rate)]


def test_sound_numbers_break_nothing() -> None:
    assert rules({}) == []
    assert rules({}, target_rate=7.0) == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"kl": 7.01}, "-ELBO = Recon + KL"),
        ({"neg_elbo": 101.99}, "-ELBO = Recon + KL"),
        ({"elbo_gap": -0.5}, "NLL <= -ELBO"),
        ({"elbo_gap": None, "nll": 102.5}, "NLL <= -ELBO"),
        ({"mutual_information": -0.003}, "0 <= MI"),
        ({"mutual_information": 7.21}, "MI <= KL"),
        ({"mutual_information": 8.233, "kl": 9.0, "neg_elbo": 104.0}, "MI <= ln N"),
        ({"mutual_information": -0.3, "mutual_information_error": None}, "0 <= MI"),
        ({"mutual_information": 7.3, "mutual_information_error": None}, "MI <= KL"),
        (
            {"mutual_information": 8.6, "mutual_information_error": None, "kl": 9.0, "neg_elbo": 104.0},
            "MI <= ln N",
        ),
        ({"active_units": 33.0}, "AU <= n_z"),
    ],
)
def test_each_rule_broken_alone(changes: dict[str, float | None], rule: str) -> None:
    assert rules(changes) == [rule]


@pytest.mark.parametrize(
    "changes",
    [
        {"kl": 7.0005, "neg_elbo": 102.001},
        {"elbo_gap": -0.39},
        {"mutual_information": -0.0027},
        {"mutual_information": 7.2},
        {"mutual_information": 8.232, "kl": 9.0, "neg_elbo": 104.0},
        {"mutual_information": -0.2, "mutual_information_error": None},
        {"mutual_information": 7.2, "mutual_information_error": None},
        {"mutual_information": 8.4, "mutual_information_error": None, "kl": 9.0, "neg_elbo": 104.0},
        {"active_units": 32.0},
    ],
)
def test_each_rule_held_within_its_error(changes: dict[str, float | None]) -> None:
    assert rules(changes) == []


def test_fbp_holds_kl_near_its_rate() -> None:
    assert rules({}, target_rate=6.4) == []
    assert rules({}, target_rate=7.7) == []
    assert rules({}, target_rate=6.3) == ["FBP holds KL at λ"]
    assert rules({}, target_rate=7.8) == ["FBP holds KL at λ"]


def test_absent_words_are_not_asked() -> None:
    assert violations({}, 32, 100, 4.0) == []
    assert violations({"neg_elbo": 3.0, "kl": None, "mutual_information": 9.0}, 32) == []
    assert [found.rule for found in violations({"mutual_information": 9.0}, 32, 100)] == ["MI <= ln N"]


def test_the_figures_are_said() -> None:
    [found] = violations({"neg_elbo": 10.0, "reconstruction": 7.0, "kl": 2.0})
    assert str(found) == "-ELBO = Recon + KL: 10 against 7 + 2 = 9"


def test_the_noise_of_mutual_information() -> None:
    assert math.exp(-RARE) == pytest.approx(math.erfc(ERRORS / math.sqrt(2)) / 2, rel=0.05)
    assert information_noise(3761) == RARE / 3761
    assert information_noise(3761, 0.05) == 0.2 + RARE / 3761
    assert entropy_noise(32, 3761) == pytest.approx(ERRORS * math.sqrt(16 / 3761))


@pytest.mark.parametrize("spread", [0.05, 0.3, 1.0])
def test_no_estimate_lies_below_zero_more_often_than_the_inequality_allows(spread: float) -> None:
    """The chance of less than −t is at most exp(−N t): N = 10, at t = 0.05, 0.1 and 0.2 over 2000 draws."""
    draw = seeded(0)
    mean = spread * torch.randn(10, 4, generator=draw)
    posterior = Gaussian(mean, torch.zeros_like(mean))
    drawn = torch.randn(2000, 10, 4, generator=draw)
    found = torch.tensor([mutual_information(posterior, noise) for noise in drawn])
    for least in (0.05, 0.1, 0.2):
        assert float((found < -least).double().mean()) <= math.exp(-10 * least)


@pytest.mark.parametrize("corpus", list(TEXTS))
def test_the_paper_keeps_the_invariants(corpus: str) -> None:
    """-ELBO = Recon + KL within 0.025 in every row that prints all three; FBP within 0.98 λ to 1.06 λ."""
    complete = 0
    for (method, rate), row in published(corpus).items():
        numbers = {metric.removeprefix("iw_"): number.value for metric, number in row.items()}
        held = rate if method == "vae_fbp" else None
        assert violations(numbers, LATENT_SIZE, TEXTS[corpus].sentences, held, rounding=0.0251) == []
        complete += {"neg_elbo", "reconstruction", "kl"} <= numbers.keys()
        if held is not None:
            assert 0.98 <= numbers["kl"] / held <= 1.06
    assert complete >= 19


@pytest.mark.parametrize("method", ["ae", "vae", "ours"])
def test_a_trial_keeps_the_invariants(method: str) -> None:
    epochs, end, _ = epochs_and_end(tiny_trial(method))
    count = len(tiny_corpus().splits["validation"].sentences)
    for found in [epoch.numbers for epoch, _ in epochs] + [end.numbers]:
        numbers = {key.removeprefix("validation/"): value for key, value in found.items()}
        assert violations(numbers, MODEL.latent_size, count) == []


def test_information_stays_within_its_noise() -> None:
    """Posteriors at, around and far from the prior, alike or of mixed widths: MI in [0, min(KL, ln N)]."""
    draw = seeded(0)
    for case in range(200):
        count, units = int(torch.randint(10, 200, (1,), generator=draw)), 1 + case % 32
        spread, width = (10.0 ** (4 * torch.rand(2, generator=draw) - 3)).tolist()
        mean = spread * torch.randn(count, units, generator=draw) * (case % 3 > 0)
        log_variance = (min(width, 3.0) * torch.randn(count, units, generator=draw) - case % 7) * (case % 3 > 0)
        posterior = Gaussian(mean, log_variance)
        noise = torch.randn(count, units, generator=draw)
        information = pointwise_information(posterior, noise)
        kl = {"kl": float(posterior.kl_per_unit().double().sum(1).mean())}
        ours = {
            "mutual_information": float(information.mean()),
            "mutual_information_error": standard_error(information),
        }
        theirs = {"mutual_information": authors_mutual_information(posterior, noise)}
        assert violations(kl | ours, units, count) == []
        assert violations(kl | theirs, units, count) == []
