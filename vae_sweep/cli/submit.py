"""`vae-sweep submit`."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vae_sweep.cli.arguments import Overrides, SpaceFile
from vae_sweep.cli.launch import Extend
from vae_sweep.config.environment import git_commit
from vae_sweep.config.reader import read_spec
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.jobs.job_server import JobServer
from vae_sweep.jobs.portability import refuse_local_paths, remote_notes
from vae_sweep.jobs.submit import CodeBundle, Submission, Submitted, exit_code, folder_there, job_advice
from vae_sweep.jobs.submit import submit as submit_once
from vae_sweep.jobs.working_dir import code_files, installed_code

if TYPE_CHECKING:
    from vae_sweep.jobs.dashboard import Dashboard

Address = Annotated[
    str,
    typer.Option(
        "--address",
        metavar="URL",
        envvar="RAY_API_SERVER_ADDRESS",
        help="The cluster's job server: its dashboard, http://HEAD:8265.",
        show_default=False,
    ),
]
SubmissionId = Annotated[
    str | None,
    typer.Option("--submission-id", metavar="ID", help="The job's id. Default: from name, storage and spec."),
]
WorkingDir = Annotated[
    Path | None,
    typer.Option("--working-dir", metavar="DIR", help="Send the code of this checkout, not the installed one."),
]
NoCode = Annotated[bool, typer.Option("--no-code", help="Send no code: the cluster has vae-sweep installed.")]
Python = Annotated[str, typer.Option("--python", metavar="PATH", help="The python of the cluster's environment.")]
Wait = Annotated[bool, typer.Option("--wait", help="Follow the log; end with the job's exit code.")]


def submit(
    space: SpaceFile,
    address: Address,
    overrides: Overrides = None,
    extend: Extend = False,
    submission_id: SubmissionId = None,
    working_dir: WorkingDir = None,
    no_code: NoCode = False,
    python: Python = "python",
    wait: Wait = False,
) -> None:
    """Send a sweep to a Ray cluster as a job; sent again, say how it stands, or run what is missing.

    The file is checked here first, and nothing is sent where it is wrong or names places of this machine.
    """

    spec = read_distant(space, overrides or ())
    bundle = pack(working_dir, no_code, python)
    dashboard, server = connect(address)
    send(
        Submission(spec, extend=extend, id=submission_id),
        dashboard,
        server,
        bundle,
        wait,
        names(space, overrides or ()),
    )


def send(
    wanted: Submission,
    dashboard: "Dashboard",
    server: JobServer,
    bundle: CodeBundle,
    wait: bool,
    named: Sequence[str],
) -> None:
    """Submit, say what came of it and what to do next, and follow the job where that is wanted."""

    done = submit_once(wanted, server, bundle)
    print(_what_happened(done))
    for note in remote_notes(wanted.spec) if done.sent == "new" else ():
        print(f"note: {note}")
    print(_what_next(done, dashboard, bundle, named))
    print(f"folder: {folder_there(wanted.spec)}, for vae-sweep's other verbs where the storage is mounted")
    if wait and done.sent != "complete":
        follow(server, done.job)
        ended = server.job(done.job)
        if (said := job_advice(ended)) is not None:
            print(said, file=sys.stderr)
        sys.exit(exit_code(ended))


def read_distant(space: Path, overrides: Sequence[str]) -> SweepSpec:
    """Read a sweep file for use on another machine. Raises SpecError with every error."""

    spec = read_spec(space, overrides, here=False)
    refuse_local_paths(spec, str(space))
    return spec


def pack(working_dir: Path | None, no_code: bool, python: str) -> CodeBundle:
    """Return how our code comes to run on the cluster. Raises LaunchError where a directory holds none."""
    if no_code and working_dir is not None:
        raise typer.BadParameter("give --working-dir or --no-code, not both", param_hint="--no-code")
    if no_code:
        return CodeBundle(None, python)
    code = (working_dir or installed_code()).expanduser().absolute()
    code_files(code)
    return CodeBundle(code, python, git_commit(code))


def connect(address: str) -> "tuple[Dashboard, JobServer]":
    """Return a cluster's job server. Raises LaunchError saying what is wrong with it and what helps."""
    from vae_sweep.jobs.dashboard import find_dashboard
    from vae_sweep.jobs.ray_jobs import RayJobs

    dashboard = find_dashboard(address)
    return dashboard, RayJobs(dashboard)


def follow(server: JobServer, job: str) -> None:
    """Print a job's log until it ends; Ctrl-C leaves it running."""
    try:
        server.follow(job, say)
    except KeyboardInterrupt:
        print(f"\njob {job} goes on without this command", file=sys.stderr)
        sys.exit(130)


def say(text: str) -> None:
    """Print a part of a log as it came."""
    print(text, end="", flush=True)


def _what_happened(done: Submitted) -> str:
    before = f", which goes on from job {done.before.id} ({done.before.status})" if done.before else ""
    return {
        "new": f"sent: job {done.job}, attempt {done.attempt}{before}",
        "there": f"job {done.job} is there already and has not ended; nothing was sent",
        "complete": f"job {done.job} ended complete, nothing of the sweep is missing; nothing was sent",
    }[done.sent]


def _what_next(done: Submitted, dashboard: "Dashboard", bundle: CodeBundle, named: Sequence[str]) -> str:
    python = [] if bundle.python == "python" else ["--python", bundle.python]
    there = shlex.join(["--address", dashboard.url, *python, *([] if bundle.code else ["--no-code"])])
    space = shlex.join(named)
    rows = [
        ("log", f"{dashboard.shell}ray job logs --follow {done.job} --address {dashboard.url}"),
        ("status", f"vae-sweep job status {space} {there}"),
        ("stop", f"vae-sweep job stop {space} {there}"),
        ("resume", f"vae-sweep submit {space} {there}"),
        ("report", f"vae-sweep job run {space} report {there}"),
    ]
    if done.sent == "complete":
        rows = rows[-1:]
    return "\n".join(f"{name + ':':<8}{command}" for name, command in rows)


def names(space: Path, overrides: Sequence[str]) -> list[str]:
    """Return the arguments that name a sweep file with its overrides on a command line."""
    return [str(space), *(word for one in overrides for word in ("--set", one))]
