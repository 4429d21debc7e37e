"""Sending a sweep to a cluster as a job: found again by its folder, sent once, resumed by the next attempt."""

import hashlib
import re
import secrets
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.jobs.job_server import IdTakenError, Job, JobRequest, JobServer, Say
from vae_sweep.jobs.working_dir import SPACE_FILE, code_digest, write_working_dir

KIND, FOLDER, SPEC, ATTEMPT = "vae_sweep", "vae_sweep_folder", "vae_sweep_spec", "vae_sweep_attempt"
"""What our jobs are marked with: what they do, for which sweep, from which spec, and which one of the sweep's."""

STORED = "stored"
"""The spec of a job that takes the one in the sweep's folder."""

STOP_SECONDS = 120
"""How long a job's driver has to end after SIGTERM; Ray's own 3 seconds are few for one that writes its end."""

ID = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}"
Sent = Literal["new", "there", "complete"]


@dataclass(frozen=True)
class CodeBundle:
    """How our code comes to run there: from below `code`, or None where the cluster has it, by this `python`."""

    code: Path | None
    python: str
    commit: str | None = None


@dataclass(frozen=True)
class Submission:
    """What is to run: a sweep by a file, or by the spec stored there; under an `id` of the user's own, or ours."""

    spec: SweepSpec
    extend: bool = False
    stored: bool = False
    id: str | None = None

    @property
    def mark(self) -> str:
        """What names the spec among the sweep's jobs."""
        return STORED if self.stored else code_digest(self.spec)


@dataclass(frozen=True)
class Submitted:
    """The job of a submission: sent anew, there already, or complete already; `before` is the attempt before."""

    job: str
    sent: Sent
    attempt: int
    before: Job | None


def folder_there(spec: SweepSpec) -> str:
    """Return the sweep's folder on the cluster."""
    return str(Path(spec.storage.directory) / spec.name)


