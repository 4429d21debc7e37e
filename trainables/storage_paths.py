"""Storage paths: a local path or an address on S3-compatible object storage; all access to both is here.

On S3 a file is written whole or not at all, but a folder cannot be renamed: what makes it whole (a manifest) is
written last and deleted first.
"""

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from trainables import files
from trainables.base import PlaceError as PlaceError
from trainables.s3_connection import endpoint, filesystem, without_secrets

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

_SCHEME = "s3://"
SAID = (errno.EIO, errno.EACCES, errno.EROFS, errno.ESTALE, errno.ENOTCONN)
"""Errors of storages that are known by their messages too; those of the others are said of networks as well."""


def objects_fail(error: object) -> bool:
    """Say whether an error is object storage's, also where Ray met it and passes on nothing but a message."""
    return _is_outage(error, objects=True) or "AWS Error" in str(error)


def storage_fails(error: object) -> bool:
    """Say whether an error is that of storage on a disk or a mount, also where Ray passes on only a message."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in files.OUTAGES
    return _is_outage(error, objects=False) or any(os.strerror(code) in str(error) for code in SAID)


@dataclass(frozen=True, order=True)
class S3Place:
    """An address on object storage, with the methods of pathlib that are used; `path` begins with the bucket."""

    path: PurePosixPath

    def __str__(self) -> str:
        return f"{_SCHEME}{self.path}"

    def __truediv__(self, name: str) -> "S3Place":
        return S3Place(self.path / name)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the bucket and all that follows."""
        return self.path.parts

    @property
    def parent(self) -> "S3Place":
        return S3Place(self.path.parent)

    @property
    def parents(self) -> "tuple[S3Place, ...]":
        """Return all places above, the next one first."""
        return tuple(S3Place(above) for above in self.path.parents)

    def with_name(self, name: str) -> "S3Place":
        """Return the place of this name beside it."""
        return S3Place(self.path.with_name(name))


StoragePath = Path | S3Place


@dataclass(frozen=True)
class Found:
    """What lies in a folder: a `kind`, and the bytes of a file."""

    place: StoragePath
    kind: Literal["file", "folder", "link", "other"]
    bytes: int = 0

    @property
    def name(self) -> str:
        return self.place.name


def place_of(text: str) -> StoragePath:
    """Return the place that a text names."""
    return S3Place(PurePosixPath(text.removeprefix(_SCHEME))) if text.startswith(_SCHEME) else Path(text)


def place_on(filesystem: "FileSystem", path: str) -> StoragePath:
    """Return the place of a path on a file system, as Ray names things."""
    return S3Place(PurePosixPath(path)) if filesystem.type_name == "s3" else Path(path)


def filesystem_of(place: StoragePath) -> "tuple[str, FileSystem | None]":
    """Return a place as Ray takes it: a path and its file system, None for the local one."""
    return (str(place.path), filesystem()) if isinstance(place, S3Place) else (str(place), None)


def read(place: StoragePath) -> bytes:
    """Return the content of a file. Raises FileNotFoundError where none is there, PlaceError."""
    if isinstance(place, Path):
        return files.content(place)
    with _told(place), filesystem().open_input_file(str(place.path)) as file:
        content: bytes = file.read()
        return content


def write_file(place: StoragePath, content: bytes) -> None:
    """Write a file; it is there whole or not at all. Raises OSError, PlaceError."""
    if isinstance(place, Path):
        files.write_whole(place, content)
    else:
        write(place, content)


def write(place: S3Place, content: bytes) -> None:
    """Write an object; it is there whole or not at all. Raises PlaceError."""
    with _told(place), filesystem().open_output_stream(str(place.path)) as file:
        file.write(content)


def sync(folder: StoragePath) -> None:
    """Have a folder's files on disk for good, whoever wrote them; on S3 they are. Raises FileNotFoundError,
    PlaceError."""
    if isinstance(folder, Path):
        files.sync_files(folder)


def is_file(place: StoragePath) -> bool:
    """Say whether a file is there. Raises PlaceError."""
    return files.is_file(place) if isinstance(place, Path) else _info(place).is_file


def is_folder(place: StoragePath) -> bool:
    """Say whether a folder is there; on S3, whether anything lies below it. Raises PlaceError."""
    return files.is_folder(place) if isinstance(place, Path) else bool(_info(place).type.name == "Directory")


def contents(folder: StoragePath, below: bool = False) -> list[Found]:
    """Return what lies in a folder, by name, links not followed; nothing where it is not there.

    With `below`, on S3 alone, all that lies in the folders below it too. Raises PlaceError.
    """
    if isinstance(folder, S3Place):
        return _objects(folder, below)
    try:
        return sorted(map(_entry, files.entries(folder)), key=lambda entry: entry.name)
    except FileNotFoundError:
        return []


def size(place: S3Place) -> int:
    """Return the bytes of an object, or of all below a folder; 0 where nothing is there. Raises PlaceError."""
    info = _info(place)
    return info.size if info.is_file else sum(found.bytes for found in contents(place, below=True))


def delete(place: S3Place, first: Sequence[str] = ()) -> None:
    """Delete an object or all below a folder, files of the names `first` before all else; gone is no error."""
    with _told(place):
        found = contents(place, below=True)
        for entry in found:
            if entry.name in first:
                _gone(str(entry.place).removeprefix(_SCHEME))
        if found or is_folder(place):
            filesystem().delete_dir(str(place.path))
        else:
            _gone(str(place.path))


@contextmanager
def copied(folder: StoragePath, names: Sequence[str]) -> Iterator[Path]:
    """Yield a local directory with those of these files of a folder that are there. Raises PlaceError."""
    if isinstance(folder, Path):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="vae-sweep-") as local:
        for name in names:
            try:
                Path(local, name).write_bytes(read(folder / name))
            except FileNotFoundError:
                continue
        yield Path(local)


def _is_outage(error: object, objects: bool) -> bool:
    return isinstance(error, PlaceError) and isinstance(error, files.StorageError) != objects


def _entry(entry: "os.DirEntry[str]") -> Found:
    if entry.is_symlink():
        return Found(Path(entry.path), "link")
    if entry.is_dir(follow_symlinks=False):
        return Found(Path(entry.path), "folder")
    return Found(Path(entry.path), "file" if entry.is_file(follow_symlinks=False) else "other")


def _objects(folder: S3Place, below: bool) -> list[Found]:
    from pyarrow.fs import FileSelector

    with _told(folder):
        infos = filesystem().get_file_info(FileSelector(str(folder.path), allow_not_found=True, recursive=below))
    found = [
        Found(S3Place(PurePosixPath(info.path)), "file" if info.is_file else "folder", info.size or 0)
        for info in infos
    ]
    return sorted(found, key=lambda entry: str(entry.place))


def _info(place: S3Place) -> "FileInfo":
    with _told(place):
        return filesystem().get_file_info(str(place.path))


def _gone(key: str) -> None:
    with suppress(FileNotFoundError):
        filesystem().delete_file(key)


@contextmanager
def _told(place: S3Place) -> Iterator[None]:
    """Distinguish what is not there, as pathlib does, from what says nothing of it."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(place)) from error
    except OSError as error:
        raise PlaceError(
            f"{place}: object storage at {without_secrets(endpoint())} refuses or is out of reach ({error}); it "
            "takes AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION from the environment "
            "of every process"
        ) from error
