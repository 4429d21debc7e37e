"""`vae-sweep probe`: what the codes of stored trials are good for."""

import sys
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from trainables.model.spec import LONGEST
from vae_sweep.cli.arguments import Folder, make_console
from vae_sweep.config.paths import pasted
from vae_sweep.journal.fold import read_sweep
from vae_sweep.models.probe_tables import ProbeTable, probe_tables
from vae_sweep.storage.layout import JOURNAL_FILE


def probe(
    sweep: Folder,
    trial: Annotated[
        list[str] | None,
        typer.Option("--trial", metavar="ID", help="A trial, e.g. 0003-ours-s0. Repeatable. Default: all."),
    ] = None,
    only: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Some of bleu, pcc, swaps, interpolation, accuracy, copying, joined by commas. Default: all.",
        ),
    ] = "",
    longest: Annotated[
        int,
        typer.Option(min=1, metavar="WORDS", help="Where reconstructions and interpolated sentences are cut."),
    ] = LONGEST,
) -> None:
    """Run the paper's probes on ended trials (Tables 4 to 8, 12, 13); what was probed before is not run again."""
    from vae_sweep.models.probe import TEXTS_FOLDER, probe_sweep

    console = make_console()
    names = [name.strip() for name in only.split(",") if name.strip()]

    def note(text: str) -> None:
        console.print(text, soft_wrap=True, highlight=False, markup=False)

    probed = probe_sweep(sweep, trial or (), names, note, longest)
    record = read_sweep(sweep / JOURNAL_FILE)
    for table in probe_tables(record):
        console.print(_rich(table))
    if any(known.texts for known in record.trials.values()):
        note(f"interpolations and nearest sentences: {sweep / TEXTS_FOLDER}")
    if probed.unmirrored:
        note(f"{probed.unmirrored}\nnothing is lost: vae-sweep sync {pasted(sweep)}")
    if probed.failed:
        sys.exit(1)


def _rich(table: ProbeTable) -> Table:

    drawn = Table(title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for number, column in enumerate(table.columns):
        drawn.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in table.rows:
        drawn.add_row(*row)
    return drawn
