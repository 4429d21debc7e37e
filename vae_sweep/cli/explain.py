"""`vae-sweep explain`."""

from typing import Annotated

import typer
from rich.text import Text

from vae_sweep.cli.arguments import Folder, make_console

TrialName = Annotated[
    str,
    typer.Argument(
        metavar="TRIAL", help="A trial, e.g. 0003-ours-s0, or how its name begins.", show_default=False
    ),
]


def explain(sweep: Folder, trial: TrialName) -> None:
    """Say why a trial ended as it did, with the numbers that show it, and what to do next; writes nothing."""

    from vae_sweep.monitoring.explain import explain_trial

    console = make_console()
    for title, lines in explain_trial(sweep, trial):
        console.print(Text(title, style="bold"))
        for line in "\n".join(lines).splitlines():
            console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)
