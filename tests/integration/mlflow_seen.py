"""What an MLflow client of its own finds, and a real server to find it on."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from vae_sweep.journal.events import EpochEvent, FinalEvent, ScoredEvent
from vae_sweep.journal.journal import JournalTail

EXPERIMENT = "small sweeps"
SHOWN = (
    "perplexity",
    "iw_perplexity",
    "reconstruction",
    "kl",
    "mutual_information",
    "active_units",
    "neg_elbo",
)
"""Words of an end that stand beside their own key under a short one."""


class Seen:
    """What a client of its own finds in MLflow."""

    def __init__(self, uri: str) -> None:
        self.client = MlflowClient(tracking_uri=uri)
        experiment = self.client.get_experiment_by_name(EXPERIMENT)
        assert experiment is not None
        self.experiment = experiment
        runs = self.client.search_runs([experiment.experiment_id], max_results=1000)
        self.sweeps = [run for run in runs if "vae_sweep.trial" not in run.data.tags]
        trials = [run for run in runs if "vae_sweep.trial" in run.data.tags]
        assert len(trials) == len({run.data.tags["vae_sweep.trial"] for run in trials})
        self.trials = {run.data.tags["vae_sweep.trial"]: run for run in trials}

    def history(self, run: Run) -> Counter[tuple[str, int, int, float]]:
        """Return how often each point (key, step, milliseconds, value) of a run is there."""
        found: Counter[tuple[str, int, int, float]] = Counter()
        for key in run.data.metrics:
            for point in self.client.get_metric_history(run.info.run_id, key):
                found[point.key, point.step, point.timestamp, point.value] += 1
        return found

    def files(self, run: Run) -> set[str]:
        return {file.path for file in self.client.list_artifacts(run.info.run_id)}


def expected(path: Path, trial: str) -> Counter[tuple[str, int, int, float]]:
    """Return the points of a trial, straight from the journal; reports that come twice are not for this."""
    points: Counter[tuple[str, int, int, float]] = Counter()
    for event in JournalTail(path).read():
        if not isinstance(event, EpochEvent | FinalEvent | ScoredEvent) or event.trial != trial:
            continue
        prefix, step = (event.phase, event.epoch) if isinstance(event, EpochEvent) else ("final", 0)
        at = round(event.time * 1000)
        for key, value in event.numbers.items():
            if value is not None:
                points[f"{prefix}/{key}", step, at, value] += 1
                if prefix == "final" and (short := shown(key)):
                    points[short, step, at, value] += 1
    return points


def shown(key: str) -> str | None:
    """Return the name under which a number of an end or a score stands beside its own, None where it does not."""
    split, _, metric = key.partition("/")
    if metric not in SHOWN:
        return None
    return {"validation": metric, "test": f"test_{metric}"}.get(split)


def wait_until(met: Callable[[], bool], timeout: float = 60) -> None:
    end = time.monotonic() + timeout
    while not met():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(directory: Path, port: int, *options: str, **more: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run an MLflow server over the same database, however often it is started; killed with its workers.

    `more` is added to its environment.
    """
    directory.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{directory}/server.db"]
    command += ["--artifacts-destination", str(directory / "artifacts")]
    command += options
    quiet = more | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (directory / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=os.environ | quiet, cwd=directory, stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_until(lambda: answers(port) or process.poll() is not None, timeout=120)
            assert process.poll() is None, (directory / "server.log").read_text()
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
