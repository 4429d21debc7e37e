"""The estimate by hand: trials at once, stored pretrainings, early stops, bytes."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.costs import A_BATCH, A_WORD, costs_of, model_cost, small_sweep
from trainables.text.batches import equal_length_batches
from trainables.training.training_spec import LinearDecay, Plateau, TrainingSpec
from trainables.training.updates import Aggressive, Joint
from vae_sweep.planning.allocation import TrialResources
from vae_sweep.planning.estimate.costs import task_of
from vae_sweep.planning.estimate.estimate import at_once, estimate, fit_on, makespan
from vae_sweep.planning.estimate.lines import estimate_lines
from vae_sweep.planning.estimate.rates import Load, Rate, Span, fit, load_of
from vae_sweep.planning.estimate.work import earliest_stop, passes, planned_work, stand_ins
from vae_sweep.planning.plan import Plan, make_plan

EPOCHS = 3


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def planned(tmp_path: Path, **changes: object) -> Plan:
    return make_plan(small_sweep(storage={"directory": str(tmp_path)}, **changes))


def batches(plan: Plan) -> int:
    return len(equal_length_batches(plan.corpus.splits["train"].sentences, 32))


def test_two_at_once_end_with_the_last() -> None:
    tasks = [(3.0, 0.0, None), (1.0, 0.0, None), (2.0, 0.0, None)]
    assert (makespan(tasks, 1), makespan(tasks, 2), makespan(tasks, 3)) == (6, 3, 3)


def test_a_shared_pretraining_is_trained_once_and_waited_for() -> None:
    tasks = [(1.0, 5.0, "a"), (2.0, 5.0, "a"), (1.0, 4.0, "b")]
    assert (makespan(tasks, 1), makespan(tasks, 2)) == (5 + 1 + 2 + 4 + 1, 5 + 1 + 4 + 1)


def test_a_load_is_that_of_the_batches() -> None:
    assert load_of(np.array([3, 3, 3, 5]), 2) == Load(batches=3, steps=3 + 3 + 5, words=14)
    assert load_of(np.array([3, 3, 3, 5]), 2, samples=10) == Load(batches=3, steps=11, words=140)


def test_a_fit_finds_the_line_and_the_fastest_and_slowest_round() -> None:
    sizes = ((1, 4, 32), (1, 9, 288), (1, 20, 640), (1, 9, 9))
    loads = [Load(batches=b, steps=s, words=w) for b, s, w in sizes]
    line = [0.5 * load.batches + 0.1 * load.steps + 0.01 * load.words for load in loads]
    found = fit(loads, [[second * pace for second in line] for pace in (1, 2, 0.5)])
    assert (found.per_batch, found.per_step, found.per_word) == pytest.approx((0.5, 0.1, 0.01))
    assert (found.fastest, found.slowest) == pytest.approx((0.5, 2))


@pytest.mark.parametrize(
    ("schedule", "epochs", "fewest"),
    [
        (Plateau(), 100, 15 + 4 * 2 + 1),
        (Plateau(), 20, 20),
        (Plateau(first_decay_epoch=0), 100, 5 * 2 + 1),
        (Plateau(patience=5, decays=2), 100, 15 + 5 + 1),
        (LinearDecay(), 100, 100),
    ],
)
def test_the_earliest_stop_is_that_of_the_schedule(
    schedule: Plateau | LinearDecay, epochs: int, fewest: int
) -> None:
    assert earliest_stop(TrainingSpec(schedule=schedule, epochs=epochs)) == fewest


def test_aggressive_updates_take_more_steps() -> None:
    assert passes(Joint(), 24, 100) == (24, 100)
    assert passes(Aggressive(window=15, longest=100), 24, 100) == (24 + 2 * 30, 100 * 101)
    assert passes(Aggressive(window=15, longest=20), 1, 1) == (1 + 20, 21)


def test_a_sweep_by_hand(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    phase = EPOCHS * batches(plan)
    found = estimate(*costs_of(plan))
    assert found.at_once == (2, 2)
    assert found.trials == Span(5 * phase, 5 * phase)
    assert found.methods == {
        "ae": Span(phase, phase),
        "vae": Span(phase, phase),
        "ours": Span(2 * phase, 2 * phase),
    }
    assert found.exact


def test_a_stored_pretraining_costs_nothing(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    for work in planned_work(plan):
        if work.shared:
            (tmp_path / "pretrained" / work.shared).mkdir(parents=True, exist_ok=True)
    phase = EPOCHS * batches(plan)
    found = estimate(*costs_of(plan))
    assert found.trials == Span(4 * phase, 4 * phase)
    assert found.methods["ae"] == Span(0, 0)


def test_without_a_shared_store_each_trial_pretrains(tmp_path: Path) -> None:
    plan = make_plan(small_sweep(storage={"directory": str(tmp_path), "share_pretraining": False}))
    phase = EPOCHS * batches(plan)
    assert estimate(*costs_of(plan)).trials == Span(8 * phase, 8 * phase)


def test_a_plateau_makes_the_low_end(tmp_path: Path) -> None:
    plan = planned(tmp_path, training={"epochs": 100}, methods={"vae": {}}, seeds=[1])
    found = estimate(*costs_of(plan))
    assert found.trials == Span(24 * batches(plan), 100 * batches(plan))


@pytest.mark.parametrize(("error", "most", "fewest"), [(None, 400, 400), (0.15, 400, 100), (0.15, 100, 100)])
def test_evaluation_and_saving_count(tmp_path: Path, error: float | None, most: int, fewest: int) -> None:
    """A sentence takes 50 samples to look and 50 to estimate at least, where there are enough to adapt with."""
    evaluation = {"search_samples": most, "search_error": error, "final_samples": 100}
    plan = planned(tmp_path, methods={"vae": {}}, seeds=[1], evaluation=evaluation)
    costs, [work] = costs_of(plan, model=model_cost(importance=A_WORD, information=2, page=1), save=10)
    trained = EPOCHS * batches(plan)
    words = plan.corpus.splits["validation"].words
    rest = trained + EPOCHS * (2 + 10) + 1 + 2
    assert task_of(costs, work).alone == Span(rest + fewest * words, rest + EPOCHS * 10 + most * words)


@pytest.mark.parametrize(("selection", "samples"), [("neg_elbo", 0), ("iw_bound", 10)])
def test_the_bound_that_selects_an_epoch_counts(tmp_path: Path, selection: str, samples: int) -> None:
    methods = {"iwae": {"selection": selection}}
    plan = planned(tmp_path, methods=methods, seeds=[1], evaluation={"search_samples": 100, "search_error": None})
    costs, [work] = costs_of(plan, model=model_cost(importance=A_WORD))
    words = plan.corpus.splits["validation"].words
    trained = EPOCHS * batches(plan)
    found = trained + (EPOCHS * samples + 100) * words
    assert task_of(costs, work).alone == Span(found, found)


def test_the_test_split_is_scored_for_all_one_cell_at_least_or_none(tmp_path: Path) -> None:
    model = model_cost(bound=A_BATCH)
    scores = {}
    for final in ("all", "front", "none"):
        plan = planned(tmp_path, evaluation={"final": final})
        scores[final] = estimate(*costs_of(plan, model=model)).scores
    one = len(equal_length_batches(plan.corpus.splits["test"].sentences, 64))
    assert scores["all"] == Span(5 * one, 5 * one)
    assert scores["front"] == Span(one, 4 * one)
    assert scores["none"] == Span(0, 0)


def test_bytes_by_hand(tmp_path: Path) -> None:
    found = estimate(*costs_of(planned(tmp_path), model=model_cost(weights_bytes=100), state_bytes=400))
    assert found.end_bytes == 10 * (400 + 2 * 100) + 2 * 100
    assert found.running_bytes == found.end_bytes + 2 * 3 * 400


def test_trials_at_once_by_share_and_limit(tmp_path: Path) -> None:
    plan = planned(tmp_path, resources={"methods": {"ours": {"cpu": 2}}})
    assert at_once(plan) == (1, 2)
    assert at_once(planned(tmp_path, resources={"max_concurrent": 1})) == (1, 1)
    assert fit_on(TrialResources(1, 0.25), 16, 2, plan.spec) == 8
    assert fit_on(TrialResources(1, 2.0), 16, 3, plan.spec) == 1
    limited = small_sweep(resources={"gpu": 0.25, "max_gpus": 0.5})
    assert fit_on(TrialResources(1, 0.25), 16, 2, limited) == 2


def test_a_drawn_space_is_stood_for_by_its_rows(tmp_path: Path) -> None:
    methods = {"vae": {}, "ours": {"target_rate": {"float": [2, 8]}, "model.latent_size": {"int": [8, 24]}}}
    plan = planned(tmp_path, methods=methods, search={"kind": "tpe", "trials": 4}, seeds=[1])
    work = planned_work(plan)
    assert [one.trial.method.name for one in work] == ["vae", "ours", "ours", "ours"]
    assert {one.trial.model.latent_size for one in work[1:]} == {16}
    assert len({one.shared for one in work[1:]}) == 3
    assert not estimate(*costs_of(plan)).exact


def test_stand_ins_are_spread_over_a_row() -> None:
    plan = small_sweep(methods={"ours": {"target_rate": {"choice": [2, 4, 6, 8]}}})
    assert stand_ins(plan.methods["ours"], 2) == [{"target_rate": 2}, {"target_rate": 6}]
    assert stand_ins({}, 5) == [{}]


def test_the_words_say_what_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(tmp_path)
    text = "\n".join(estimate_lines(plan, estimate(*costs_of(plan, Rate(per_batch=1, per_step=0, per_word=0)))))
    assert "on this machine, 2 trials at once" in text
    assert "500.0 MB a trial" in text
    assert "a trial alone: ae, vae 21 s; ours 42 s" in text
    assert "cluster" not in text
    assert "busy" not in text
    busy = "\n".join(estimate_lines(plan, estimate(*costs_of(plan, load=1.5))))
    assert "busy before it was measured (1.5 processes on 2 cores)" in busy
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert "not on the cluster (head:6379)" in "\n".join(estimate_lines(plan, estimate(*costs_of(plan))))
