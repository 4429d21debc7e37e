"""The job server of a Ray cluster, by Ray's own client."""

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vae_sweep.errors import LaunchError
from vae_sweep.jobs.dashboard import Dashboard
from vae_sweep.jobs.job_server import IdTakenError, IncrementalLog, Job, JobRequest, Say

if TYPE_CHECKING:
    from ray.dashboard.modules.job.pydantic_models import JobDetails
    from ray.job_submission import JobSubmissionClient

QUIET = (
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
    "ray._private.runtime_env.packaging",
)
"""Modules of Ray that would report every package and connection."""


class RayJobs:
    """The job server of a Ray cluster."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._url = dashboard.url
        self._client = self._connect(dashboard)

    def _connect(self, dashboard: Dashboard) -> "JobSubmissionClient":
        try:
            import aiohttp  # noqa: F401
            import requests  # noqa: F401
        except ImportError as error:
            raise LaunchError(
                f"Ray's job client is not whole here (no {error.name}); "
                "in the checkout: pip install -e '.[cluster]'"
            ) from None
        os.environ["RAY_API_SERVER_ADDRESS"] = self._url  # else RAY_ADDRESS would win over the argument
        os.environ["RAY_AUTH_MODE"] = "disabled"  # the headers carry the token, or none where none is asked for
        with self._in_words():
            from ray.job_submission import JobSubmissionClient

            for name in QUIET:
                logging.getLogger(name).setLevel(logging.WARNING)
            return JobSubmissionClient(self._url, headers=dashboard.headers)

    def jobs(self) -> list[Job]:
        """Return all jobs that were submitted, oldest first."""
        with self._in_words():
            found = [_job(details) for details in self._client.list_jobs() if details.submission_id]
        return sorted(found, key=lambda job: (job.started, job.id))

    def job(self, id: str) -> Job:
        """Return one job."""
        with self._in_words():
            return _job(self._client.get_job_info(id))

    def submit(self, order: JobRequest) -> None:
        """Start a job. Raises IdTakenError where its id is taken."""
        environment = {"working_dir": str(order.directory), "env_vars": order.variables}
        with self._in_words():
            self._client.submit_job(
                entrypoint=order.command,
                submission_id=order.id,
                runtime_env=environment,
                metadata=dict(order.metadata),
                entrypoint_num_cpus=0,
            )

    def stop(self, id: str) -> None:
        """Have a job's command sent SIGTERM."""
        with self._in_words():
            self._client.stop_job(id)

    def forget(self, id: str) -> None:
        """Take an ended job off the list."""
        with self._in_words():
            self._client.delete_job(id)

    def follow(self, id: str, say: Say) -> None:
        """Say a job's log from its beginning, as it comes, until the job ends; a cut connection is made anew."""
        news = IncrementalLog(say)
        while True:
            with self._in_words():
                asyncio.run(self._tail(id, news))
            if not self.job(id).alive:
                return

    async def _tail(self, id: str, news: "IncrementalLog") -> None:
        news.from_the_beginning()
        try:
            async for text in self._client.tail_job_logs(id):
                news.hear(text)
        except RuntimeError as error:
            if "WebSocket" not in str(error):
                raise

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Turn what Ray's client raises into words; the end of a server's traceback is its reason."""
        import aiohttp
        import requests
        from ray.exceptions import AuthenticationError

        try:
            yield
        except (requests.RequestException, aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            raise LaunchError(
                f"{self._url}: the job server does not answer any more ({type(error).__name__}: {error}); what "
                "runs on the cluster goes on as long as its head lives, and the same command again is safe"
            ) from None
        except (RuntimeError, AuthenticationError) as error:
            said = [line.strip() for line in str(error).splitlines() if line.strip(" .")] or ["no reason given"]
            if "already exists" in said[-1]:
                raise IdTakenError(said[-1]) from None
            raise LaunchError(f"{self._url}: the job server refuses: {said[-1]}") from None


def _job(details: "JobDetails") -> Job:
    return Job(
        id=str(details.submission_id),
        status=str(details.status.value),
        metadata=details.metadata or {},
        started=(details.start_time or 0) / 1000,
        ended=details.end_time / 1000 if details.end_time else None,
        exit_code=details.driver_exit_code,
        message=details.message or "",
    )
