"""The folder that an import writes in before it is put in its place; what killed imports left is deleted."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START = ".import."
"""Beginning of the names of these folders."""


@contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder, deleted at the end if it is still there; a lock on it says that its process lives.

    Where the file system has no locks on folders, what killed imports leave stays. Raises OSError.
    """
    with _opened(parent) as whole:
        _lock(whole, wait=True)
        _clear(parent)
        staging = parent / f"{START}{secrets.token_hex(4)}"
        staging.mkdir()
        own = os.open(staging, os.O_RDONLY | os.O_CLOEXEC)
        _lock(own, wait=False)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        os.close(own)


def _clear(parent: Path) -> None:
    for folder in parent.glob(f"{START}*"):
        if folder.is_symlink() or not folder.is_dir() or folder.stat().st_uid != os.geteuid():
            continue
        with _opened(folder) as descriptor:
            if _lock(descriptor, wait=False):
                shutil.rmtree(folder, ignore_errors=True)


def _lock(descriptor: int, wait: bool) -> bool:
    """Lock an open folder; False where another has, or the file system cannot."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
