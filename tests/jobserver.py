"""A job server of our own: it keeps what it is given, and jobs end when the test says so."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from vae_sweep.jobs.job_server import IdTakenError, Job, JobRequest, Say


@dataclass
class FakeServer:
    """Jobs in a list; `logs` are what `follow` says, and following ends a job with `codes` of its id, or 0."""

    found: list[Job] = field(default_factory=list)
    orders: list[JobRequest] = field(default_factory=list)
    files: list[set[str]] = field(default_factory=list)
    logs: dict[str, list[str]] = field(default_factory=dict)
    rivals: list[Job] = field(default_factory=list)
    codes: list[int | None] = field(default_factory=list)

    def jobs(self) -> list[Job]:
        return sorted(self.found, key=lambda job: job.started)

    def job(self, id: str) -> Job:
        return next(job for job in self.found if job.id == id)

    def submit(self, order: JobRequest) -> None:
        """Take a job, unless a rival was there the moment before."""
        if self.rivals:
            self.found.append(self.rivals.pop(0))
        if any(job.id == order.id for job in self.found):
            raise IdTakenError(f"Job with submission_id {order.id} already exists.")
        self.orders.append(order)
        place = order.directory
        self.files.append({str(path.relative_to(place)) for path in Path(place).rglob("*") if path.is_file()})
        self.found.append(Job(order.id, "PENDING", order.metadata, started=float(len(self.found))))

    def stop(self, id: str) -> None:
        self.end(id, "STOPPED")

    def forget(self, id: str) -> None:
        self.found.remove(self.job(id))

    def follow(self, id: str, say: Say) -> None:
        code = self.codes.pop(0) if self.codes else 0
        say(f"Runtime env is setting up.\nRunning entrypoint for job {id}: exec python -m")
        for text in [" vae_sweep\n", *self.logs.get("", [])]:
            say(text)
        self.end(id, "SUCCEEDED" if code == 0 else "FAILED", code)

    def end(self, id: str, status: str, code: int | None = None) -> None:
        """End a job."""
        job = self.job(id)
        self.found[self.found.index(job)] = replace(job, status=status, exit_code=code)
