"""The searcher's contract for replicates: racing, pruned replicates, front filling, cells of an earlier sweep."""

from pathlib import Path
from typing import Any

from optuna.trial import TrialState
from ray.tune.search import Searcher

from tests.contracts.test_sweep_search import SEARCHED
from tests.search_bench import ENDLESS, GRID, Bench, drain, sweep
from trainables.training.report import FinalReport
from vae_sweep.search.state import Assignment, EvaluatedCell, SearchState
from vae_sweep.search.study import open_study

SEEDS = (0, 1, 2)
QUALITY = {("vae", None): (10.0, 9.0), ("vae_fbp", 2): (12.0, 8.0), ("vae_fbp", 4): (16.0, 12.0)}
"""What a cell gives before the scatter of its seeds; all others lie far behind."""


def quality(config: dict[str, Any]) -> tuple[float, float]:
    cell = config["cell"]
    ppl, recon = QUALITY.get((cell.method, cell.values.get("target_rate")), (40.0, 40.0))
    return ppl + 0.1 * config["seed"], recon + 0.1 * config["seed"]


def run(bench: Bench) -> list[tuple[int, int]]:
    """Run a sweep one trial at a time; return the (cell, seed) of each, in order."""
    order = []
    while True:
        trial_id, config = bench.next()
        if config == Searcher.FINISHED:
            return order
        order.append((config["cell"].number, config["seed"]))
        bench.end(trial_id, *quality(config))


def test_every_cell_gets_its_first_seeds_and_only_contenders_the_others() -> None:
    bench = Bench(sweep(GRID, SEEDS, first_seeds=1))
    order = run(bench)
    count = len(bench.journaled)
    assert order[:count] == [(number, 0) for number in range(count)]
    raced = order[count:]
    best = {cell.number for cell in bench.journaled if quality({"cell": cell, "seed": 0})[0] < 15}
    assert sorted(raced) == sorted((cell, seed) for cell in best for seed in (1, 2))


def test_a_cell_whose_likelihood_is_not_known_is_told_as_failed_and_races_for_nothing() -> None:
    bench = Bench(sweep(GRID, SEEDS, first_seeds=1, **SEARCHED))
    order = []
    while True:
        trial_id, config = bench.next()
        if config == Searcher.FINISHED:
            break
        order.append((config["cell"].method, config["seed"]))
        bad = 0.51 if config["cell"].method == "vae" else 0.5
        bench.end(trial_id, *quality(config), pareto_k_bad=bad)
    assert ("vae", 1) not in order, "it would be the best, were its perplexity known"
    states = {trial.params["method"]: trial.state for trial in bench.study.trials}
    assert (states["vae"], states["ours"]) == (TrialState.FAIL, TrialState.COMPLETE)


def test_what_sampling_does_not_tell_from_the_front_gets_another_seed() -> None:
    """One seed each, PPL 10 and 10.1, the second behind in Recon too: an error of 0.001 nats tells them apart."""
    for error, raced in ((0.001, 1), (0.1, 2)):
        bench = Bench(sweep({"vae": {}, "vae_anneal": {}}, (0, 1), first_seeds=1))
        order = []
        while (following := bench.next())[1] != Searcher.FINISHED:
            order.append(following[1]["cell"].number)
            ppl = 10.0 + 0.1 * order[-1]
            bench.end(following[0], ppl, ppl - 1, nll=23.0, nll_sampling_error=error)
        assert len(order) == 2 + raced


def test_racing_serves_every_kind_of_search() -> None:
    for kind in ("random", "tpe", "nsga2"):
        bench = Bench(sweep(GRID, SEEDS, first_seeds=2, kind=kind, trials=4))
        order = run(bench)
        assert len(bench.journaled) == 4
        assert {(cell.number, seed) for cell in bench.journaled for seed in (0, 1)} <= set(order)
        assert len(order) == len(set(order))


def test_a_cell_is_told_once_with_the_mean_of_its_first_seeds() -> None:
    bench = Bench(sweep({"vae": {}}, SEEDS, first_seeds=2, kind="random", trials=1))
    run(bench)
    [trial] = bench.study.trials
    assert trial.values == [10.05, 9.05]


