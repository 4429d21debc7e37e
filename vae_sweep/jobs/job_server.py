"""What we ask of a cluster's job server."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from vae_sweep.errors import LaunchError

ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
"""How a job may have ended; before, it is PENDING or RUNNING."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """A job as its server knows it; `started` is in seconds since 1970, `exit_code` that of its command."""

    id: str
    status: str
    metadata: dict[str, str] = field(default_factory=dict)
    started: float = 0.0
    ended: float | None = None
    exit_code: int | None = None
    message: str = ""

    @property
    def alive(self) -> bool:
        """Say whether the job waits or runs."""
        return self.status not in ENDED


@dataclass(frozen=True)
class JobRequest:
    """A job to be: its command in the shell, the directory that it is given, and what it is marked with."""

    id: str
    command: str
    directory: Path
    variables: dict[str, str]
    metadata: dict[str, str]


class IdTakenError(LaunchError):
    """A job with this id is there already."""


class JobServer(Protocol):
    """What we ask of a job server; each raises LaunchError where it does not answer."""

    def jobs(self) -> list[Job]:
        """Return all jobs that were submitted, oldest first."""
        ...

    def job(self, id: str) -> Job:
        """Return one job."""
        ...

    def submit(self, order: JobRequest) -> None:
        """Start a job. Raises IdTakenError where its id is taken."""
        ...

    def stop(self, id: str) -> None:
        """Have a job's command sent SIGTERM."""
        ...

    def forget(self, id: str) -> None:
        """Take an ended job off the list."""
        ...

    def follow(self, id: str, say: Say) -> None:
        """Say a job's log from its beginning, as it comes, until the job ends."""
        ...


class IncrementalLog:
    """Says each part of a log once, although every read of it starts at the beginning."""

    def __init__(self, say: Say) -> None:
        self._say, self._heard, self._said = say, 0, 0

    def from_the_beginning(self) -> None:
        """The next part is read from the beginning again."""
        self._heard = 0

    def hear(self, text: str) -> None:
        """Say what is new in the next part."""
        new = text[max(0, self._said - self._heard) :]
        self._heard += len(text)
        self._said = max(self._said, self._heard)
        if new:
            self._say(new)
