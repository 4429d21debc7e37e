"""Sweeps beside each other, from journals made by hand."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.replicated import EVALUATION, Cells, journal
from vae_sweep.cli.main import app
from vae_sweep.errors import CompareError
from vae_sweep.journal.sweep_log import read_records
from vae_sweep.report.files import compared_as_json
from vae_sweep.report.terminal_compare import compare_lines, compare_tables
from vae_sweep.results.comparison import SweepComparison, compare_sweeps, joint_front
from vae_sweep.statistics.differences import Answer

FIRST: Cells = (
    ("ae", {}, {0: (9.0, 1.0), 1: (9.0, 1.0)}),
    ("vae", {}, {0: (3.4, 13.0), 1: (3.6, 13.2), 2: (3.5, 13.1)}),
    ("ours", {"target_rate": 4}, {0: (3.8, 10.0), 1: (3.9, 10.4), 2: (3.85, 10.2)}),
    ("vae_fbp", {"target_rate": 4}, {0: (3.8, 11.0), 1: (3.6, 11.4), 2: (3.7, 11.2)}),
)
SECOND: Cells = (
    ("ours", {"target_rate": 4.0}, {0: (3.74, 6.0), 1: (3.76, 6.4), 2: (3.75, 6.2)}),
    ("ours", {"target_rate": 8}, {0: (4.0, 5.5), 1: (4.0, 5.5), 2: (4.0, 5.5)}),
    ("vae", {}, {0: (3.4, 13.0), 1: (3.6, 13.2), 2: (3.5, 13.1)}),
)
"""Cells 0 and 1 of SECOND beat its like of FIRST; both share the vae to the bit."""


@pytest.fixture
def compared(tmp_path: Path) -> SweepComparison:
    journal(tmp_path / "one", FIRST, seconds=3600.0, saved=360.0, model={"latent_size": 16})
    journal(tmp_path / "two", SECOND, seconds=1800.0, model={"latent_size": 32})
    return compare_sweeps(read_records([tmp_path / "one", tmp_path / "two"]))


def test_a_cell_that_is_not_known_has_no_place(tmp_path: Path) -> None:
    journal(tmp_path / "one", FIRST)
    journal(tmp_path / "two", SECOND, more={0: {"pareto_k_bad": 0.6}})
    found = compare_sweeps(read_records([tmp_path / "one", tmp_path / "two"]))
    assert [place.cell for place in found.sides[1].places] == [1, 2]
    differences = [line for line in compare_lines(found) if "cannot tell" in line]
    assert differences == [
        "two: cannot tell where cell 0 stands: 60.0% of its sentences have Pareto k > 0.7, 50% at most may; it is "
        "in no front and no hypervolume"
    ]


def test_a_sweep_of_before_cannot_be_compared_and_says_what_to_do(tmp_path: Path) -> None:
    journal(tmp_path / "one", FIRST)
    journal(tmp_path / "two", SECOND, more={cell: {"iw_nll": 20.0} for cell in range(3)})
    with pytest.raises(
        CompareError, match=r"two: no cell whose likelihood is known \(no tight value.*vae-sweep score"
    ):
        compare_sweeps(read_records([tmp_path / "one", tmp_path / "two"]))


def test_fronts_and_who_makes_the_joint_one(compared: SweepComparison) -> None:
    one, _ = compared.sides
    assert [place.cell for place in one.places if place.on_own_front] == [1, 2, 3]
    assert [place.cell for place in one.places if place.on_joint_front] == [1, 3]
    assert [(sweep, place.cell) for sweep, place in joint_front(compared)] == [
        ("one", 1),
        ("two", 2),
        ("one", 3),
        ("two", 0),
        ("two", 1),
    ]


def test_cells_in_common_are_paired_by_seed_and_the_rest_named(compared: SweepComparison) -> None:
    one, two = compared.sides
    assert (one.common, one.own, two.own) == ([], [3], [1])
    differences = {(each.cell, each.against, each.metric): each for each in two.common}
    assert list(differences) == [
        (cell, other, metric) for cell, other in ((0, 2), (2, 1)) for metric in compared.objectives
    ]
    ours = differences[0, 2, "reconstruction"]
    assert (ours.difference.mean, ours.difference.pairing) == (pytest.approx(-4.0), "paired")
    assert ours.answer is Answer.BETTER
    assert differences[2, 1, "perplexity"].why == "equal in all of 3 seeds"


def test_hypervolumes_share_a_reference(compared: SweepComparison) -> None:
    """Worst means are 4.0 and 13.1, the ranges 0.5 and 7.6."""
    assert compared.reference == pytest.approx((4.05, 13.86))
    one, two = compared.sides
    assert one.hypervolume.mean == pytest.approx(0.2 * 0.76 + 0.35 * 2.66 + 0.2 * 1.0)
    assert (one.gain, one.answer) == (None, None)
    assert two.gain is not None
    assert two.gain.mean == pytest.approx(two.hypervolume.mean - one.hypervolume.mean)
    assert two.answer is Answer.BETTER


def test_costs_and_settings(compared: SweepComparison) -> None:
    one, two = compared.sides
    assert (one.costs.trials, one.costs.seconds, one.costs.saved) == (11, 11 * 3600.0, 11 * 360.0)
    assert (one.settings, two.settings) == ([], ["model.latent_size: 16 -> 32"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"fingerprint": "beef"},
            "corpus: captions (fingerprint f00d) in one, captions (fingerprint beef) in two",
        ),
        ({"evaluation": EVALUATION | {"search_samples": 50}}, "evaluation.search_samples: 100 in one, 50 in two"),
        ({"evaluation": EVALUATION | {"search_error": None}}, "evaluation.search_error: 0.1 in one, null in two"),
        ({"search": {"objectives": ["perplexity"]}}, 'search.objectives: ["perplexity", "reconstruction"] in one'),
    ],
)
def test_what_was_measured_otherwise_is_refused(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    journal(tmp_path / "one", FIRST)
    journal(tmp_path / "two", SECOND, **changes)
    with pytest.raises(CompareError) as caught:
        compare_sweeps(read_records([tmp_path / "one", tmp_path / "two"]))
    assert f"\n  {reason}" in str(caught.value)
    assert str(caught.value).count("\n") == 1


def test_who_gets_the_test_split_changes_no_number_compared(tmp_path: Path) -> None:
    journal(tmp_path / "one", FIRST, evaluation=EVALUATION | {"final": "all"})
    journal(tmp_path / "two", SECOND, evaluation=EVALUATION | {"final": "front"})
    assert compare_sweeps(read_records([tmp_path / "one", tmp_path / "two"])).sides[1].settings == [
        'evaluation.final: "all" -> "front"'
    ]


def test_a_sweep_without_a_complete_cell_is_named(tmp_path: Path) -> None:
    journal(tmp_path / "one", FIRST)
    journal(tmp_path / "two", FIRST[:1])
    with pytest.raises(CompareError, match="two: no complete cell yet"):
        compare_sweeps(read_records([tmp_path / "one", tmp_path / "two"]))


def test_sweeps_of_one_name_are_called_by_their_path_and_no_sweep_twice(tmp_path: Path) -> None:
    folders = [tmp_path / "a" / "same", tmp_path / "b" / "same"]
    for folder in folders:
        journal(folder, FIRST)
    assert list(read_records(folders)) == [str(folder) for folder in folders]
    with pytest.raises(CompareError, match="named twice"):
        read_records([folders[0], folders[0]])
    with pytest.raises(CompareError, match="only one"):
        read_records(folders[:1])


def test_three_sweeps_are_held_against_the_first(tmp_path: Path) -> None:
    for name, cells in (("one", FIRST), ("two", SECOND), ("three", FIRST[:3])):
        journal(tmp_path / name, cells)
    one, two, three = compare_sweeps(read_records([tmp_path / name for name in ("one", "two", "three")])).sides
    assert ({each.against for each in two.common}, {each.against for each in three.common}) == ({1, 2}, {1, 2})
    assert (one.own, three.own) == ([3], [])


def test_other_seeds_are_compared_unpaired(tmp_path: Path) -> None:
    shifted = [
        (method, values, {seed + 9: each for seed, each in seeds.items()}) for method, values, seeds in SECOND
    ]
    journal(tmp_path / "one", FIRST)
    journal(tmp_path / "two", shifted)
    two = compare_sweeps(read_records([tmp_path / "one", tmp_path / "two"])).sides[1]
    assert {each.difference.pairing for each in two.common} == {"welch"}
    assert "unpaired (Welch)" in two.common[0].why


def test_cells_of_one_seed_are_counted_and_many_own_cells_cut(tmp_path: Path) -> None:
    own: Cells = [("ours", {"target_rate": 10 + rate}, {0: (5.0 + rate, 30.0 + rate)}) for rate in range(9)]
    journal(tmp_path / "one", FIRST)
    journal(tmp_path / "two", [*SECOND, *own])
    lines = list(compare_lines(compare_sweeps(read_records([tmp_path / "one", tmp_path / "two"]))))
    assert "9 of 12 cells of two have one seed: their scatter is in no interval" in lines
    assert "only in two: 10 cells, on its front 1 ours λ=8" in lines


def test_json_and_terminal_say_the_same(compared: SweepComparison) -> None:
    document = json.loads(compared_as_json(compared))
    assert document["sides"][1]["answer"] == "better"
    assert document["sides"][1]["common"][1]["answer"] == "better"
    console = Console(file=io.StringIO(), width=120)
    for group in compare_tables(compared):
        console.print(group)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "11.00 h" in text
    [ours] = [
        line.split() for line in text.splitlines() if line.split()[:5] == ["ours", "λ=4", "0", "2", "-0.10±0.10"]
    ]
    assert ours[-4:] == ["-4.00±0.00", "better,", "p", ours[-1]]
    assert max(map(len, text.splitlines())) <= 120
    lines = list(compare_lines(compared))
    assert "only in one: 3 vae_fbp λ=4" in lines
    assert "only in two: 1 ours λ=8" in lines
    assert "one -> two: model.latent_size: 16 -> 32" in lines


def test_the_command_prints_either_form_and_refuses_in_words(tmp_path: Path) -> None:
    folders = [str(tmp_path / name) for name in ("one", "two", "three")]
    for folder, fingerprint in zip(folders, ("f00d", "f00d", "beef"), strict=True):
        journal(Path(folder), SECOND, fingerprint=fingerprint)
    shown = CliRunner().invoke(app, ["compare", *folders[:2]])
    assert shown.exit_code == 0
    assert "Sweeps on captions (fingerprint f00d), validation split" in shown.stdout
    assert "equal" in shown.stdout
    document = json.loads(CliRunner().invoke(app, ["compare", *folders[:2], "--format", "json"]).stdout)
    assert [side["sweep"] for side in document["sides"]] == ["one", "two"]
    refused = CliRunner().invoke(app, ["compare", folders[0], folders[2]])
    assert isinstance(refused.exception, CompareError)
    assert "beef" in str(refused.exception)
