"""Files that cannot be opened now: a chosen error of the system for chosen paths, in this process or in others.

Python tells its audit hooks of each open, listing, rename and removal before it happens, and leaves it where one
raises. So nothing of the project is replaced, and whatever way it comes to a file is struck.

    with failing(errno.ESTALE, "*/pretrained/*") as fault: ...        this process
    subprocess.run(..., env=faulty(env, errno.EIO, "*/state.json"))   another one, with its Ray workers
    python -m tests.fault_files ESTALE '*/weights.safetensors' resume sweeps/one    a verb of the command line
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

VARIABLE = "FAULT_FILES_OF_THE_TESTS"
SITE = Path(__file__).parent / "fault_site"
READS, WRITES = ("os.listdir", "os.scandir"), ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate")
LOCKS = ("fcntl.flock",)

What = Literal["read", "write", "lock"]


@dataclass
class Fault:
    """An error for paths that match `pattern`, for reading, writing or locking; `struck` are those that met it.

    `times`: only the first so many; `switch`: only while that file is there.
    """

    code: int
    pattern: str
    what: What = "read"
    times: int | None = None
    switch: str | None = None
    struck: list[str] = field(default_factory=list)

    def strike(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raise OSError where the fault is meant."""
        if _kind(event, arguments) != self.what:
            return
        path = next((one for one in _paths(event, arguments) if fnmatch(one, self.pattern)), None)
        if path is None or (self.times is not None and len(self.struck) >= self.times):
            return
        if self.switch is not None and not os.path.exists(self.switch):  # noqa: PTH110
            return
        self.struck.append(path)
        raise OSError(self.code, os.strerror(self.code), path)


_faults: list[Fault] = []
_watches: list[Callable[[str, tuple[Any, ...]], None]] = []
_hooked: list[bool] = []


@contextmanager
def failing(
    code: int, pattern: str, what: What = "read", times: int | None = None, switch: str | None = None
) -> Iterator[Fault]:
    """Let the files of this process that match fail for the length of a with block."""
    fault = Fault(code, pattern, what, times, switch)
    _faults.append(fault)
    _begin()
    try:
        yield fault
    finally:
        _faults.remove(fault)


@contextmanager
def watching(pattern: str) -> Iterator[list[tuple[str, str]]]:
    """Give a list to which what is done to paths that match is added: the event, and the path it comes to."""
    seen: list[tuple[str, str]] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        paths = _paths(event, arguments)
        if paths and fnmatch(paths[-1], pattern):
            seen.append((event, paths[-1]))

    _watches.append(watch)
    _begin()
    try:
        yield seen
    finally:
        _watches.remove(watch)


def faulty(
    env: Mapping[str, str], code: int, pattern: str, what: What = "read", switch: str | None = None
) -> dict[str, str]:
    """Return an environment in which each Python process meets the fault, workers of Ray among them."""
    paths = [str(SITE), str(Path(__file__).parents[1]), *filter(None, [env.get("PYTHONPATH")])]
    fault = "|".join([str(code), what, pattern, switch or ""])
    return {**env, "PYTHONPATH": os.pathsep.join(paths), VARIABLE: fault}


def begin_by_environment() -> None:
    """Let files fail for the life of this process where the environment says so; `fault_site` calls it."""
    if text := os.environ.get(VARIABLE):
        code, what, pattern, switch = text.split("|")
        known: dict[str, What] = {"read": "read", "write": "write", "lock": "lock"}
        _faults.append(Fault(int(code), pattern, known[what], switch=switch or None))
        _begin()


def _begin() -> None:
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" or event in (*READS, *WRITES, *LOCKS):
        for fault in list(_faults):
            fault.strike(event, arguments)
        for watch in list(_watches):
            watch(event, arguments)


def _paths(event: str, arguments: tuple[Any, ...]) -> list[str]:
    """Return the whole paths that an event is about: one, or that before a rename and that after it."""
    if event in LOCKS:
        return [os.readlink(f"/proc/self/fd/{arguments[0]}")]  # noqa: PTH115
    count = 2 if event == "os.rename" else 1
    given = [os.fsdecode(one) for one in arguments[:count] if isinstance(one, str | bytes | os.PathLike)]
    return list(map(os.path.abspath, given))


def _kind(event: str, arguments: tuple[Any, ...]) -> What:
    if event in LOCKS:
        return "lock"
    if event == "open":
        flags = arguments[2] if isinstance(arguments[2], int) else 0
        return "read" if flags & os.O_ACCMODE == os.O_RDONLY else "write"
    return "read" if event in READS else "write"


if __name__ == "__main__":
    name, wanted, *command = sys.argv[1:]
    os.execve(  # noqa: S606
        sys.executable,
        [sys.executable, "-m", "vae_sweep.cli.main", *command],
        faulty(os.environ, getattr(errno, name), wanted),
    )
