"""A report in each format."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.unit.test_verdicts import OURS, sweep
from vae_sweep.cli.arguments import PIPE_WIDTH
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.metrics import number_text
from vae_sweep.report.files import as_csv, as_json, as_latex, escaped
from vae_sweep.report.terminal import remarks, rich_tables
from vae_sweep.results.results import Results, compute_results


@pytest.fixture
def one_seed(tmp_path: Path) -> Results:
    sweep(tmp_path, (OURS | {"reconstruction": 99.0},))
    return compute_results(read_sweep(tmp_path / "journal.jsonl"), ("perplexity",))


@pytest.fixture
def two_seeds(tmp_path: Path) -> Results:
    sweep(tmp_path, (OURS, OURS | {"iw_perplexity": 96.4, "perplexity": 93.8}))
    return compute_results(read_sweep(tmp_path / "journal.jsonl"), ("perplexity",))


def printed(report: Results, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width)
    for table in rich_tables(report):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_ours_stand_beside_theirs(one_seed: Results) -> None:
    lines = printed(one_seed).splitlines()
    start = next(place for place, line in enumerate(lines) if "beside Li et al. 2019" in line)
    [ours, tight, paper, verdict] = [line.split() for line in lines[start + 4 : start + 8]]
    assert ours == ["0", "ours", "λ=4", "ours,", "1", "seed", "96.20", "100.09", "99.00", "5.00", "-", "32", "-"]
    assert tight == ["ours,", "tight", "93.70", "99.51"]
    assert paper == ["paper", "96.17", "100.08", "96.91", "4.99", "-", "32", "-"]
    assert verdict == ["verdict", "=", "±4.6", "=", "±1", "worse", "±0.36", "=", "±1.1", "=", "±0.5"]
    assert remarks(one_seed)[0].startswith("= reproduced")


def test_several_seeds_have_intervals(two_seeds: Results) -> None:
    assert "96.30±1.27" in printed(two_seeds)
    [line] = [dict(row) for row in csv.DictReader(io.StringIO(as_csv(two_seeds)))][:1]
    assert float(line["iw_perplexity_ci95"]) == pytest.approx(12.7062 * 0.1, rel=1e-4)
    assert (float(line["perplexity"]), float(line["iw_perplexity"])) == pytest.approx((93.75, 96.3))
    assert (line["published_iw_perplexity"], line["verdict_iw_perplexity"]) == ("96.17", "reproduced")


def test_several_seeds_fit_a_pipe(two_seeds: Results) -> None:
    lines = printed(two_seeds, PIPE_WIDTH).splitlines()
    assert not any("…" in line for line in lines)
    place = next(place for place, line in enumerate(lines) if "ours λ=4" in line)
    assert lines[place].split()[3:5] == ["93.75", "96.30"]
    assert lines[place + 1].split()[:4] == ["2", "seeds", "±0.64", "±1.27"]


def test_a_report_without_a_published_corpus_has_no_such_columns(one_seed: Results) -> None:
    plain = replace(one_seed, comparisons=[])
    assert "published" not in as_csv(plain)
    assert "beside" not in printed(plain)
    assert remarks(plain) == []


def test_json_holds_everything(two_seeds: Results) -> None:
    document = json.loads(as_json(two_seeds))
    assert document.keys() == {"rows", "floors", "comparisons", "violations", "warnings", "evidence"}
    [found] = [one for one in document["comparisons"] if one["metric"] == "iw_perplexity"]
    assert (found["verdict"], found["published"]["value"], found["ours"]["count"]) == ("reproduced", 96.17, 2)


def test_latex_is_a_plain_tabular(one_seed: Results) -> None:
    text = as_latex(one_seed)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 4
    assert r"0 & ours $\lambda$=4 & ours & 96.20 & 100.09" in text
    assert r" &  & paper & 96.17" in text
    assert "\n% = reproduced" in text
    for line in text.splitlines():
        assert not line.endswith("&")


def test_latex_escapes() -> None:
    assert escaped(r"vae_fb 5% {a}&b \x λ±1") == (r"vae\_fb 5\% \{a\}\&b \textbackslash{}x $\lambda$$\pm$1")


def test_reasons_are_said_once_with_their_cells(tmp_path: Path) -> None:
    sweep(tmp_path, (OURS | {"active_units": 9.0},), latent_size=16)
    report = compute_results(read_sweep(tmp_path / "journal.jsonl"), ("perplexity",))
    assert remarks(report)[1:] == ["n/c in cells 0: n_z is 16, the tables' is 32"]
    assert "n/c" in printed(report)


def test_a_number_that_rounds_to_nothing_has_no_sign() -> None:
    assert number_text("mutual_information", -0.004) == "0.00"
    assert number_text("mutual_information", -0.006) == "-0.01"
