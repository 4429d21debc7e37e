"""Every row of METHODS trains, and all rows report the same words."""

import math
from functools import cache

import pytest
from pydantic import ValidationError

from tests.helpers import CAPTIONS, COSTS, MODEL, epochs_and_end, tiny_trial
from trainables.methods import AUTOENCODER, METHODS
from trainables.spec import TrialSpec, Value
from trainables.training.report import EpochReport, FinalReport
from trainables.training.spec import PhaseSpec
from trainables.training.training_spec import CosineRestarts, TrainingSpec
from trainables.training.updates import Joint

MAIN_METRICS = {
    "neg_elbo",
    "reconstruction",
    "kl",
    "mutual_information",
    "mutual_information_error",
    "active_units",
}
EPOCH_KEYS = {
    *(f"validation/{metric}" for metric in MAIN_METRICS),
    *(f"train/{metric}" for metric in ("loss", "reconstruction", "kl", "learning_rate", "kl_weight")),
    *COSTS,
}
FINAL_KEYS = {
    f"validation/{metric}" for metric in MAIN_METRICS | {"sentences", "tokens", "reconstruction_error", "kl_error"}
}
LIKELIHOOD_KEYS = {
    f"validation/{metric}"
    for metric in (
        "elbo_perplexity", "samples", "nll", "nll_error", "nll_sampling_error", "perplexity",
        "floor", "floor_perplexity", "floor_gap", "floor_gap_error", "elbo_gap", "elbo_gap_error",
    )
}  # fmt: skip
PHASES = {
    "lstm_lm": ["vae"],
    "ae": ["pretrain"],
    "vae": ["vae"],
    "vae_anneal": ["vae"],
    "vae_cyclic": ["vae"],
    "vae_cyclic_sgd": ["vae"],
    "vae_aggressive": ["vae"],
    "vae_fb": ["vae"],
    "vae_fbp": ["vae"],
    "vae_pretrain": ["pretrain", "vae"],
    "vae_pretrain_anneal": ["pretrain", "vae"],
    "iwae": ["vae"],
    "iwae_pretrain": ["pretrain", "vae"],
    "ours": ["pretrain", "vae"],
}
PARAMETERS = {
    "vae_anneal": {"anneal_epochs", "anneal_pace"},
    "vae_cyclic": {"cycle_epochs"},
    "vae_cyclic_sgd": {"cycle_epochs"},
    "vae_fb": {"target_rate", "form", "per"},
    "vae_fbp": {"target_rate", "form", "per"},
    "vae_pretrain_anneal": {"anneal_epochs", "anneal_pace"},
    "vae_aggressive": {"anneal_epochs", "anneal_pace"},
    "iwae": {"selection"},
    "iwae_pretrain": {"selection"},
    "ours": {"target_rate", "form", "per", "anneal_epochs", "anneal_pace"},
}
BRINGS = {
    "vae_cyclic": {"optimizer": "adam", "learning_rate": 1e-3, "schedule": CosineRestarts(period=10)},
}
"""What a row says of its training itself."""

WEIGHTS = dict.fromkeys(("vae_anneal", "vae_pretrain_anneal", "ours"), 0.1) | dict.fromkeys(
    ("vae_cyclic", "vae_cyclic_sgd"), 0.1 + 0.9 / 5
)
"""Row -> KL weight at the end of the first epoch, where it is not 1."""


@cache
def outcome(method: str) -> tuple[list[EpochReport], FinalReport]:
    """The reports of one epoch a phase."""
    epochs, final, _ = epochs_and_end(tiny_trial(method))
    return [report for report, _ in epochs], final


def test_the_rows_are_those_of_the_paper() -> None:
    assert set(METHODS) == set(PHASES)
    assert all(name == method.name for name, method in METHODS.items())
    assert len({method.title for method in METHODS.values()}) == len(METHODS)
    assert [name for name, method in METHODS.items() if method.reference] == ["lstm_lm", "ae"]


@pytest.mark.parametrize("method", METHODS)
def test_a_row_trains_its_phases(method: str) -> None:
    reports, final = outcome(method)
    assert [(report.phase, report.epoch) for report in reports] == [(phase, 0) for phase in PHASES[method]]
    assert final.outcome in ("finished", "collapsed")
    assert (final.reason is None) == (final.outcome == "finished")


