"""Another user of the machine: nobody, as whom root may do things."""

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="to be another user for a moment takes root")


def let_through(place: Path) -> None:
    """Let everybody reach what lies below a folder of ours."""
    for folder in [place, *place.parents]:
        if folder.stat().st_uid == os.getuid() and folder.is_relative_to("/tmp"):  # noqa: S108
            folder.chmod(folder.stat().st_mode | 0o011)


def as_nobody(reachable: Path, do: Callable[[], object]) -> str:
    """Do something as user nobody, in a child; return the error it raised, or what came."""
    let_through(reachable)
    read, write = os.pipe()
    if not (child := os.fork()):
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            said = str(do())
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent judges it
            said = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        os.write(write, said.encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as file:
        return file.read()
