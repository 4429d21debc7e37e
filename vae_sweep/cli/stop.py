"""`vae-sweep stop`."""

import sys
from typing import Annotated

import typer

from vae_sweep.cli.arguments import Folder, make_console
from vae_sweep.config.paths import pasted
from vae_sweep.monitoring.stop import stop_sweep


def stop(
    sweep: Folder,
    finish: Annotated[
        bool, typer.Option("--finish", help="Let running trials run to their end; no other is started.")
    ] = False,
) -> None:
    """Stop a running sweep from another process: each running trial ends after its running epoch, checkpointed.

    Returns when the driver is gone. Where nobody drives the sweep it says so and ends with 2.
    """

    console = make_console()

    def note(text: str) -> None:
        console.print(text, soft_wrap=True, highlight=False, markup=False)

    try:
        stopped = stop_sweep(sweep, "finish" if finish else "epoch", note)
    except KeyboardInterrupt:
        look = f"vae-sweep status {pasted(sweep)}"
        note(f"the request stands: the driver stops without this command; look with {look}")
        sys.exit(1)
    if stopped.outcome is None:
        note("the driver is gone without a word, its end is not in the journal")
    else:
        note(f"the sweep has ended: {stopped.outcome}" + (f": {stopped.reason}" if stopped.reason else ""))
    if stopped.outcome != "complete":
        note(f"go on with: vae-sweep resume {pasted(sweep)}")
