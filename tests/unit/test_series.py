"""What figures show, as numbers."""

from pathlib import Path

import pytest

from tests.handmade import Handmade
from tests.reported_sweep import CELLS, Reported, end, reported_sweep, reporting_spec, write_epochs
from tests.unit.test_verdicts import OURS
from tests.unit.test_verdicts import sweep as published_sweep
from vae_sweep.journal.fold import read_sweep
from vae_sweep.report.findings import finding_sentences
from vae_sweep.report.paper_figures import front_figure
from vae_sweep.results.costs import by_method, driven_seconds, together, trial_costs
from vae_sweep.results.results import Results, compute_results
from vae_sweep.results.series import epoch_curves, fronts, rate_curves, widest_split

OBJECTIVES = ("perplexity", "reconstruction")


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    return reported_sweep(tmp_path_factory.mktemp("sweeps"))


@pytest.fixture(scope="module")
def report(reported: Reported) -> Results:
    return compute_results(reported.sweep.record, OBJECTIVES)


def test_the_front_is_that_of_validation_on_both_splits(reported: Reported, report: Results) -> None:
    validation, test = fronts(reported.sweep.record, report.rows)
    assert [row.cell for row in validation.line] == [2, 1, 0]
    assert [row.cell for row in test.line] == [2, 1, 0]
    assert [len(front.rows) for front in (validation, test)] == [len(CELLS)] * 2
    found = validation.line[0].interval("perplexity")
    assert (found.mean, found.count) == (pytest.approx(8.65), 2)
    assert found.half_width == pytest.approx(12.7062 * 0.05, rel=1e-4)
    assert test.line[0].interval("reconstruction").mean == pytest.approx(16.05)
    assert test.published == ()


@pytest.mark.parametrize(("latent_size", "shown"), [(32, True), (16, False)])
def test_the_papers_points_stand_beside_cells_that_compare_with_them(
    tmp_path: Path, latent_size: int, shown: bool
) -> None:
    published_sweep(tmp_path, (OURS,), latent_size=latent_size)
    record = read_sweep(tmp_path / "journal.jsonl")
    found = fronts(record, compute_results(record, OBJECTIVES).rows)
    assert [bool(front.published) for front in found if front.split == "test"] == [shown]
    [legend] = front_figure(found).legends
    names = {text.get_text() for text in legend.get_texts()}
    assert ("paper (PPL by samples from q)" in names) is ("vae_cyclic" in names) is shown
    assert "ours" in names
    assert {handle.get_linestyle() for handle in legend.get_lines()} == {"None"}


def test_a_curve_goes_over_the_rates_and_a_row_without_one_is_a_level(reported: Reported, report: Results) -> None:
    curves = rate_curves(reported.sweep.record, report.rows, "validation")
    assert list(curves) == ["perplexity", "reconstruction", "kl", "active_units", "mutual_information"]
    found = {curve.method: curve for curve in curves["reconstruction"]}
    assert found["ours"].rates == (2.0, 4.0)
    assert found["ours"].cells == (1, 2)
    assert [level.mean for level in found["ours"].levels] == pytest.approx([18.05, 15.05])
    assert (found["vae"].rates, [level.mean for level in found["vae"].levels]) == ((), pytest.approx([20.05]))


def test_no_rate_no_curve(tmp_path: Path) -> None:
    sweep = Handmade(reporting_spec(tmp_path))
    end(sweep, sweep.start(0, 0), "finished", {"perplexity": 9.0})
    assert rate_curves(sweep.record, compute_results(sweep.record, OBJECTIVES).rows, "validation") == {}


def test_cells_with_other_values_lie_on_other_curves(tmp_path: Path) -> None:
    sweep = Handmade(reporting_spec(tmp_path))
    for cell, (rate, epochs) in enumerate([(2, 1), (4, 1), (4, 5)]):
        name = sweep.start(cell, 0, "ours", target_rate=rate, anneal_epochs=epochs)
        end(sweep, name, "finished", {"kl": 1.0 + cell})
    curves = rate_curves(sweep.record, compute_results(sweep.record, OBJECTIVES).rows, "validation")["kl"]
    assert [(curve.others, curve.rates) for curve in curves] == [("anneal=1", (2.0, 4.0)), ("anneal=5", (4.0,))]


