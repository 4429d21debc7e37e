"""Report rows: means over seeds, the front, and what a row lacks."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import Journal
from vae_sweep.journal.records import SweepRecord
from vae_sweep.report.files import as_csv, as_json
from vae_sweep.report.terminal import outcome, rich_tables
from vae_sweep.results.cells import cell_results, entropy_bounds
from vae_sweep.results.results import compute_results

OBJECTIVES = ("perplexity", "reconstruction")


def journal(path: Path, finals: list[tuple[int, str, int, str, dict[str, float]]]) -> SweepRecord:
    """A journal with one ended trial for each (cell, method, seed, outcome, numbers)."""
    with Journal(path) as out:
        out.write("launch", sweep="s", attempt=1, spec={}, versions={}, git_commit=None, corpus={})
        for number, method in {cell: method for cell, method, *_ in finals}.items():
            out.write("cell", cell=number, method=method, values={})
        for cell, method, seed, result, numbers in finals:
            name = f"{cell}-{seed}"
            identity: dict[str, Any] = {"cell": cell, "seed": seed, "method": method, "values": {}}
            out.write("trial", trial=name, attempt=1, spec={}, **identity)
            out.write("final", trial=name, outcome=result, reason=None, numbers=numbers, checkpoint=None)
    return read_sweep(path)


def validation(perplexity: float, reconstruction: float, **more: float) -> dict[str, float]:
    metrics = {"perplexity": perplexity, "reconstruction": reconstruction, **more}
    return {f"validation/{metric}": value for metric, value in metrics.items()}


def test_means_over_seeds_and_the_front(tmp_path: Path) -> None:
    record = journal(
        tmp_path / "journal.jsonl",
        [
            (0, "vae", 0, "collapsed", validation(3.0, 13.0)),
            (0, "vae", 1, "finished", validation(5.0, 11.0)),
            (1, "ours", 0, "finished", validation(4.5, 10.0)),
            (2, "vae_fbp", 0, "finished", validation(4.6, 10.5)),
        ],
    )
    found = cell_results(record, OBJECTIVES)
    assert [(row.cell, row.numbers["perplexity"], row.front) for row in found] == [
        (0, 4.0, True),
        (1, 4.5, True),
        (2, 4.6, False),
    ]
    assert (found[0].seeds, outcome(found[0])) == (2, "1 collapsed, 1 finished")


def test_a_diverged_replicate_keeps_its_cell_off_the_front(tmp_path: Path) -> None:
    record = journal(
        tmp_path / "journal.jsonl",
        [(0, "vae", 0, "finished", validation(1.0, 1.0)), (0, "vae", 1, "diverged", {})],
    )
    [row] = cell_results(record, OBJECTIVES)
    assert (row.front, row.numbers) == (False, {})


def test_the_autoencoder_never_stands_on_the_front(tmp_path: Path) -> None:
    record = journal(tmp_path / "journal.jsonl", [(0, "ae", 0, "finished", validation(1.0, 1.0))])
    assert not cell_results(record, OBJECTIVES)[0].front


def test_the_floor_is_a_row_of_the_table(tmp_path: Path) -> None:
    more = {"nll": 13.5, "floor": 13.4, "floor_perplexity": 3.4, "floor_gap": 0.1, "floor_gap_error": 0.02}
    record = journal(tmp_path / "journal.jsonl", [(0, "vae", 0, "collapsed", validation(3.5, 13.5, **more))])
    found = cell_results(record, OBJECTIVES)
    assert [(floor.split, floor.nll, floor.perplexity) for floor in entropy_bounds(found)] == [
        ("validation", 13.4, 3.4)
    ]
    said = printed(record, 120)
    assert re.search(r"vae .* \+0\.10 ± 0\.02 +collapsed", said)
    assert re.search(r"exact -log p +3\.40 +13\.40( +-)+ +0 *\n", said)


@pytest.mark.parametrize(
    ("width", "left_out"),
    [(120, []), (80, ["-ELBO", "NLL", "above floor"]), (70, ["-ELBO", "NLL", "above floor", "PPL(q)"])],
)
def test_a_narrow_terminal_gets_whole_columns(width: int, left_out: list[str], tmp_path: Path) -> None:
    more = {"nll": 13.5, "floor": 13.4, "floor_perplexity": 3.4, "floor_gap": 0.1, "floor_gap_error": 0.02}
    numbers = validation(3.5, 13.5, iw_perplexity=3.6, kl=4.25, mutual_information=2.0, active_units=9.0, **more)
    record = journal(tmp_path / "journal.jsonl", [(0, "vae_pretrain_anneal", 0, "finished", numbers)])
    said = printed(record, width)
    assert max(map(len, said.splitlines())) <= width
    assert "…" not in said
    for heading in ("PPL", "PPL(q)", "NLL", "Recon", "KL", "MI", "AU", "-ELBO", "above floor", "outcome"):
        shown = re.search(rf"(?<!\S){re.escape(heading)}(?!\S)", said.partition("left out")[0])
        assert bool(shown) == (heading not in left_out), heading
    assert f"left out for want of width: {', '.join(left_out)}" in said or not left_out


def printed(record: SweepRecord, width: int) -> str:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as captured:
        console.print(*rich_tables(compute_results(record, OBJECTIVES)))
    return captured.get()


def test_json_and_csv_hold_the_same_numbers(tmp_path: Path) -> None:
    record = journal(tmp_path / "journal.jsonl", [(0, "vae", 0, "finished", validation(3.25, 13.5))])
    report = compute_results(record, OBJECTIVES)
    [row] = csv.DictReader(io.StringIO(as_csv(report)))
    assert float(row["perplexity"]) == json.loads(as_json(report))["rows"][0]["numbers"]["perplexity"] == 3.25
    assert row["kl"] == ""