def test_a_race_goes_on_after_a_resume_where_it_stood() -> None:
    spec = sweep(GRID, SEEDS, first_seeds=1)
    whole = Bench(spec)
    order = run(whole)
    cut = len(whole.journaled) + 1
    ended: dict[int, dict[int, FinalReport]] = {}
    for number, seed in order[:cut]:
        ppl, recon = quality({"cell": whole.journaled[number], "seed": seed})
        numbers = {"validation/perplexity": ppl, "validation/reconstruction": recon}
        ended.setdefault(number, {})[seed] = FinalReport(outcome="finished", numbers=numbers)
    again = Bench(spec, whole.study, SearchState(list(whole.journaled), ended))
    assert run(again) == order[cut:]


def test_while_a_seed_of_the_race_runs_its_cell_waits() -> None:
    bench = Bench(sweep({"vae": {}}, SEEDS, first_seeds=1))
    trial_id, config = bench.next()
    bench.end(trial_id, *quality(config))
    first, _ = bench.next()
    assert bench.next()[1] is None
    bench.end(first, 10.1, 9.1)
    assert bench.next()[1]["seed"] == 2


def test_a_cell_with_a_pruned_replicate_starts_no_other_and_is_told_as_pruned() -> None:
    bench = Bench(sweep({"vae": {}}, SEEDS, kind="random", trials=1))
    trial_id, _ = bench.next()
    bench.search.on_trial_complete(trial_id, {"kind": "rung", "report": "{}", "pruned": "it lies behind"})
    assert bench.next()[1] == Searcher.FINISHED
    assert bench.states() == [TrialState.PRUNED]


def test_a_started_trial_of_a_pruned_cell_goes_on_after_a_resume() -> None:
    spec = sweep({"vae": {}}, SEEDS)
    first = Bench(spec)
    _, config = first.next()
    cell = config["cell"]
    progress = SearchState([cell], {0: {0: FinalReport(outcome="pruned")}}, [Assignment(cell, 1, ("/there",))])
    second = Bench(spec, first.study, progress)
    assert second.next()[1]["seed"] == 1
    assert second.next()[1] == Searcher.FINISHED


def test_filling_puts_cells_between_those_that_are_known() -> None:
    bench = Bench(sweep({"ours": {"target_rate": {"float": [2, 10]}}}, kind="fill", trials=4))
    drawn = []
    for _ in range(4):
        trial_id, config = bench.next()
        rate = config["cell"].values["target_rate"]
        drawn.append(rate)
        bench.end(trial_id, 10 + rate**2, 60 - 2 * rate)
    assert drawn[:3] == [2.0, 10.0, 6.0]
    assert drawn[3] in (4.0, 8.0)
    assert bench.next()[1] == Searcher.FINISHED


def test_filling_starts_from_the_cells_of_an_earlier_sweep() -> None:
    warm = [EvaluatedCell("ours", {"target_rate": rate}, (rate, 30 - rate)) for rate in (2.0, 4.0, 8.0)]
    spec = sweep(ENDLESS | {"vae": {}}, kind="fill", trials=2)
    bench = Bench(spec, progress=SearchState(warm=[*warm, EvaluatedCell("vae", {}, (2.0, 40.0))]))
    assert bench.next()[1]["cell"].values == {"target_rate": 6.0}


def test_cells_of_an_earlier_sweep_are_told_once_and_are_none_of_this_one() -> None:
    warm = [EvaluatedCell("ours", {"target_rate": 3.0}, (11.0, 12.0)), EvaluatedCell("vae", {}, (10.0, 14.0))]
    spec = sweep(ENDLESS, kind="tpe", trials=3)
    first = Bench(spec, progress=SearchState(warm=warm))
    assert [trial.values for trial in first.study.trials] == [[11.0, 12.0], [10.0, 14.0]]
    again = Bench(spec, first.study, SearchState(warm=warm))
    assert len(again.study.trials) == 2
    assert len(drain(again)) == 3


def test_nsga2_takes_methods_from_the_best_cells(tmp_path: Path) -> None:
    rows = {name: {"target_rate": {"float": [2, 8]}} for name in ("vae_fb", "vae_fbp", "ours")}
    spec = sweep(rows | {"vae": {}, "vae_pretrain": {}}, kind="nsga2", trials=30)
    study, _ = open_study(spec, tmp_path)
    bench = Bench(spec, study)
    for _ in range(30):
        trial_id, config = bench.next()
        good = config["cell"].method == "ours"
        bench.end(trial_id, *((10.0, 10.0) if good else (20.0, 20.0)))
    methods = [cell.method for cell in bench.journaled]
    assert methods[:10].count("ours") <= 5
    assert methods[10:].count("ours") >= 12
