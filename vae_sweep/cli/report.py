"""`vae-sweep report`: a sweep's cells as tables, as a page, as figures."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vae_sweep.cli.arguments import Folder, make_console, write_utf8
from vae_sweep.errors import LaunchError
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.stored_spec import existing_spec
from vae_sweep.monitoring.status import read_status, state_of
from vae_sweep.storage.layout import JOURNAL_FILE
from vae_sweep.tracking.client import TrackingError

if TYPE_CHECKING:
    from vae_sweep.report.report_folder import ReportFolder


class Format(StrEnum):
    """How a report is printed; html and figures are written to files."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    LATEX = "latex"
    HTML = "html"
    FIGURES = "figures"


def report(
    sweep: Folder,
    style: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", help="The page's file, or the figures' folder; by default in the sweep's report/."
        ),
    ] = None,
) -> None:
    """Show every cell of a sweep with the metrics of the paper's tables, also while the sweep runs.

    Where the paper's tables have the corpus, a second table gives its numbers and verdicts beside ours. `html`
    writes one self-contained page, `figures` PNG, SVG and PDF for papers; the files are printed.
    """
    if style in (Format.HTML, Format.FIGURES):
        _write(sweep, style, output)
        return
    if output is not None:
        raise LaunchError(f"--output goes with --format html or figures; {style.value} is printed: redirect it")
    from vae_sweep.report.files import as_csv, as_json, as_latex
    from vae_sweep.report.terminal_evidence import report_lines, report_tables
    from vae_sweep.results.results import compute_results

    spec = existing_spec(sweep)
    record = read_sweep(sweep / JOURNAL_FILE)
    found = compute_results(record, spec.search.objectives)
    if style is not Format.TABLE:
        write_utf8()
        print({Format.JSON: as_json, Format.CSV: as_csv, Format.LATEX: as_latex}[style](found).rstrip())
        return
    console = make_console()
    ended = sum(trial.final is not None for trial in record.trials.values())
    console.print(f"{ended} of {len(record.trials)} started trials have ended")
    for table in report_tables(found):
        console.print(table)
    for remark in report_lines(found):
        console.print(remark, soft_wrap=True, highlight=False, markup=False)


def _runs(folder: "ReportFolder") -> dict[str, str]:
    """Return where the trials' runs stand in MLflow; none, and why on stderr, where it is out of reach."""

    try:
        return folder.runs()
    except TrackingError as error:
        print(f"the page has no links into MLflow: {error}", file=sys.stderr)
        return {}


def _write(sweep: Path, style: Format, output: Path | None) -> None:
    from vae_sweep.report.report_folder import ReportFolder

    folder = ReportFolder(sweep, existing_spec(sweep))
    try:
        if style is Format.FIGURES:
            written = folder.write_figures(output)
        else:
            owner, history = read_status(folder.log)
            written = [folder.write_page(state_of(history, owner), runs=_runs(folder), output=output)]
    except OSError as error:
        raise LaunchError(
            f"{error.filename or folder.place}: cannot be written ({error.strerror}); give another with --output"
        ) from None
    for path in written:
        print(path)
    if not written:
        print("nothing to draw yet: no trial has reported an epoch")
