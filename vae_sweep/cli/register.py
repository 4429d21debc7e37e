"""`vae-sweep register`."""

import re
from typing import Annotated

import typer

from vae_sweep.cli.arguments import Folder
from vae_sweep.config.sweep_spec import NAME
from vae_sweep.errors import LaunchError
from vae_sweep.journal.stored_spec import existing_spec


def register(
    sweep: Folder,
    trial: Annotated[
        str | None,
        typer.Argument(
            metavar="[TRIAL]",
            help="A trial, or how its name begins. Default: the best replicate of each cell on the front.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The registered model's name. Default: the sweep's.", show_default=False)
    ] = None,
) -> None:
    """Register trials as models in MLflow; a trial that is registered under the name keeps its version.

    A complete sweep's winners are registered without being asked. Without TRIAL the best one gets the alias best.
    """
    from vae_sweep.tracking.sweep_mirror import register_trials

    if name is not None and not re.fullmatch(NAME, name):
        raise LaunchError(
            f"--name {name!r}: expected at most 80 letters, digits, dots, dashes, underscores; a letter or digit "
            "first"
        )
    spec = existing_spec(sweep)
    for registered, version in register_trials(spec, sweep, trial, name).items():
        print(f"models:/{name or spec.name}/{version}\t{registered}")
