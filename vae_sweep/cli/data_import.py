"""`vae-sweep data import`: tables of text as a corpus."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from trainables.text.spec import CorpusSpec
from vae_sweep.cli.arguments import make_console
from vae_sweep.cli.remarks import remarks_table
from vae_sweep.config.environment import data_directory

if TYPE_CHECKING:
    from trainables.text.importing.run import Imported, ImportRequest


class Preset(StrEnum):
    """Files whose columns are known."""

    SNLI = "snli"


Tables = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE",
        help="CSV, TSV, JSON lines (also gzipped), Parquet, or a folder of datasets.save_to_disk. The name says "
        "the split (train, valid or dev, test), else train=FILE does; without either, --split deals the rows.",
        show_default=False,
    ),
]
_Texts = Annotated[
    list[str] | None,
    typer.Option(
        "--text", metavar="COLUMN", help="Column of sentences; its number where there are no names. Repeatable."
    ),
]
Label = Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of labels.")]
_Split = Annotated[
    str | None,
    typer.Option(
        metavar="TRAIN/VALID/TEST",
        help="Shares by which train is dealt to splits without a file: 80/10/10. Equal texts stay together.",
    ),
]
Known = Annotated[Preset | None, typer.Option(help="Take the columns as the makers of these files named them.")]
Tokenise = Annotated[
    bool, typer.Option("--tokenise", help="As English in the manner of the Penn Treebank, lower case.")
]
Target = Annotated[
    Path | None,
    typer.Option(
        "--to", metavar="DIRECTORY", help="Where the corpus goes. Default: imported/NAME where corpora lie."
    ),
]


def import_tables(
    files: Tables,
    text: _Texts = None,
    label: Label = None,
    split: _Split = None,
    preset: Known = None,
    tokenise: Tokenise = False,
    to: Target = None,
) -> None:
    """Write columns of tables as a corpus: train, valid and test files, and IMPORT.json, which says where from.

    Nothing that is there is replaced. Tabs and line ends inside a text become blanks, and are counted.
    """
    from trainables.text.importing.run import import_corpus, title_of

    target = to.expanduser().absolute() if to else data_directory(None) / "imported" / title_of(files)
    imported = import_corpus(files, _wanted(text, label, preset, tokenise), split, target)
    _show(make_console(), imported)


def _wanted(texts: list[str] | None, label: str | None, preset: Preset | None, tokenise: bool) -> "ImportRequest":
    from trainables.text.importing.run import PRESETS, ImportRequest

    if preset is None and not texts:
        raise typer.BadParameter("name the column of sentences, or a --preset", param_hint="--text")
    known = PRESETS[preset.value] if preset else ImportRequest(())
    return ImportRequest(
        tuple(texts or known.texts), label, tokenise or known.tokenised, known.distinct, known.unlabelled
    )


def _show(console: Console, imported: "Imported") -> None:

    from trainables.text.corpus import load_with_remarks

    words = "is written" if imported.fresh else "is there already, byte for byte"
    console.print(f"{imported.directory} {words}", soft_wrap=True, highlight=False, markup=False)
    for path in imported.ignored:
        console.print(f"not read: {path}, which is no train, valid or test split", soft_wrap=True, markup=False)
    table = Table("split")
    for heading in ("sentences", "tokens", "empty", "without label", "repeated", "tabs or line ends mended"):
        table.add_column(heading, justify="right")
    for stem, counts in imported.record.splits.items():
        numbers = (
            counts.sentences,
            counts.tokens,
            counts.empty,
            counts.unlabelled,
            counts.repeated,
            counts.mended,
        )
        table.add_row(stem, *(f"{number:,}" for number in numbers))
    console.print(table)
    remarks = load_with_remarks(CorpusSpec(path=str(imported.directory)), Path())[1]
    if remarks:
        console.print(remarks_table(remarks))
    line = f"in a sweep file: corpus: {{path: {json.dumps(str(imported.directory))}}}"
    console.print(line, soft_wrap=True, highlight=False, markup=False)
