"""The head of a Ray cluster with token auth: a process with its own home, ports and folders, ended by pid."""

import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.integration.cluster import environment

PORTS = (
    "port",
    "dashboard-port",
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "ray-client-server-port",
    "metrics-export-port",
    "runtime-env-agent-port",
    "node-manager-port",
    "object-manager-port",
)
SPAN = 40
"""Ports for workers."""


@dataclass(frozen=True)
class Head:
    """A running head: its dashboard, the port where nodes meet, its token file and its folder."""

    url: str
    meeting_port: int
    token: Path
    folder: Path


@contextmanager
def running_head(home: Path) -> Iterator[Head]:
    """Start a head of two cores and wait for its dashboard; SIGINT is ignored, as in a shell's background."""
    token = home / ".ray" / "auth_token"
    token.parent.mkdir(parents=True)
    token.write_text(secrets.token_hex(16))
    free = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    low = _free_span()
    with tempfile.TemporaryDirectory(prefix="vs-", dir="/tmp") as folder:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=2"]
        command += ["--dashboard-host=127.0.0.1", f"--temp-dir={folder}", "--object-store-memory=100000000"]
        command += [f"--min-worker-port={low}", f"--max-worker-port={low + SPAN - 1}", "--disable-usage-stats"]
        command += [f"--{name}={port}" for name, port in free.items()]
        env = {name: value for name, value in environment(home).items() if name != "PYTHONPATH"}
        with (home / "head.txt").open("w") as out:
            process = subprocess.Popen(
                command, env=env, stdout=out, stderr=out, start_new_session=True, preexec_fn=_ignore_interrupts
            )
        try:
            url = f"http://127.0.0.1:{free['dashboard-port']}"
            _wait_for(url, process, home / "head.txt")
            yield Head(url, free["port"], token, Path(folder))
        finally:
            _end(process)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    while True:
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(f"{url}/api/version", trust_env=False).status_code == httpx.codes.UNAUTHORIZED:
                return
        except httpx.TransportError:
            pass
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue


def _end(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM the head, then kill what it leaves behind, each by its pid."""
    if process.poll() is not None:
        return
    below = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    psutil.wait_procs(below, timeout=10)
    for child in below:
        if child.is_running():
            child.kill()
    psutil.wait_procs(below, timeout=10)
    process.wait(30)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


def _free_span() -> int:
    """Return the first of SPAN free ports in a row, below the ephemeral ones."""
    for low in range(21000, 32000, SPAN):
        try:
            with ExitStack() as held:
                for port in range(low, low + SPAN):
                    held.enter_context(socket.create_server(("", port)))
        except OSError:
            continue
        return low
    raise AssertionError("no free ports for workers")
