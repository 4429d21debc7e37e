"""`vae-sweep job`: looking after a submitted sweep from a machine without its storage."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vae_sweep.cli.arguments import Overrides, SpaceFile
from vae_sweep.cli.submit import Address, NoCode, Python, Wait, connect, follow, pack, read_distant, say, send

if TYPE_CHECKING:
    from vae_sweep.spec import SweepSpec
    from vae_sweep.sweep.jobs import Job, JobServer

app = typer.Typer(no_args_is_help=True, help="Look after a sweep that was submitted to a cluster.")

Rest = Annotated[
    list[str] | None,
    typer.Argument(metavar="[-- OPTIONS]", help="Options of the verb itself, e.g. -- --json.", show_default=False),
]
Now = Annotated[
    bool,
    typer.Option("--now", help="Send the driver SIGTERM: running epochs are lost, and run again by a resume."),
]


@app.command()
def status(
    space: SpaceFile,
    address: Address,
    options: Rest = None,
    overrides: Overrides = None,
    no_code: NoCode = False,
    python: Python = "python",
) -> None:
    """Show the sweep's jobs, and what `vae-sweep status` says where its storage is."""
    spec = read_distant(space, overrides or ())
    luggage = pack(None, no_code, python)
    _, server = connect(address)
    for job in _jobs(spec, server):
        print(_line(job), file=sys.stderr)
    sys.exit(_ask(spec, "status", options, server, luggage))
