"""The searcher's contract: each fault of Optuna under Tune that it cures, on a real study."""

import pickle
from typing import Any

import pytest
from optuna.trial import TrialState
from ray.tune.search import Searcher

from tests.search_bench import ENDLESS, GRID, Bench, drain, sweep
from trainables.training.report import FinalReport
from vae_sweep.search.state import Assignment, SearchState

SEARCHED: dict[str, Any] = {"kind": "random", "trials": 6}
"""A search of every cell of GRID by a study."""


def test_a_searcher_and_its_study_never_enter_rays_snapshots() -> None:
    bench = Bench(sweep(GRID))
    bench.next()
    assert vars(pickle.loads(pickle.dumps(bench.search))) == {}  # noqa: S301


def test_b_a_report_without_objectives_is_no_error() -> None:
    bench = Bench(sweep(GRID, **SEARCHED))
    trial_id, _ = bench.next()
    bench.search.on_trial_result(trial_id, {"kind": "epoch"})
    assert bench.states() == [TrialState.RUNNING]


@pytest.mark.parametrize("outcome", ["diverged", "failed"])
def test_c_a_trial_without_values_is_told_as_failed(outcome: str) -> None:
    bench = Bench(sweep(GRID, **SEARCHED))
    trial_id, _ = bench.next()
    bench.end(trial_id, outcome=outcome)
    assert bench.states() == [TrialState.FAIL]


def test_c_a_lost_worker_is_told_as_failed() -> None:
    bench = Bench(sweep(GRID, **SEARCHED))
    trial_id, _ = bench.next()
    bench.search.on_trial_complete(trial_id, None, error=True)
    assert bench.states() == [TrialState.FAIL]


def test_d_a_pruned_trial_is_told_as_pruned_and_without_values() -> None:
    bench = Bench(sweep(GRID, **SEARCHED))
    trial_id, _ = bench.next()
    bench.end(trial_id, outcome="pruned")
    assert bench.states() == [TrialState.PRUNED]
    assert bench.study.best_trials == []


def test_d_a_trial_stopped_before_its_end_is_not_told() -> None:
    bench = Bench(sweep(GRID, **SEARCHED))
    trial_id, _ = bench.next()
    bench.search.on_trial_complete(trial_id, {"kind": "epoch", "report": "{}"})
    assert bench.states() == [TrialState.RUNNING]


def test_e_running_trials_of_the_journal_are_adopted_and_strangers_failed() -> None:
    spec = sweep(GRID, **SEARCHED)
    first = Bench(spec)
    _, known = first.next()
    first.study.ask()
    unfinished = [Assignment(known["cell"], 0, ("/checkpoint",))]
    second = Bench(spec, first.study, SearchState([known["cell"]], {}, unfinished))
    assert second.states() == [TrialState.RUNNING, TrialState.FAIL]
    trial_id, config = second.next()
    assert config == {"cell": known["cell"], "seed": 0, "starts": ("/checkpoint",)}
    second.end(trial_id, ppl=2.5)
    assert second.study.trials[0].values == [2.5, 9.0]


def test_e_a_cell_that_ended_in_the_journal_alone_is_told_at_start() -> None:
    spec = sweep(GRID, **SEARCHED)
    first = Bench(spec)
    _, known = first.next()
    report = FinalReport(
        outcome="finished", numbers={"validation/perplexity": 2.0, "validation/reconstruction": 7.0}
    )
    second = Bench(spec, first.study, SearchState([known["cell"]], {known["cell"].number: {0: report}}))
    assert second.study.trials[0].values == [2.0, 7.0]


def test_f_a_grid_is_exact_whatever_was_drawn_before() -> None:
    spec = sweep(GRID)
    first = Bench(spec)
    cells = [first.next()[1]["cell"] for _ in range(3)]
    progress = SearchState(cells[1:], {}, [Assignment(cell, 0) for cell in cells[1:]])
    drawn = [(config["cell"].method, config["cell"].values) for config in drain(Bench(spec, progress=progress))]
    assert sorted(map(str, drawn)) == sorted(map(str, spec.points() or []))


def test_a_grid_is_drawn_in_its_order_without_a_study() -> None:
    spec = sweep(GRID)
    bench = Bench(spec)
    assert [(config["cell"].method, config["cell"].values) for config in drain(bench)] == spec.points()
    assert bench.states() == []


@pytest.mark.parametrize("kind", ["random", "tpe", "nsga2"])
@pytest.mark.parametrize("methods", [GRID, ENDLESS])
def test_no_cell_is_drawn_twice(kind: str, methods: dict[str, Any]) -> None:
    spec = sweep(methods, kind=kind, trials=6)
    cells = [config["cell"] for config in drain(Bench(spec))]
    assert len(cells) == 6
    assert len({str((cell.method, cell.values)) for cell in cells}) == 6


