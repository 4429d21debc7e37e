"""Arguments that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

SpaceFile = Annotated[Path, typer.Argument(metavar="SPACE.yaml", help="The sweep file.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override one field, e.g. model.latent_size=16. Repeatable."),
]
Folder = Annotated[
    Path,
    typer.Argument(metavar="SWEEP", help="The sweep's folder, e.g. sweeps/quickstart.", show_default=False),
]
