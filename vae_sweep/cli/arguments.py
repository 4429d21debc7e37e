"""Arguments that several verbs share."""

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

PIPE_WIDTH = 120
"""Columns of a table that goes to a file or a pipe."""

SpaceFile = Annotated[Path, typer.Argument(metavar="SPACE.yaml", help="The sweep file.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override one field, e.g. model.latent_size=16. Repeatable."),
]
Folder = Annotated[
    Path,
    typer.Argument(metavar="SWEEP", help="The sweep's folder, e.g. sweeps/quickstart.", show_default=False),
]


def show_all() -> None:
    """Have stdout take every text: what its encoding cannot show becomes `?`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def write_utf8() -> None:
    """Have stdout take UTF-8 where programs read it; a terminal goes on with what it can show."""
    if isinstance(sys.stdout, TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")


def make_console() -> Console:
    """Return a console as wide as the terminal, or as PIPE_WIDTH where there is none."""

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
