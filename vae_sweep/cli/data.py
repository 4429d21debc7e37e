"""`vae-sweep data`: corpora on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from trainables.text.layout import SourceRecord
from trainables.text.sources import BY_HAND, SOURCES
from trainables.text.spec import CORPORA, CorpusSpec
from vae_sweep.cli.data_import import import_tables
from vae_sweep.config.environment import data_directory

if TYPE_CHECKING:
    from trainables.text.download import Progress

app = typer.Typer(no_args_is_help=True, help="Fetch corpora, import tables, and see which are here.")
app.command("import")(import_tables)

Directory = Annotated[
    Path | None,
    typer.Option(help="Where corpora lie. Default: VAE_SWEEP_DATA, else the user's cache directory."),
]


class CorpusName(StrEnum):
    """What can be asked for."""

    SNLI = "snli"
    PTB = "ptb"
    YELP = "yelp"
    YAHOO = "yahoo"


@app.command()
def fetch(
    name: Annotated[CorpusName, typer.Argument(help="Which corpus.", show_default=False)],
    directory: Directory = None,
) -> None:
    """Download a corpus, verify it and write train, valid and test files. Twice does no harm.

    A broken download goes on where it ended. yahoo cannot be downloaded: the command says what to do.
    """

    from trainables.text import fetch as fetching

    console = Console(soft_wrap=True, highlight=False)
    root = data_directory(directory)
    source = fetching.source_of(name.value, root)
    with _progress_bar(console) as progress:
        fetched = fetching.fetch(source, root, progress)
    if fetched.fresh:
        console.print(f"{source.name} is written to {fetched.directory}", markup=False)
    else:
        console.print(
            f"{source.name} is in {fetched.directory} already, every file as SOURCE.json says", markup=False
        )
    _show(console, fetched.record)


@app.command("list")
def list_corpora(directory: Directory = None) -> None:
    """Show every corpus, whether it is here, and how to get it."""

    root = data_directory(directory)
    table = Table(title=f"corpora in {root}", title_justify="left")
    for column in ("corpus", "state", "what"):
        table.add_column(column)
    for name, what in CORPORA.items():
        table.add_row(name, _state(name, root), what)
    Console().print(table)


def _state(name: str, root: Path) -> str:
    from trainables.text import layout
    from trainables.text.corpus import missing_files

    if name == "captions":
        return "embedded"
    state = layout.inspect(SOURCES[name], root / name).state if name in SOURCES else None
    if state == "sound":
        return "here, verified"
    if state == "damaged":
        return f"damaged: vae-sweep data fetch {name}"
    here = not missing_files(CorpusSpec.model_validate({"name": name}), root)
    if here:
        return "here, not fetched by us"
    if name in BY_HAND:
        return "absent, no download: docs/own_corpus.md"
    return f"absent: vae-sweep data fetch {name}"


@contextmanager
def _progress_bar(console: Console) -> Iterator["Progress"]:

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Bar(*columns, TransferSpeedColumn(), TimeRemainingColumn(), console=console) as bar:
        tasks: dict[str, TaskID] = {}

        def show(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name)
            bar.update(tasks[name], completed=done, total=total)

        yield show


def _show(console: Console, record: SourceRecord) -> None:
    for stem, split in record.splits.items():
        console.print(f"  {stem:<6}{split.sentences:>9,} sentences {split.tokens:>11,} tokens", markup=False)
    console.print(f"  note:  {record.note}\n  terms: {record.terms}", markup=False)