@pytest.mark.parametrize("method", METHODS)
def test_the_phases_of_a_row(method: str) -> None:
    pretraining, training = TrainingSpec(epochs=2), TrainingSpec(epochs=4)
    phases = tiny_trial(method, pretraining=pretraining, training=training).phases()
    assert [phase.name for phase in phases] == PHASES[method]
    for phase in phases:
        first = phase.name == "pretrain"
        assert phase.selection == ("reconstruction" if first else "neg_elbo")
        own = training.model_copy(update=BRINGS.get(method, {}))
        assert phase.training == (pretraining if first else own)
        assert phase.objective == (AUTOENCODER if first else METHODS[method].objective)
        assert phase.updates == (Joint() if first else METHODS[method].updates)
        assert phase.model == (MODEL.without_latent() if method == "lstm_lm" else MODEL)
        assert PhaseSpec.model_validate_json(phase.model_dump_json()) == phase


@pytest.mark.parametrize("method", METHODS)
def test_every_report_is_total_and_finite(method: str) -> None:
    reports, final = outcome(method)
    for report in reports:
        assert set(report.numbers) == EPOCH_KEYS
        assert all(math.isfinite(number) for number in report.numbers.values())
        assert report.numbers["train/tokens_per_second"] > 0
        assert report.numbers["validation/kl"] >= 0
        total = report.numbers["validation/reconstruction"] + report.numbers["validation/kl"]
        assert report.numbers["validation/neg_elbo"] == pytest.approx(total)
    lacking = {f"validation/{metric}" for metric in METHODS[method].undefined_metrics}
    assert set(final.numbers) == (FINAL_KEYS | (set() if method == "ae" else LIKELIHOOD_KEYS)) - lacking
    assert all(math.isfinite(number) for number in final.numbers.values())


@pytest.mark.parametrize("method", METHODS)
def test_the_weight_of_the_kl_is_the_rows(method: str) -> None:
    reports, _ = outcome(method)
    weights = {report.phase: report.numbers["train/kl_weight"] for report in reports}
    assert weights.get("pretrain", 0.0) == 0.0
    assert weights.get("vae", 1.0) == pytest.approx(WEIGHTS.get(method, 1.0))


@pytest.mark.parametrize("method", METHODS)
def test_the_loss_is_what_the_row_says(method: str) -> None:
    numbers = outcome(method)[0][-1].numbers
    plain = numbers["train/reconstruction"] + numbers["train/kl_weight"] * numbers["train/kl"]
    if "target_rate" in PARAMETERS.get(method, ()):
        assert numbers["train/loss"] > plain + 0.01, "the floor costs something on a model that has learnt nothing"
    elif METHODS[method].objective.kind == "iwae":
        assert numbers["train/loss"] < plain, "ten samples bound more tightly than one"
    elif method not in WEIGHTS:
        assert numbers["train/loss"] == pytest.approx(plain)
    else:  # the weight grows within the epoch; the report holds the last
        assert numbers["train/reconstruction"] < numbers["train/loss"] < plain


@pytest.mark.parametrize("method", METHODS)
def test_a_trial_comes_back_from_json(method: str) -> None:
    spec = tiny_trial(method)
    assert TrialSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize("method", METHODS)
def test_parameters_reach_the_row(method: str) -> None:
    found = METHODS[method].parameters()
    assert set(found) == PARAMETERS.get(method, set())
    drawn: dict[str, Value] = {
        "target_rate": 3.5, "form": "mask", "per": "batch", "anneal_epochs": 4.0, "anneal_pace": "full_batches",
        "cycle_epochs": 3.0, "selection": "iw_bound",
    }  # fmt: skip
    values = {name: value for name, value in drawn.items() if name in found}
    spec = tiny_trial(method).with_values(values)
    for path, value in [(path, value) for name, value in values.items() for path in found[name]]:
        part: object = spec.method
        for step in path.split("."):
            part = getattr(part, step)
        assert part == value
    assert spec.model_copy(update={"method": METHODS[method]}) == tiny_trial(method), "nothing else changed"


def test_other_values_go_by_their_path() -> None:
    spec = tiny_trial("vae").with_values({"model.latent_size": 9, "training.schedule.patience": 7})
    assert spec.model.latent_size == 9
    assert spec.training.schedule == tiny_trial().training.schedule.model_copy(update={"patience": 7})


@pytest.mark.parametrize(
    ("method", "values"),
    [("vae", {"target_rate": 4.0}), ("ours", {"model.latent_sise": 4}), ("ours", {"target_rate": -1.0})],
)
def test_values_that_do_not_fit_are_refused(method: str, values: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        tiny_trial(method).with_values(dict(values))


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    stranger = METHODS["vae"].model_copy(update={"name": "vea"})
    with pytest.raises(ValidationError, match=r"unknown method 'vea'; known: lstm_lm, ae, vae, "):
        TrialSpec(corpus=CAPTIONS, corpus_fingerprint="f", method=stranger, seed=0)
