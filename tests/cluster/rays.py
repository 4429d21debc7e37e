"""A Ray cluster with token auth on hosts of its own, watched from a host that is no part of it."""

import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.hosts import Host, network

TUNED = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_grpc_client_keepalive_time_ms": "2000",
    "RAY_grpc_client_keepalive_timeout_ms": "4000",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "10",
}
"""What has a node that fell silent noticed in seconds, and end itself; the same on every node."""

HEAD, WORKERS, USER = "head", ("n1", "n2"), "user"
RAY = [sys.executable, "-m", "ray.scripts.scripts"]
REPOSITORY = Path(__file__).parents[2]
START = ["start", "--block", "--disable-usage-stats", "--object-store-memory=100000000"]


@dataclass(frozen=True)
class Cluster:
    """Hosts, a folder with a home for each, and one token file; `shared` is the storage that all see."""

    hosts: dict[str, Host]
    folder: Path
    token: Path
    shared: Path

    @property
    def url(self) -> str:
        """The job server."""
        return f"http://{self.hosts[HEAD].address}:8265"

    def home(self, name: str) -> Path:
        """The home of a host's user."""
        return self.folder / name

    def environment(self, name: str, token: Path | None) -> dict[str, str]:
        """The environment on a host, with this token file or none."""
        kept = {key: os.environ[key] for key in ("PATH", "LANG", "LD_LIBRARY_PATH") if key in os.environ}
        own = {"HOME": str(self.home(name)), "OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "token"}
        return kept | own | ({"RAY_AUTH_TOKEN_PATH": str(token)} if token else {})

    def start_node(self, name: str) -> None:
        """Start a Ray node of two places for trials, of none at the head; return when Ray counts it in."""
        host, before = self.hosts[name], len(self.marked(name, "ALIVE"))
        words = [*START, f"--node-ip-address={host.address}"]
        if name == HEAD:
            words += ["--head", "--num-cpus=0", "--port=6379", f"--dashboard-host={host.address}"]
        else:
            words += ["--num-cpus=2", f"--address={self.hosts[HEAD].address}:6379"]
        words.append(f"--temp-dir={self.folder / name / 'r'}")
        env = self.environment(name, self.token) | TUNED | {"PYTHONPATH": str(REPOSITORY)}
        log = self.home(name) / "ray.txt"
        process = host.start([*RAY, *words], env, log)
        patient(
            lambda: len(self.marked(name, "ALIVE")) > before or process.poll() is not None,
            90,
            lambda: (
                f"{name} does not come up: {log.read_text()} {self.home(USER).joinpath('watch.txt').read_text()}"
            ),
        )
        assert process.poll() is None, log.read_text()

    def watch(self) -> None:
        """Start writing down when Ray counts which node in or out, as seen from the user's host."""
        command = [sys.executable, "-m", "tests.cluster.watch", self.url, str(self.token)]
        env = self.environment(USER, self.token) | {"PYTHONPATH": str(REPOSITORY)}
        self.hosts[USER].start(command, env, self.home(USER) / "watch.txt")

    def marked(self, name: str, state: str) -> list[float]:
        """When nodes on a host were first seen in a state."""
        text = self.home(USER).joinpath("watch.txt").read_text()
        seen = [json.loads(line) for line in text.split("\n")[:-1] if line.startswith("{")]
        address = self.hosts[name].address
        return [line["time"] for line in seen if (line["address"], line["state"]) == (address, state)]

    def ask(self, words: list[str], token: Path | None, **more: str) -> tuple[int, str]:
        """Run `python -m` with these words as the user, with a token or none; return exit code and text."""
        env = self.environment(USER, token) | {"PYTHONPATH": str(REPOSITORY)} | more
        done = self.hosts[USER].run([sys.executable, "-m", *words], env, self.home(USER))
        return done.returncode, done.stdout + done.stderr

    def job(self, verb: str, *words: str) -> tuple[int, str]:
        """Run `ray job VERB` as the user, with the cluster's token."""
        return self.ask(["ray.scripts.scripts", "job", verb, "--address", self.url, *words], self.token)


def patient(met: Callable[[], Any], seconds: float, why: Callable[[], str]) -> Any:
    """Return what `met` gives as soon as it gives something; fail, saying why, when that takes too long."""
    end = time.monotonic() + seconds
    while not (found := met()):
        assert time.monotonic() < end, why()
        time.sleep(0.05)
    return found


@contextmanager
def ray_cluster(shared: Path) -> Iterator[Cluster]:
    """A head and two workers, each with a home and a short folder; everything ended at the end."""
    names = (HEAD, *WORKERS, USER)
    with tempfile.TemporaryDirectory(prefix="vs-", dir="/tmp") as name, network(names) as hosts:
        folder = Path(name)
        token = folder / "token"
        token.touch(0o600)
        token.write_text(secrets.token_hex(32))
        for one in names:
            (folder / one).mkdir()
        (folder / USER / "watch.txt").touch()
        cluster = Cluster(hosts, folder, token, shared)
        cluster.watch()
        for one in (HEAD, *WORKERS):
            began = time.monotonic()
            cluster.start_node(one)
            say(f"{one} is up after {time.monotonic() - began:.1f} s")
        yield cluster


def say(text: str) -> None:
    """Tell whoever watches the test."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)