def jobs_of(spec: SweepSpec, jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs that drive or drove a sweep, in the order in which they started."""
    return [job for job in jobs if job.metadata.get(KIND) == "drive" and _folder(job) == folder_there(spec)]


def submit(wanted: Submission, server: JobServer, bundle: CodeBundle) -> Submitted:
    """Send a sweep once: a job of it that lives is not sent again, nor one that ended complete on the same spec.

    Raises LaunchError where the sweep runs from another spec, or the id is another job's.
    """
    taken: str | None = None
    while True:
        found = decide(wanted, server.jobs())
        if found.sent != "new":
            return found
        if found.job == taken:
            raise LaunchError(
                f"a job {taken} is there and is not this sweep's; name one with --submission-id NAME"
            )
        try:
            _send(wanted, found, server, bundle)
        except IdTakenError:
            taken = found.job
        else:
            return found


def decide(wanted: Submission, jobs: Sequence[Job]) -> Submitted:
    """Return what a submission comes to, given the jobs that a cluster has."""
    base = wanted.id or _base(wanted.spec)
    family = jobs_of(wanted.spec, jobs)
    if wanted.id is not None:
        _refuse_foreign(wanted, jobs)
        family = [job for job in family if _numbered(job.id, base)]
    last = family[-1] if family else None
    for job in family:
        if job.alive:
            if job.metadata.get(SPEC) != wanted.mark and not wanted.stored:
                raise LaunchError(_runs_otherwise(wanted.spec, job))
            return Submitted(job.id, "there", _attempt(job), None)
    if last is not None and last.status == "SUCCEEDED" and last.metadata.get(SPEC) == wanted.mark:
        return Submitted(last.id, "complete", _attempt(last), None)
    attempt = 1 + max((_attempt(job) for job in family), default=0)
    name = base if wanted.id and attempt == 1 else f"{base}-{attempt}"
    return Submitted(name, "new", attempt, last)


def ask(spec: SweepSpec, arguments: Sequence[str], server: JobServer, bundle: CodeBundle, say: Say) -> int:
    """Run `vae-sweep` with these arguments as a short job beside the sweep, say its text, return its exit code."""
    id = f"{spec.name}-{arguments[0]}-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory(prefix="vae-sweep-") as place:
        write_working_dir(Path(place), None, bundle.code)
        marks = {KIND: arguments[0], FOLDER: folder_there(spec)}
        server.submit(JobRequest(id, _command(bundle, arguments), Path(place), {}, marks))
    server.follow(id, Preface(id, say).hear)
    job = server.job(id)
    if job.exit_code is None:
        raise LaunchError(f"job {id}: did not run: {job.message or job.status}")
    server.forget(id)
    if (said := job_advice(job)) is not None:
        raise LaunchError(said)
    return job.exit_code


class Preface:
    """Says a job's log without what Ray writes before the command's own words."""

    def __init__(self, id: str, say: Say) -> None:
        self._mark, self._say, self._held = f"Running entrypoint for job {id}: ", say, ""
        self._over = False

    def hear(self, text: str) -> None:
        """Take the next part of the log."""
        if self._over:
            self._say(text)
            return
        self._held += text
        _, _, rest = self._held.partition(self._mark)
        _, newline, words = rest.partition("\n")
        self._over = bool(newline)
        if words:
            self._say(words)


def exit_code(job: Job) -> int:
    """Return the exit code of an ended job's command; 1 where it was stopped or never came to one."""
    return job.exit_code if job.exit_code is not None else int(job.status != "SUCCEEDED")


def job_advice(job: Job) -> str | None:
    """Return what helps where a job's command did not even start to be ours, or None."""
    nameless = "No module named" in job.message and job.exit_code == 1
    if job.status == "FAILED" and (nameless or job.exit_code in (126, 127)):
        return (
            "the cluster's environment does not run vae-sweep: name its python with --python PATH, such as "
            "/opt/venv/bin/python, and install there what vae-sweep depends on (docs/submit.md)"
        )
    return None


def _send(wanted: Submission, found: Submitted, server: JobServer, bundle: CodeBundle) -> None:
    if wanted.stored:
        arguments = ["resume", folder_there(wanted.spec)]
    else:
        arguments = ["launch", SPACE_FILE, *(["--extend"] if wanted.extend else [])]
    marks = {
        KIND: "drive",
        FOLDER: folder_there(wanted.spec),
        SPEC: wanted.mark,
        ATTEMPT: str(found.attempt),
    }
    variables = {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS)}
    if bundle.commit:
        variables["VAE_SWEEP_COMMIT"] = bundle.commit
    with tempfile.TemporaryDirectory(prefix="vae-sweep-") as place:
        write_working_dir(Path(place), None if wanted.stored else wanted.spec, bundle.code)
        server.submit(JobRequest(found.job, _command(bundle, arguments), Path(place), variables, marks))


def _command(bundle: CodeBundle, arguments: Sequence[str]) -> str:
    return "exec " + shlex.join([bundle.python, "-m", "vae_sweep.cli.main", *arguments])


def _base(spec: SweepSpec) -> str:
    place = hashlib.sha256(folder_there(spec).encode()).hexdigest()[:8]
    return f"{spec.name}-{place}-{code_digest(spec)}"


def _folder(job: Job) -> str | None:
    return job.metadata.get(FOLDER)


def _attempt(job: Job) -> int:
    number = job.metadata.get(ATTEMPT, "")
    return int(number) if number.isdecimal() else 1


def _numbered(id: str, base: str) -> bool:
    return re.fullmatch(rf"{re.escape(base)}(-\d+)?", id) is not None


def _refuse_foreign(wanted: Submission, jobs: Sequence[Job]) -> None:
    if not re.fullmatch(ID, wanted.id or ""):
        raise LaunchError(
            f"--submission-id {wanted.id}: at most 120 letters, digits, dots, dashes, underscores; a letter or "
            "digit first"
        )
    for job in jobs:
        if job.id == wanted.id and _folder(job) != folder_there(wanted.spec):
            raise LaunchError(
                f"--submission-id {wanted.id}: a job of this id is there and is not this sweep's "
                f"({_folder(job) or 'sent without vae-sweep submit'}); choose another"
            )


def _runs_otherwise(spec: SweepSpec, job: Job) -> str:
    return (
        f"{folder_there(spec)}: the sweep runs as job {job.id}, from another spec than this file's; let it end, "
        "or end it with vae-sweep job stop, then submit again (with --extend to add to it)"
    )
