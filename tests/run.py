"""A run of the tests as a whole: its folder, which names its processes too, and what several workers share."""

import fcntl
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests import warm_cli

MARK = "FOLDER_OF_THE_TEST_RUN"
"""The variable that every process of a run inherits."""

FOREIGN = ("AWS_", "MLFLOW_", "OPTUNA_", "RAY_", "VAE_SWEEP_", "XDG_")
KEPT = ("VAE_SWEEP_CHAOS_SEED", "VAE_SWEEP_ORACLE")
"""What a person sets for the tests themselves."""

OWN = {
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(warm_cli.REPOSITORY),
    "RAY_AUTH_MODE": "token",
}


def begin() -> Path:
    """Make the folder of a run, and leave nothing of the user's own settings in the environment.

    SIGINT is taken also where a shell has it ignored, as for `make test &`: what tests start inherits that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith(FOREIGN) and name not in KEPT]:
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="vae-sweep-tests-"))
    os.environ |= OWN | {MARK: str(folder), "HOME": str(folder), "MPLCONFIGDIR": str(folder / "matplotlib")}
    return folder


def folder() -> Path:
    """The folder of this run."""
    return Path(os.environ[MARK])


def processes(above: int) -> list[psutil.Process]:
    """The processes of this run, with those below them, but for `above` and this one."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder()):
                found |= {each.pid: each for each in (process, *process.children(recursive=True))}
        except psutil.Error:
            continue
    return [process for pid, process in found.items() if pid not in (above, os.getpid())]


def end_processes(patience: float) -> list[str]:
    """Wait for the processes of this run to end, then kill those that are left; return what they were."""
    _, alive = psutil.wait_procs(processes(os.getppid()), timeout=patience)
    left = []
    for process in alive:
        try:
            left.append(f"{process.pid} {' '.join(process.cmdline())[:100]}")
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=5)
    return left


@contextmanager
def alone(name: str) -> Iterator[Path]:
    """Hold a lock among the workers of this run; yield a folder of that name, which may be there already."""
    place = folder() / name
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield place


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that `make` fills for whichever worker asks first; nobody may change it."""
    with alone(name) as place:
        if not (place / ".made").exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            make(place)
            (place / ".made").touch()
    return place


def warm_address() -> Path:
    """Return the socket of the warm command line, which is started for whoever asks first."""
    with alone("warm") as place:
        address = place / "socket"
        if not address.exists():
            place.mkdir(exist_ok=True)
            process = warm_cli.start(address, os.environ, place / "log.txt")
            (place / "pid").write_text(str(process.pid))
            while not address.exists():
                assert process.poll() is None, (place / "log.txt").read_text()
                time.sleep(0.05)
    return address


def end_warm() -> None:
    """End the warm command line, where there is one."""
    pid = folder() / "warm" / "pid"
    if pid.exists():
        with suppress(ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGTERM)


def warm_programs() -> Path:
    """Return a folder with a `vae-sweep` that has the warm command line do its work, for the front of a PATH."""

    def make(place: Path) -> None:
        program = place / "vae-sweep"
        program.write_text(
            f"#!{sys.executable} -SE\n"
            "import os, pathlib, sys\n"
            f"sys.path.insert(0, {str(warm_cli.REPOSITORY)!r})\n"
            "from tests.warm_cli import request\n"
            f"address = pathlib.Path({str(warm_address())!r})\n"
            "sys.exit(request(address, sys.argv[1:], os.getcwd(), os.environ, (0, 1, 2)))\n"
        )
        program.chmod(0o755)

    return made_once("programs", make)
