"""What seeds say of a sweep: the baseline, its differences, the front's neighbours, and how it is printed."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.replicated import Cells, journal
from vae_sweep.report.files import as_csv, as_json, as_latex
from vae_sweep.report.terminal_evidence import difference_parts, difference_tables
from vae_sweep.results.differences import differences
from vae_sweep.results.evidence import evidence, evidence_lines
from vae_sweep.results.results import Results, compute_results
from vae_sweep.statistics.differences import Answer

OBJECTIVES = ("perplexity", "reconstruction")
CELLS: Cells = (
    ("ae", {}, {0: (9.0, 1.0), 1: (9.0, 1.0), 2: (9.0, 1.0)}),
    ("ours", {"target_rate": 4}, {0: (3.5, 10.0), 1: (3.7, 10.4), 2: (3.6, 10.2)}),
    ("vae", {}, {0: (3.4, 13.0), 1: (3.6, 13.5), 2: (3.5, 13.1)}),
    ("vae_fbp", {"target_rate": 4}, {0: (3.9, 11.0), 1: (3.5, 11.6), 2: (3.8, 11.2)}),
    ("vae_fbp", {"target_rate": 2}, {0: (3.55, 11.9), 1: (3.6, 12.4), 2: (3.56, 12.2)}),
)
"""Front of means: 2 (3.5), 4 (3.57), 1 (3.6); 3 lies behind 1."""


@pytest.fixture
def report(tmp_path: Path) -> Results:
    return compute_results(journal(tmp_path / "s", CELLS, tested=True), OBJECTIVES)


def test_each_cell_is_held_against_the_plain_vae(report: Results) -> None:
    answers = report.evidence.differences
    assert (answers.split, answers.baseline) == ("test", 2)
    assert [(one.cell, one.against, one.metric) for one in answers.against_baseline] == [
        (cell, 2, metric) for cell in (1, 3, 4) for metric in OBJECTIVES
    ]
    [perplexity, reconstruction] = answers.against_baseline[:2]
    assert perplexity.difference.mean == pytest.approx(0.1)
    assert (perplexity.difference.half_width, perplexity.answer) == (pytest.approx(0, abs=1e-9), Answer.WORSE)
    assert reconstruction.difference.mean == pytest.approx(-3.0)
    assert reconstruction.answer is Answer.BETTER
    assert reconstruction.why.startswith("3 paired seeds: -3 ± 0.25, p 0.00037, 0.00089 among 3")
    [fbp] = [one for one in answers.against_baseline if (one.cell, one.metric) == (3, "perplexity")]
    assert fbp.answer is Answer.CANNOT_TELL


def test_each_front_cell_is_held_against_the_next_by_perplexity(report: Results) -> None:
    answers = report.evidence.differences.along_front
    assert [(one.cell, one.against, one.metric) for one in answers] == [(4, 1, metric) for metric in OBJECTIVES]


def test_without_the_plain_row_the_first_is_the_baseline_and_of_its_cells_the_best(tmp_path: Path) -> None:
    found = differences(journal(tmp_path / "s", CELLS[3:]), OBJECTIVES)
    assert (found.split, found.baseline) == ("validation", 1)


def test_an_unscored_replicate_keeps_the_comparison_on_validation(tmp_path: Path) -> None:
    record = journal(tmp_path / "s", CELLS, tested=True)
    trial = record.trials["0004-vae_fbp-s1"]
    record.trials[trial.id] = replace(trial, scored={})
    assert differences(record, OBJECTIVES).split == "validation"


def test_the_front_is_counted_by_seed(report: Results) -> None:
    """Seed 0: 2, 1 and nothing between. Seed 1: 3 (3.5) and 1. Seed 2: 2, 4 and 1."""
    assert report.evidence.front_seeds == {1: (3, 3), 2: (2, 3), 3: (1, 3), 4: (1, 3)}


def test_the_hypervolume_lies_below_a_reference_a_tenth_beyond_the_worst(report: Results) -> None:
    found = report.evidence
    assert found.reference == pytest.approx((3.7333 + 0.02333, 13.2 + 0.3), abs=1e-4)
    assert found.hypervolume is not None
    assert found.hypervolume.count == 3
    line = next(evidence_lines(found))
    assert line.startswith("hypervolume of the validation front, PPL x Recon up to (3.757, 13.5): ")
    assert line.endswith(", 3 seeds")


def test_one_seed_has_neither_table_nor_interval(tmp_path: Path) -> None:
    single: Cells = [(method, values, {0: seeds[0]}) for method, values, seeds in CELLS]
    found = compute_results(journal(tmp_path / "s", single), OBJECTIVES)
    assert list(difference_tables(found)) == []
    volume, advice, *_ = list(evidence_lines(found.evidence))
    assert volume.endswith(", one seed")
    assert "more seeds" in advice
    assert {one.answer for one in found.evidence.differences.against_baseline} == {Answer.CANNOT_TELL}
    assert "difference_perplexity" not in as_csv(found)


def test_a_cell_of_one_seed_beside_others_is_named(tmp_path: Path) -> None:
    cells = [*CELLS[:4], ("vae_fbp", {"target_rate": 2}, {0: (3.3, 11.9)})]
    found = compute_results(journal(tmp_path / "s", cells), OBJECTIVES)
    lines = list(evidence_lines(found.evidence))
    assert any(line.startswith("1 of 4 cells have one seed: none of their differences") for line in lines)
    assert [line[0] for line in difference_parts(found)[0]] == ["2", "1", "3"], (
        "the baseline, then what has a test"
    )


def test_the_table_has_a_line_for_each_pair(report: Results) -> None:
    console = Console(file=io.StringIO(), width=120)
    [group] = difference_tables(report)
    console.print(group)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert "s: test split, differences ± 95 % over seeds, Holm's p" in lines[0]
    [ours] = [line.split() for line in lines if line.split()[:2] == ["1", "ours"]]
    assert ours[2:5] == ["λ=4", "2", "3/3"]
    assert ours[-4:] == ["-3.00±0.25", "better,", "p", "0.00089"]
    assert max(map(len, lines)) <= 120


def test_every_format_has_the_answers(report: Results) -> None:
    document = json.loads(as_json(report))["evidence"]
    assert document["hypervolume"]["count"] == 3
    assert document["front_seeds"]["3"] == [1, 3]
    assert document["differences"]["against_baseline"][1]["answer"] == "better"
    lines = list(csv.DictReader(io.StringIO(as_csv(report))))
    answers = {(line["cell"], line["split"]): line["answer_reconstruction"] for line in lines}
    assert (answers["1", "test"], answers["1", "validation"], answers["2", "test"]) == ("better", "", "")
    latex = as_latex(report)
    assert r"cell & method & minus & front & $\Delta$PPL & answer & $\Delta$Recon & answer \\" in latex
    assert "\n% hypervolume of the validation front" in latex


UNKNOWN = {4: {"pareto_k_bad": 0.6}}


def test_a_cell_that_is_not_known_is_in_no_front_and_no_hypervolume(tmp_path: Path, report: Results) -> None:
    found = compute_results(journal(tmp_path / "u", CELLS, tested=True, more=UNKNOWN), OBJECTIVES)
    without = compute_results(journal(tmp_path / "w", CELLS[:4], tested=True), OBJECTIVES)
    assert found.evidence.hypervolume == without.evidence.hypervolume != report.evidence.hypervolume
    assert found.evidence.unknown_likelihood == {4: "60.0% of its sentences have Pareto k > 0.7, 50% at most may"}
    marks = {row.cell: row.mark for row in found.rows if row.split == "validation"}
    assert marks == {0: "", 1: "*", 2: "*", 3: "", 4: "?"}
    assert found.evidence.front_seeds.keys() == {1, 2, 3}
    assert len(list(evidence_lines(found.evidence))) == len(list(evidence_lines(without.evidence))) + 1


def test_of_a_cell_that_is_not_known_the_reconstruction_still_differs(tmp_path: Path) -> None:
    """Cell 4 against the plain VAE, cell 2: of PPL nothing can be told, Recon is 39.6 / 3 − 36.5 / 3 lower."""
    found = compute_results(journal(tmp_path / "u", CELLS, tested=True, more=UNKNOWN), OBJECTIVES)
    answers = {(one.cell, one.metric): one for one in found.evidence.differences.against_baseline}
    perplexity, reconstruction = answers[4, "perplexity"], answers[4, "reconstruction"]
    assert (perplexity.answer, perplexity.corrected) == (Answer.CANNOT_TELL, None)
    assert perplexity.why == "cell 4: 60.0% of its sentences have Pareto k > 0.7, 50% at most may"
    assert reconstruction.difference.mean == pytest.approx(36.5 / 3 - 13.2)
    assert reconstruction.answer is Answer.BETTER
    [line] = [line for line in difference_parts(found)[0] if line[0] == "4"]
    assert line[3:6] == ["?", "+0.07", "cannot tell, k > 0.7"]
    assert answers[1, "perplexity"].why.endswith("among 2"), "it is no member of the family of PPL"


def test_the_baseline_is_one_that_is_known(tmp_path: Path) -> None:
    two = [CELLS[2], ("vae", {"target_rate": 1}, {0: (3.0, 12.0), 1: (3.1, 12.0)}), *CELLS[3:]]
    assert differences(journal(tmp_path / "a", two), OBJECTIVES).baseline == 1
    assert differences(journal(tmp_path / "b", two, more={1: {"pareto_k_bad": 0.6}}), OBJECTIVES).baseline == 0


def test_importances_need_cells_and_two_parameters(report: Results, tmp_path: Path) -> None:
    assert {one.why for one in report.evidence.importances} == {"too few cells (4, from 10 on) to say"}
    assert "importance over all methods: too few cells" in list(evidence_lines(report.evidence))[-1]
    many: Cells = [("ours", {"target_rate": rate}, {0: (3.0 + rate, 9.0 - rate)}) for rate in range(12)]
    assert evidence(journal(tmp_path / "m", many), OBJECTIVES).importances == []


def test_a_sweep_without_a_complete_cell_has_nothing_to_say(tmp_path: Path) -> None:
    found = compute_results(journal(tmp_path / "s", []), OBJECTIVES)
    assert list(evidence_lines(found.evidence)) == []
    assert (found.evidence.hypervolume, found.evidence.reference) == (None, ())
    assert list(difference_tables(found)) == []
