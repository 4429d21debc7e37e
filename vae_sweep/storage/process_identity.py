"""Which process is which: where it runs, and when it began."""

import contextlib
import json
import os
import socket
from functools import cache
from pathlib import Path


@cache
def process_place() -> str:
    """Return what two processes have in common that see each other's process numbers."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115
    return json.dumps(parts)


def process_birth(process: int) -> str | None:
    """Return when a process began (clock ticks since boot), None where it is gone; "" where that is not told."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return ""
    return ""
