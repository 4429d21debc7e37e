"""Rungs: where they lie, what is measured there, and how a trial ends at one."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.helpers import epochs_and_end, tiny_corpus, tiny_trial, without_costs
from trainables.measure.spec import RungSpec
from trainables.methods import METHODS
from trainables.objective.bound import Elbo
from trainables.objective.kl_weight import Constant, Cyclic, Linear
from trainables.rungs import annealed_after, on_rung
from trainables.spec import TrialSpec
from trainables.training.report import EpochReport, FinalReport, RungReport
from trainables.training.state import TrialState
from trainables.trial import run_trial

RUNGS = RungSpec(rungs=(2, 3, 4), sentences=16, samples=3)


def long_trial(method: str, **changes: Any) -> TrialSpec:
    spec = tiny_trial(method, rungs=RUNGS, **changes)
    training = spec.training.model_copy(update={"epochs": 5})
    longer = spec.model_copy(update={"training": training})
    return longer.with_values({"anneal_epochs": 1}) if method == "ours" else longer


@pytest.mark.parametrize(
    ("weight", "epochs"),
    [(Constant(), 0), (Linear(epochs=3), 3), (Linear(epochs=30), 9), (Cyclic(period=4, ratio=0.5), 10)],
    ids=["constant", "linear", "longer than the phase", "a cycle that rises again"],
)
def test_annealing_is_over_when_the_weight_has_come_to_its_most(weight: Any, epochs: int) -> None:
    assert annealed_after(Elbo(kl_weight=weight), 9, 1.0) == epochs


def test_the_authors_pace_ends_annealing_earlier() -> None:
    assert annealed_after(Elbo(kl_weight=Linear(epochs=4, pace="full_batches")), 9, 2.0) == 2


def test_a_rung_counts_vae_epochs_and_waits_for_the_end_of_annealing() -> None:
    spec = long_trial("ours").with_values({"anneal_epochs": 2})
    pretraining, vae = spec.phases()
    assert [on_rung(spec, vae, done, 1.0) for done in range(1, 6)] == [False, False, True, True, False]
    assert not any(on_rung(spec, pretraining, done, 1.0) for done in range(1, 6))


def test_a_trial_is_measured_right_after_the_epoch_of_each_rung() -> None:
    reports = [report for report, _ in run_trial(long_trial("ours"), tiny_corpus(), TrialState())]
    at = [place for place, report in enumerate(reports) if isinstance(report, RungReport)]
    rungs = [reports[place] for place in at]
    before = [reports[place - 1] for place in at]
    assert [found.epoch for found in rungs if isinstance(found, RungReport)][:1] == [2]
    for report, epoch in zip(rungs, before, strict=True):
        assert isinstance(report, RungReport)
        assert isinstance(epoch, EpochReport)
        assert epoch.epoch + 1 == report.epoch
        assert report.numbers["validation/sentences"] == 16
        assert {"validation/perplexity", "validation/reconstruction"} <= report.numbers.keys()


def test_rungs_change_no_number_and_no_key() -> None:
    spec = long_trial("lstm_lm")
    plain = spec.model_copy(update={"rungs": None})
    assert spec.key() == plain.key()
    with_rungs, _, _ = epochs_and_end(spec)
    without, end, _ = epochs_and_end(plain)
    assert [without_costs(report) for report, _ in with_rungs] == [without_costs(report) for report, _ in without]
    assert epochs_and_end(spec)[1] == end


def test_a_trial_that_resumes_on_a_rung_is_measured_there_again_to_the_same_numbers() -> None:
    spec = long_trial("vae_fb")
    seen = list(run_trial(spec, tiny_corpus(), TrialState()))
    place = next(place for place, (report, _) in enumerate(seen) if isinstance(report, RungReport))
    rung, state = seen[place]
    again = [report for report, _ in run_trial(spec, tiny_corpus(), state)]
    assert again[0] == rung
    assert again[-1] == seen[-1][0]


def test_a_trial_that_is_collapsed_at_a_rung_ends_with_its_numbers() -> None:
    spec = long_trial("vae")
    weak = spec.model_copy(update={"training": spec.training.model_copy(update={"learning_rate": 1e-6})})
    reports = [report for report, _ in run_trial(weak, tiny_corpus(), TrialState())]
    rung, final = reports[-2:]
    assert isinstance(rung, RungReport)
    assert isinstance(final, FinalReport)
    assert (rung.epoch, final.outcome) == (2, "collapsed")
    assert "after 2 VAE epochs none of" in (final.reason or "")
    assert final.numbers["validation/perplexity"] > 1


def test_rungs_rise() -> None:
    with pytest.raises(ValidationError, match="rungs rise"):
        RungSpec(rungs=(2, 1))


def test_a_language_model_is_measured_with_what_it_has() -> None:
    reports = [report for report, _ in run_trial(long_trial("lstm_lm"), tiny_corpus(), TrialState())]
    rungs = [report for report in reports if isinstance(report, RungReport)]
    assert [found.epoch for found in rungs] == [2, 3, 4]
    assert not set(METHODS["lstm_lm"].undefined_metrics) & {key.partition("/")[2] for key in rungs[0].numbers}
