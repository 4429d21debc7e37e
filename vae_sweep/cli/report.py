"""`vae-sweep report`: a sweep's cells as a table."""

from enum import StrEnum
from typing import Annotated

import typer

from vae_sweep.cli.arguments import Folder, make_console


class Format(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    LATEX = "latex"


def report(
    sweep: Folder,
    style: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
) -> None:
    """Show every cell of a sweep with the metrics of the paper's tables, also while the sweep runs.

    Where the paper's tables have the corpus, a second table gives its numbers and verdicts beside ours.
    """
    from vae_sweep.report.document import make_report
    from vae_sweep.report.files import as_csv, as_json, as_latex
    from vae_sweep.report.terminal_evidence import report_lines, report_tables
    from vae_sweep.sweep.folder import JOURNAL_FILE, existing_spec
    from vae_sweep.tracking.ledger import read_sweep

    spec = existing_spec(sweep)
    record = read_sweep(sweep / JOURNAL_FILE)
    found = make_report(record, spec.search.objectives)
    if style is not Format.TABLE:
        print({Format.JSON: as_json, Format.CSV: as_csv, Format.LATEX: as_latex}[style](found).rstrip())
        return
    console = make_console()
    ended = sum(trial.final is not None for trial in record.trials.values())
    console.print(f"{ended} of {len(record.trials)} started trials have ended")
    for table in report_tables(found):
        console.print(table)
    for remark in report_lines(found):
        console.print(remark, soft_wrap=True, highlight=False, markup=False)