def test_tables_compare_on_test_only_where_every_cell_has_it(reported: Reported, report: Results) -> None:
    assert widest_split(report.rows) == "test"
    some = [row for row in report.rows if row.split == "validation" or row.cell != 2]
    assert widest_split(some) == "validation"


def test_epochs_stand_by_phase_and_count_from_one(reported: Reported) -> None:
    curves = {(curve.trial, curve.phase): curve for curve in epoch_curves(reported.sweep.record)}
    assert len(curves) == 2 * 2 * len(CELLS)
    found = curves["0001-ours-s0", "vae"]
    assert found.epochs == (1, 2, 3)
    assert found.metrics["reconstruction"] == (25.0, 24.0, 23.0)
    assert found.metrics["mutual_information"] == (None, None, None)
    assert (found.has("kl"), found.has("mutual_information")) == (True, False)


def test_the_store_is_no_cost(tmp_path: Path) -> None:
    sweep = Handmade(reporting_spec(tmp_path))
    for seed, (event, saved) in enumerate([("miss", 0.0), ("hit", 60.0)]):
        name = sweep.start(0, seed, "ours", target_rate=2)
        sweep.write("store", trial=name, key="k", event=event, seconds=0.0, saved=saved, holder=None)
        write_epochs(sweep, name, "pretrain", 2, 1.0)
        write_epochs(sweep, name, "vae", seed + 1, 1.0)
    slow, quick = trial_costs(sweep.record)
    assert (slow.trial, slow.seconds, slow.saved) == ("0000-ours-s0", 90.0, 0.0)
    assert (quick.trial, quick.seconds, quick.saved) == ("0000-ours-s1", 60.0, 60.0)
    whole = together([slow, quick])
    assert (whole.trials, whole.epochs, whole.seconds, whole.saved, whole.memory) == (2, 7, 150.0, 60.0, 100.0)
    assert by_method([slow, quick]) == {"ours": whole}
    reported = [epoch.time for trial in sweep.record.trials.values() for epoch in trial.epochs]
    assert driven_seconds(sweep.record) == max(reported) - sweep.record.launches[-1].time


def test_the_answer_names_the_best_and_the_collapsed(report: Results) -> None:
    perplexity, reconstruction, collapsed = finding_sentences(report.rows, OBJECTIVES)
    assert perplexity.startswith("Lowest PPL on validation: vae (cell 0), 8.05±0.64; the intervals")
    assert perplexity.endswith("do not part it from ours λ=2 (cell 1), ours λ=4 (cell 2), vae_fbp λ=4 (cell 3).")
    assert reconstruction.endswith(
        "ours λ=4 (cell 2), 15.05±0.64; its interval over seeds lies below those of all other cells."
    )
    assert collapsed == "Collapsed (the decoder ignores z): vae (cell 0)."


def test_one_seed_says_little(tmp_path: Path) -> None:
    sweep = Handmade(reporting_spec(tmp_path))
    end(sweep, sweep.start(0, 0), "finished", {"perplexity": 9.0})
    [only, none] = finding_sentences(compute_results(sweep.record, OBJECTIVES).rows, OBJECTIVES)
    assert only == "Lowest PPL on validation: vae (cell 0), 9.00; it is the only cell that has ended."
    assert none == "No cell collapsed: every one uses its code."
    end(sweep, sweep.start(1, 0, "ours", target_rate=2), "finished", {"perplexity": 8.5})
    [best, _] = finding_sentences(compute_results(sweep.record, OBJECTIVES).rows, OBJECTIVES)
    assert best.endswith("ours λ=2 (cell 1), 8.50, next vae with 9.00; one seed says little of a difference.")


def test_nothing_ended_no_answer() -> None:
    assert finding_sentences([], OBJECTIVES) == []
