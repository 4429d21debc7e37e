"""Arguments that several verbs share."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
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


def make_console() -> "Console":
    """Return a console as wide as the terminal, or as PIPE_WIDTH where there is none."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
