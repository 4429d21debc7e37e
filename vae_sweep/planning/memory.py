"""The memory that this process may use, where a control group bounds it (Slurm, containers)."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vae_sweep.formatting import format_bytes

CGROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
SHARED = Path("/dev/shm")  # noqa: S108  Linux keeps the object store there

STORE_SHARE = 0.3
"""Part of the memory that Ray's object store may take: Ray's own default."""

_SHARED_SHARE = 0.95
"""Part of the machine's shared memory that the object store may take, as by Ray's default."""

STORE_LEAST = 80_000_000
"""Bytes that Ray wants for its object store at least."""


@dataclass(frozen=True)
class MemoryLimit:
    """A bound on a process's memory, the file that sets it, and what the machine has; in bytes."""

    limit: int
    file: Path
    machine: int

    @property
    def store(self) -> int:
        """Return what a Ray of our own gets for its object store."""
        try:
            shared = shutil.disk_usage(SHARED).total
        except OSError:
            shared = self.limit
        return max(STORE_LEAST, int(min(STORE_SHARE * self.limit, _SHARED_SHARE * shared)))

    @property
    def heap(self) -> int:
        """Return what is left for its trials."""
        return max(0, self.limit - self.store)

    def __str__(self) -> str:
        return (
            f"memory: {format_bytes(self.limit)} of the machine's {format_bytes(self.machine)}, by {self.file}: "
            f"{format_bytes(self.store)} for Ray's object store, {format_bytes(self.heap)} for trials"
        )


def memory_limit(cgroups: Path = CGROUPS, own: Path = OWN, machine: int | None = None) -> MemoryLimit | None:
    """Return the tightest bound of this process's control groups, v1 or v2; None where the machine has no more."""
    if machine is None:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    found = [(limit, file) for file in _files(cgroups, own) if (limit := _limit(file)) is not None]
    limit, file = min(found, default=(machine, cgroups))
    return MemoryLimit(limit, file, machine) if limit < machine else None


def _files(cgroups: Path, own: Path) -> Iterator[Path]:
    """Yield the files with the bounds of this process's groups, from the innermost to the root."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, group = line.split(":", 2)
        if kinds not in ("", "memory") and "memory" not in kinds.split(","):
            continue
        root, name = (cgroups / "memory", "memory.limit_in_bytes") if kinds else (cgroups, "memory.max")
        inner = root / group.lstrip("/")
        yield from (folder / name for folder in (inner, *inner.parents) if folder.is_relative_to(root))


def _limit(file: Path) -> int | None:
    """Return a bound in bytes; None where there is none."""
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
