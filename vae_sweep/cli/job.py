"""`vae-sweep job`: looking after a submitted sweep from a machine without its storage."""

import datetime
import sys
from typing import Annotated

import typer

from vae_sweep.cli.arguments import Overrides, SpaceFile
from vae_sweep.cli.submit import (
    Address,
    NoCode,
    Python,
    Wait,
    connect,
    follow,
    names,
    pack,
    read_distant,
    say,
    send,
)
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.jobs.job_server import Job, JobServer
from vae_sweep.jobs.submit import CodeBundle, Submission, ask, folder_there, jobs_of

app = typer.Typer(no_args_is_help=True, help="Look after a sweep that was submitted to a cluster.")

Rest = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[-- OPTIONS]", help="Options of the verb itself, after two dashes.", show_default=False
    ),
]
JobVerb = Annotated[
    str, typer.Argument(metavar="VERB", help="report, explain, sync, gc: a verb on a folder.", show_default=False)
]
Now = Annotated[
    bool,
    typer.Option("--now", help="Send the driver SIGTERM: running epochs are lost, and run again by a resume."),
]
Finish = Annotated[bool, typer.Option("--finish", help="Let running trials run to their end.")]


@app.command()
def status(
    space: SpaceFile,
    address: Address,
    overrides: Overrides = None,
    no_code: NoCode = False,
    python: Python = "python",
) -> None:
    """Show the sweep's jobs, and what `vae-sweep status` says where the storage is."""
    spec = read_distant(space, overrides or ())
    bundle = pack(None, no_code, python)
    _, server = connect(address)
    for job in _jobs(spec, server):
        print(_line(job))
    sys.exit(_ask(spec, ["status"], server, bundle))


@app.command()
def stop(
    space: SpaceFile,
    address: Address,
    now: Now = False,
    finish: Finish = False,
    overrides: Overrides = None,
    no_code: NoCode = False,
    python: Python = "python",
) -> None:
    """Stop the sweep after its running epochs by `vae-sweep stop` where the storage is, and wait for its end."""
    if now and finish:
        raise typer.BadParameter("give --now or --finish, not both", param_hint="--now")
    spec = read_distant(space, overrides or ())
    bundle = pack(None, no_code, python)
    _, server = connect(address)
    job = _jobs(spec, server)[-1]
    if not job.alive:
        print(f"job {job.id} has ended ({job.status}); there is nothing to stop", file=sys.stderr)
        sys.exit(2)
    if not now and job.status == "RUNNING":
        code = _ask(spec, ["stop", *(["--finish"] if finish else [])], server, bundle)
        if code == 0:
            server.follow(job.id, lambda text: None)
        sys.exit(code)
    server.stop(job.id)
    server.follow(job.id, lambda text: None)
    print(_line(server.job(job.id)))


@app.command()
def logs(space: SpaceFile, address: Address, overrides: Overrides = None) -> None:
    """Print the log of the sweep's newest job until it ends; Ctrl-C leaves the job running."""
    spec = read_distant(space, overrides or ())
    _, server = connect(address)
    follow(server, _jobs(spec, server)[-1].id)


@app.command()
def resume(
    space: SpaceFile,
    address: Address,
    overrides: Overrides = None,
    no_code: NoCode = False,
    python: Python = "python",
    wait: Wait = False,
) -> None:
    """Run what is missing by the spec that is stored there, whatever the file says now, as the next job."""

    spec = read_distant(space, overrides or ())
    bundle = pack(None, no_code, python)
    dashboard, server = connect(address)
    send(Submission(spec, stored=True), dashboard, server, bundle, wait, names(space, overrides or ()))


@app.command()
def run(
    space: SpaceFile,
    verb: JobVerb,
    address: Address,
    options: Rest = None,
    overrides: Overrides = None,
    no_code: NoCode = False,
    python: Python = "python",
) -> None:
    """Run `vae-sweep VERB FOLDER OPTIONS` where the storage is, as a short job, and print what it says."""
    spec = read_distant(space, overrides or ())
    bundle = pack(None, no_code, python)
    _, server = connect(address)
    sys.exit(_ask(spec, [verb, *(options or [])], server, bundle))


def _ask(spec: SweepSpec, words: list[str], server: JobServer, bundle: CodeBundle) -> int:

    return ask(spec, [words[0], folder_there(spec), *words[1:]], server, bundle, say)


def _jobs(spec: SweepSpec, server: JobServer) -> list[Job]:
    """Return the sweep's jobs, of which there is one at least."""

    found = jobs_of(spec, server.jobs())
    if not found:
        raise LaunchError(
            f"{folder_there(spec)}: the cluster knows no job of this sweep: none was sent, or its head was "
            "started anew since; vae-sweep submit sends one, which goes on where the sweep stood"
        )
    return found


def _line(job: Job) -> str:

    started = datetime.datetime.fromtimestamp(job.started).astimezone()
    code = "" if job.exit_code is None else f", exit code {job.exit_code}"
    return f"job {job.id}: {job.status}{code}, sent {started:%Y-%m-%d %H:%M:%S %Z}"
