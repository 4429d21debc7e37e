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


def report(
    sweep: Folder,
    style: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
) -> None:
    """Show every cell of a sweep with the metrics of the paper's tables, also while the sweep runs."""
    from vae_sweep.report.tables import rows
    from vae_sweep.report.terminal import as_csv, as_json, rich_tables
    from vae_sweep.sweep.folder import JOURNAL_FILE, existing_spec
    from vae_sweep.tracking.records import read_sweep

    spec = existing_spec(sweep)
    record = read_sweep(sweep / JOURNAL_FILE)
    found = rows(record, spec.search.objectives)
    if style is Format.JSON:
        print(as_json(found))
    elif style is Format.CSV:
        print(as_csv(found), end="")
    else:
        console = make_console()
        ended = sum(trial.final is not None for trial in record.trials.values())
        console.print(f"{ended} of {len(record.trials)} started trials have ended")
        for table in rich_tables(found, spec.name):
            console.print(table)
