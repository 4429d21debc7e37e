"""Reading named members of an untrusted zip archive; nothing is ever unpacked to disk."""

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

from trainables.base import CorpusError

RATIO_LIMIT = 100
_LINE_LIMIT = 1 << 20


def member_lines(archive: Path, name: str, limit: int) -> Iterator[str]:
    """Yield the lines of the one member whose last path part is `name`, without line ends.

    `limit` bounds the unpacked bytes. Raises CorpusError where the archive is damaged or hostile: a path that
    leaves the archive, a link, an encrypted member, a member that unpacks to more than it should.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            member = _member(opened, archive, name, limit)
            with opened.open(member) as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="\n") as text:
                while line := text.readline(_LINE_LIMIT):
                    if len(line) == _LINE_LIMIT:
                        raise CorpusError(f"{archive}: {name} has a line of {_LINE_LIMIT:,} characters or more")
                    yield line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{archive}: {name} is not UTF-8 text ({error.reason}); not the known corpus") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise CorpusError(f"{archive}: not a sound zip archive ({error}); fetch it again") from error


def _member(opened: zipfile.ZipFile, archive: Path, name: str, limit: int) -> zipfile.ZipInfo:
    for info in opened.infolist():
        _refuse_unsafe_path(archive, info.orig_filename)
    found = [info for info in opened.infolist() if info.filename.rsplit("/", 1)[-1] == name]
    if len(found) != 1:
        raise CorpusError(f"{archive}: {len(found)} members called {name}, expected one; not the known archive")
    _refuse_unsafe_member(archive, found[0], limit)
    return found[0]


def _refuse_unsafe_path(archive: Path, path: str) -> None:
    windows = PureWindowsPath(path)
    if path.startswith("/") or windows.root or windows.drive or ".." in windows.parts or "\0" in path:
        raise CorpusError(f"{archive}: member {path!r} points outside the archive; it is not used")


def _refuse_unsafe_member(archive: Path, info: zipfile.ZipInfo, limit: int) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.is_dir() or kind not in (0, stat.S_IFREG):
        raise CorpusError(f"{archive}: member {info.filename} is a link or no plain file; it is not used")
    if info.flag_bits & 1:
        raise CorpusError(f"{archive}: member {info.filename} is encrypted; it is not used")
    if info.file_size > min(limit, RATIO_LIMIT * max(info.compress_size, 1)):
        raise CorpusError(
            f"{archive}: member {info.filename} unpacks from {info.compress_size:,} to {info.file_size:,} bytes; "
            f"allowed are {limit:,} bytes and {RATIO_LIMIT} times the packed size"
        )
