"""A warm `vae-sweep`: a process that has imported everything forks a child for each command.

A command costs its own work and not the two to four seconds of imports. What looks at start-up, signals or the
life of a driver takes a real process (tests/integration/cluster.py, `start`).
"""

import array
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("vae_sweep", "trainables")
SENT = 1 << 20
"""The most bytes of a request."""


def request(address: Path, argv: Sequence[str], cwd: Path, env: Mapping[str, str], fds: Sequence[int]) -> int:
    """Have the process at `address` run a command with these three standard streams; return its exit code.

    A caller that goes away ends the command, as a closed terminal does.
    """
    content = json.dumps({"argv": list(argv), "cwd": str(cwd), "env": dict(env)}).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(str(address))
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))
        line.sendmsg([len(content).to_bytes(4, "big")], [rights])
        line.sendall(content)
        answer = line.recv(16)
    if not answer:
        raise ConnectionError(f"the warm command line at {address} ended while it ran {list(argv)}")
    return int(answer)


def start(address: Path, env: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    """Start the process that forks; its socket is there when it can be asked."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.warm_cli", str(address)],
            cwd=REPOSITORY,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def serve(address: str) -> None:
    """Import everything, then fork a child for each request, until SIGTERM."""
    import_all()
    alive = [thread.name for thread in threading.enumerate()]
    assert alive == ["MainThread"], f"a fork would lose threads: {alive}"
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(f"{address}.new")
    listener.listen(64)
    Path(f"{address}.new").rename(address)
    while True:
        line, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _attend(line)
        line.close()


def import_all() -> None:
    """Import every module of the project, and with it torch, Ray, Optuna and MLflow."""
    from vae_sweep.running.ray_environment import prepare_environment

    prepare_environment()
    for name in PACKAGES:
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(found.name)
    for name in (
        "mlflow.tracking",
        "mlflow.store.tracking.sqlalchemy_store",
        "mlflow.pyfunc",
        "ray.tune",
        "optuna",
    ):
        importlib.import_module(name)


def _attend(line: socket.socket) -> None:
    """Fork the command of a request and tell its exit code; the command itself returns from here."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    header, rights, _, _ = line.recvmsg(4, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    fds = array.array("i")
    fds.frombytes(rights[0][2])
    content = b""
    while len(content) < int.from_bytes(header, "big"):
        content += line.recv(SENT)
    asked = json.loads(content)
    pid = os.fork()
    if pid == 0:
        line.close()
        _become(asked["argv"], asked["cwd"], asked["env"], fds.tolist())
    for fd in fds:
        os.close(fd)
    _wait(pid, line)


def _wait(pid: int, line: socket.socket) -> NoReturn:
    """Send the exit code of a child, or end it where the caller goes away first."""
    child = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(child, select.POLLIN)
    poll.register(line, select.POLLIN | select.POLLHUP)
    if child not in [fd for fd, _ in poll.poll()]:
        os.kill(pid, signal.SIGTERM)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        line.sendall(str(code).encode())
    finally:
        os._exit(0)


def _become(argv: list[str], cwd: str, env: dict[str, str], fds: list[int]) -> NoReturn:
    """Be the command: its directory, environment, streams and arguments; end as a process of its own would."""
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    sys.argv = ["vae-sweep", *argv]
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    from vae_sweep.cli.main import main

    main()
    sys.exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
