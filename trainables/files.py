"""Local files: written whole or not at all, and for good; what cannot be read now is no absent file.

Absence, a wrong checksum and content that makes no sense are damage. A disk that fails, a mount that is away, a
file of another user say nothing of what lies there: these are StorageError.
"""

import errno
import os
import pwd
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trainables.base import PlaceError

FULL = (errno.ENOSPC, errno.EDQUOT)
AWAY = (errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO, errno.EHOSTDOWN, errno.EREMOTEIO, errno.ETIMEDOUT)
KEPT_OUT = (errno.EACCES, errno.EPERM)
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)
"""Errors that say that no file of this name is there."""

NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)
"""What file systems answer that cannot lock a file."""

OUTAGES = (*AWAY, *KEPT_OUT, errno.EIO, errno.EROFS)
"""Errors by which storage refuses or is out of reach, of all that is written and read there."""

FIXES = {
    **dict.fromkeys(FULL, "make space; vae-sweep gc frees what a sweep needs no more"),
    **dict.fromkeys(AWAY, "see that the mount is there and its server answers, then run this again"),
    errno.EIO: "the disk or its mount fails: look at dmesg, then run this again",
    errno.EROFS: "mount it for writing, or give another place",
    errno.ENOENT: "give a path that is there",
    errno.EMFILE: "raise ulimit -n",
    errno.ENAMETOOLONG: "give a shorter path",
    **dict.fromkeys(NO_LOCKS, "mount it with locks (Lustre: -o flock, NFS: with lockd), or give another place"),
}

NO_SYNC = (errno.EINVAL, errno.ENOTSUP)
"""What file systems answer that cannot sync a folder."""


class StorageError(PlaceError):
    """A file or folder cannot be read now; says nothing of what lies there."""


def words(error: OSError, path: Path | None = None, what: str | None = None) -> str:
    """Return an error of the system in words: where, what, and the usual fix; some have no `path`."""
    cause = error.strerror or str(error) or type(error).__name__
    code = error.errno or next((code for code in (*FULL, *OUTAGES) if os.strerror(code) in cause), 0)
    fix = f"; {FIXES[code]}" if code in FIXES else ""
    if code in KEPT_OUT:
        fix = f"; {_user()} may not: ask its owner (chmod, umask), or give a place of yours"
    where = path or error.filename
    start = "" if where is None else f"{os.fsdecode(where)}: "
    return f"{start}{what} ({cause}){fix}" if what else f"{start}{cause}{fix}"


def content(path: Path) -> bytes:
    """Return the content of a file. Raises FileNotFoundError where none is there, StorageError."""
    with _told(path):
        return path.read_bytes()


def is_file(path: Path) -> bool:
    """Say whether a file is there. Raises StorageError where that is not known."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Say whether a folder is there. Raises StorageError where that is not known."""
    return stat.S_ISDIR(_mode(path))


def is_there(path: Path) -> bool:
    """Say whether anything is there. Raises StorageError where that is not known."""
    return bool(_mode(path))


def entries(folder: Path) -> list["os.DirEntry[str]"]:
    """Return what lies in a folder. Raises FileNotFoundError where none is there, StorageError."""
    with _told(folder), os.scandir(folder) as found:
        return list(found)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, for good, with the rights that the umask leaves. Raises OSError."""
    make_folder(path.parent)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_new(aside, content)
        move(aside, path)
    except BaseException as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)
        raise


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, synced. Raises FileExistsError, OSError."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    with _named(path), os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def move(source: Path, target: Path) -> Path:
    """Rename a file or folder, for good; a file takes the place of another. Raises OSError."""
    os.rename(source, target)  # noqa: PTH104
    for folder in {source.parent, target.parent}:
        sync_folder(folder)
    return target


def move_folder(source: Path, target: Path) -> None:
    """Put a folder that was just written in its place, for good; its files are synced already. Raises OSError."""
    sync_folder(source)
    move(source, target)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, for good. Raises OSError."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Have the names in a folder on disk, where its file system can. Raises OSError."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def sync_files(folder: Path) -> None:
    """Have a folder on disk whose files another wrote. Raises FileNotFoundError, StorageError."""
    with _told(folder):
        for entry in entries(folder):
            if entry.is_file():
                _sync(Path(entry.path), os.O_RDONLY)
        sync_folder(folder)
        sync_folder(folder.parent)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        with _named(path):
            os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def _mode(path: Path) -> int:
    """Return a path's kind and rights, links followed; 0 where nothing is there."""
    try:
        with _told(path):
            return path.stat().st_mode
    except FileNotFoundError:
        return 0


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the path of an error that came by a descriptor."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Distinguish what is not there from what cannot be read now."""
    try:
        yield
    except OSError as error:
        if error.errno in _ABSENT:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
        said = words(error, path, "cannot be read now, and is not taken for damaged")
        raise StorageError(said) from error


def _user() -> str:
    try:
        return f"user {pwd.getpwuid(os.geteuid()).pw_name}"
    except KeyError:
        return f"user {os.geteuid()}"