def test_a_search_ends_where_its_space_is_exhausted() -> None:
    assert len(drain(Bench(sweep(GRID, kind="random", trials=50)))) == 6


def test_a_repeated_draw_is_told_what_its_cell_gave() -> None:
    bench = Bench(sweep({"vae": {}, "ours": {"target_rate": {"choice": [2, 4]}}}, kind="random", trials=3))
    drain(bench)
    repeated = [trial for trial in bench.study.trials if trial.number not in {c.number for c in bench.journaled}]
    assert all(trial.state == TrialState.COMPLETE for trial in repeated)


def test_replicates_are_one_optuna_trial_told_once_with_their_mean() -> None:
    bench = Bench(sweep({"vae": {}}, seeds=(3, 5), kind="random", trials=1))
    (one, first), (two, second) = bench.next(), bench.next()
    assert (first["cell"], first["seed"], second["seed"]) == (second["cell"], 3, 5)
    bench.end(one, ppl=3.0, recon=10.0)
    assert bench.states() == [TrialState.RUNNING]
    bench.end(two, ppl=5.0, recon=12.0)
    assert bench.study.trials[0].values == [4.0, 11.0]


def test_one_diverged_replicate_fails_its_cell() -> None:
    bench = Bench(sweep({"vae": {}}, seeds=(3, 5), kind="random", trials=1))
    (one, _), (two, _) = bench.next(), bench.next()
    bench.end(one)
    bench.end(two, outcome="diverged")
    assert bench.states() == [TrialState.FAIL]


def test_the_seed_is_no_parameter_and_names_are_conditional() -> None:
    bench = Bench(sweep(GRID, seeds=(1, 2), **SEARCHED))
    drain(bench)
    names = {name for trial in bench.study.trials for name in trial.params}
    assert names == {"method", "vae_fbp.target_rate", "ours.target_rate"}


def test_a_trial_out_of_memory_comes_again_as_often_as_the_spec_allows() -> None:
    bench = Bench(sweep({"vae": {}}, retries=2, kind="random", trials=1))
    for retries in (0, 1, 2):
        trial_id, config = bench.next()
        assert config.get("retries", 0) == retries
        assert bench.next()[1] is None, "a running trial may come again"
        bench.end(trial_id, outcome="failed", error="memory")
    assert bench.next()[1] == Searcher.FINISHED
    assert bench.states() == [TrialState.FAIL]


def test_a_bug_does_not_come_again() -> None:
    bench = Bench(sweep({"vae": {}}, retries=2, kind="random", trials=1))
    bench.end(bench.next()[0], outcome="failed", error="bug")
    assert bench.next()[1] == Searcher.FINISHED


def test_a_cell_that_failed_and_gives_values_later_is_added_to_the_study_once() -> None:
    spec = sweep(GRID, **SEARCHED)
    first = Bench(spec)
    trial_id, config = first.next()
    first.end(trial_id, outcome="failed", error="data")
    good = FinalReport(
        outcome="finished", numbers={"validation/perplexity": 2.0, "validation/reconstruction": 7.0}
    )
    for _ in range(2):
        second = Bench(spec, first.study, SearchState([config["cell"]], {0: {0: good}}))
        assert second.states() == [TrialState.FAIL, TrialState.COMPLETE]
    assert second.study.trials[1].params == first.study.trials[0].params
    assert second.study.trials[1].values == [2.0, 7.0]


def test_a_new_study_is_told_all_that_the_journal_knows() -> None:
    spec = sweep(GRID, seeds=(1, 2), **SEARCHED)
    first = Bench(spec)
    drain(first)
    second = Bench(spec, None, SearchState(list(first.journaled), first.ended))
    old, new = ([each for each in bench.study.trials if "cell" in each.user_attrs] for bench in (first, second))
    assert len(new) == len(spec.points() or [])
    assert [trial.params for trial in new] == [trial.params for trial in old]
    assert [trial.values for trial in new] == [trial.values for trial in old]


def test_nothing_is_drawn_once_the_sweep_is_to_stop() -> None:
    bench = Bench(sweep(GRID, **SEARCHED), halt=lambda: True)
    assert bench.next()[1] == Searcher.FINISHED
    assert bench.states() == []


def test_cells_are_numbered_without_gaps_whatever_the_study_holds() -> None:
    spec = sweep(GRID, **SEARCHED)
    first = Bench(spec)
    first.study.ask()
    second = Bench(spec, first.study)
    assert [config["cell"].number for config in drain(second)] == list(range(6))
