"""`vae-sweep init`: a first sweep file for a corpus."""

from pathlib import Path
from typing import Annotated

import typer

from trainables.files import write_new
from vae_sweep.cli.arguments import make_console
from vae_sweep.errors import LaunchError
from vae_sweep.formatting import HOUR

Corpus = Annotated[
    str,
    typer.Argument(
        metavar="CORPUS",
        help="A folder with train, valid and test files, or a known corpus, e.g. snli.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="SPACE.yaml", help="The file to write. Default: the corpus' name, here.", show_default=False
    ),
]
Hours = Annotated[float, typer.Option(min=0.01, help="How long the sweep may take on this machine.")]


def init(corpus: Corpus, out: Out = None, hours: Hours = 1.0) -> None:
    """Write a commented sweep file for a corpus, of a size that ends in time on this machine.

    A few steps of several sizes are measured, which takes a minute or two.
    """
    from vae_sweep.planning.estimate.lines import span_text
    from vae_sweep.planning.proposal import propose

    target = out or Path(f"{Path(corpus).expanduser().name}.yaml")
    if target.exists():
        raise LaunchError(f"{target} exists already: give another name with --out, or remove it")
    console = make_console()
    with console.status("measuring a few steps of several sizes on this machine"):
        found = propose(corpus, hours * HOUR)
    write_new(target, found.text.encode())
    console.print(
        f"{target}: {found.plan.trial_count} trials, {span_text(found.estimate.seconds)}", soft_wrap=True
    )
    console.print(f"run it with: vae-sweep launch {target}", soft_wrap=True)
