"""`vae-sweep compare`: sweeps beside each other."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vae_sweep.cli.arguments import make_console, write_utf8
from vae_sweep.journal.sweep_log import read_records


class Format(StrEnum):
    """How a comparison is printed."""

    TABLE = "table"
    JSON = "json"


def compare(
    sweeps: Annotated[
        list[Path],
        typer.Argument(metavar="SWEEP...", help="Two or more sweeps' folders.", show_default=False),
    ],
    style: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
) -> None:
    """Hold sweeps on one corpus against the first: shared cells by seed, fronts, hypervolumes, costs, settings.

    Refuses sweeps that were measured otherwise, and says in what they differ.
    """
    from vae_sweep.report.files import compared_as_json
    from vae_sweep.report.terminal_compare import compare_lines, compare_tables
    from vae_sweep.results.comparison import compare_sweeps

    found = compare_sweeps(read_records(sweeps))
    if style is Format.JSON:
        write_utf8()
        print(compared_as_json(found))
        return
    console = make_console()
    for table in compare_tables(found):
        console.print(table)
    for line in compare_lines(found):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
