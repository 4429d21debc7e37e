"""A report's files, and the thread that writes them while a sweep runs."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.handmade import Handmade, names
from tests.reported_sweep import Reported, reported_sweep, reporting_spec
from vae_sweep.cli.main import app
from vae_sweep.errors import LaunchError
from vae_sweep.report.paper_figures import KINDS, front_figure, paper_style, saved
from vae_sweep.report.report_folder import ReportFolder
from vae_sweep.results.results import compute_results
from vae_sweep.results.series import fronts
from vae_sweep.running.live_report import LiveReport

MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    return reported_sweep(tmp_path_factory.mktemp("sweeps"))


def test_html_is_written_where_it_says(reported: Reported, tmp_path: Path) -> None:
    command = ["report", str(reported.sweep.folder), "--format", "html"]
    done = CliRunner().invoke(app, command)
    place = reported.sweep.folder / "report" / "report.html"
    assert (done.exit_code, done.stdout) == (0, f"{place}\n")
    assert '<span class="state">interrupted</span>' in place.read_text()
    other = tmp_path / "deep" / "page.html"
    assert CliRunner().invoke(app, [*command, "--output", str(other)]).stdout == f"{other}\n"
    assert other.is_file()


def test_output_that_cannot_be_written_is_told(reported: Reported, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = [
        "report",
        str(reported.sweep.folder),
        "--format",
        "html",
        "--output",
        str(tmp_path / "file" / "page"),
    ]
    with pytest.raises(LaunchError, match=r"cannot be written .*give another with --output"):
        CliRunner().invoke(app, command, catch_exceptions=False)


def test_output_goes_with_files_only(reported: Reported) -> None:
    command = ["report", str(reported.sweep.folder), "--format", "csv", "--output", "cells.csv"]
    with pytest.raises(LaunchError, match="--output goes with --format html or figures; csv is printed"):
        CliRunner().invoke(app, command, catch_exceptions=False)


def test_figures_are_written_in_every_kind(reported: Reported, tmp_path: Path) -> None:
    written = ReportFolder(reported.sweep.folder, reported.sweep.spec).write_figures(tmp_path)
    drawn = {"front", "rates", "epochs", "units", "maps"}
    assert {path.name for path in written} == {f"{name}{kind}" for name in drawn for kind in MAGIC}
    assert all(path.read_bytes().startswith(MAGIC[path.suffix]) for path in written)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_figures_are_equal_bytes(reported: Reported, kind: str) -> None:
    record = reported.sweep.record
    rows = compute_results(record, reported.sweep.spec.search.objectives).rows
    with paper_style():
        first, second = (saved(front_figure(fronts(record, rows)), kind) for _ in range(2))
    assert first == second


def test_figures_of_nothing_are_no_files(tmp_path: Path) -> None:
    sweep = Handmade(reporting_spec(tmp_path))
    done = CliRunner().invoke(app, ["report", str(sweep.folder), "--format", "figures"])
    assert (done.exit_code, done.stdout) == (0, "nothing to draw yet: no trial has reported an epoch\n")


def test_the_end_leaves_the_page_the_front_and_the_cells(tmp_path: Path) -> None:
    sweep = reported_sweep(tmp_path).sweep
    said: list[str] = []
    report = LiveReport(sweep.folder, sweep.spec, said.append, period=0.0)
    report.start()
    report.poke()
    sweep.write("end", outcome="failed", reason=None)
    report.close()
    place = sweep.folder / "report"
    assert names(place) == {"report.html", "front.png", "front.svg", "cells.csv"}
    page = (place / "report.html").read_text()
    assert '<span class="state">failed</span>' in page
    assert 'http-equiv="refresh"' not in page
    assert said == []


def test_what_goes_wrong_is_said_once_and_raises_nothing(tmp_path: Path) -> None:
    sweep = Handmade(reporting_spec(tmp_path))
    (sweep.folder / "report").write_text("a file in the way")
    said: list[str] = []
    report = LiveReport(sweep.folder, sweep.spec, said.append, period=0.0)
    report.start()
    report.close()
    [text] = said
    assert text.startswith(f"the report in {sweep.folder / 'report'} is not written: ")
