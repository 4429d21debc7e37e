"""Fetch a public corpus: download, verify, prepare, and put the finished directory in place in one move."""

import fcntl
import logging
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.base import CorpusError
from trainables.files import make_folder, move, move_folder, words
from trainables.text import layout
from trainables.text.layout import SourceRecord
from trainables.text.sources import BY_HAND, SOURCES, CorpusSource

if TYPE_CHECKING:
    from trainables.text.download import Progress

WORK = ".fetch"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetched:
    """A corpus in place; `fresh` is False where it was there and sound already."""

    directory: Path
    fresh: bool
    record: SourceRecord


def hint(name: str, directory: Path) -> str:
    """Return which files of a named corpus go where below the data directory, and which command fetches them."""
    target = directory / name
    if name in BY_HAND:
        return BY_HAND[name].format(directory=target)
    files = ", ".join(f"{stem}.txt[.gz]" for stem in layout.STEMS)
    words = f"{name} is not, or not whole, in {target}\n  files that belong there: {files}, one sentence a line"
    if name in SOURCES:
        command = f"vae-sweep data fetch {name} --directory {shlex.quote(str(directory))}"
        words += f"\n  fetch them with: {command}"
    return words


def source_of(name: str, directory: Path) -> CorpusSource:
    """Return the entry of SOURCES. Raises CorpusError, with what to do by hand, where a corpus has none."""
    if name not in SOURCES:
        known = f"{name!r} cannot be fetched; allowed are {', '.join(SOURCES)}"
        raise CorpusError(hint(name, directory) if name in BY_HAND else known)
    return SOURCES[name]


def fetch(
    source: CorpusSource, directory: Path, progress: "Progress", pause: Callable[[float], None] = time.sleep
) -> Fetched:
    """Bring a corpus into `directory/<name>`, unless it is there and sound.

    Damaged files that an earlier fetch wrote are replaced; files of the user's never. Nothing is visible there
    before all of it is. Raises CorpusError, also where the directory cannot be written.
    """
    target = directory / source.name
    try:
        present = layout.inspect(source, target)
        if present.record is not None:
            return Fetched(target, False, present.record)
        if present.state == "foreign":
            raise CorpusError(f"{present.words}; move it away to fetch, or give another --directory")
        with _alone(source.name, directory) as work:
            present = layout.inspect(source, target)
            if present.record is not None:
                return Fetched(target, False, present.record)
            if present.state == "damaged":
                log.warning("%s: fetching %s again", present.words, source.name)
            return Fetched(target, True, _build(source, target, work, progress, pause))
    except OSError as error:
        raise CorpusError(
            f"{error.filename or directory}: {error.strerror or error}; "
            "the data directory must be writable and have room, or give another --directory"
        ) from error


def _build(
    source: CorpusSource, target: Path, work: Path, progress: "Progress", pause: Callable[[float], None]
) -> SourceRecord:
    from trainables.text.download import download  # httpx: 0.1 s that `hint` need not wait for

    downloads = {file.name: download(file, work, progress, pause) for file in source.files}
    progress(f"preparing {source.name}", 0, None)
    staging = work / "staging"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        record = layout.write_layout(source, downloads, source.prepare(downloads), staging)
    except CorpusError:
        shutil.rmtree(work)
        raise
    _install(staging, target, work)
    shutil.rmtree(work)
    return record


def _install(staging: Path, target: Path, work: Path) -> None:
    if target.exists():
        replaced = work / "replaced"
        shutil.rmtree(replaced, ignore_errors=True)
        move(target, replaced)
    move_folder(staging, target)


@contextmanager
def _alone(name: str, directory: Path) -> Iterator[Path]:
    """Give the work folder of a corpus to one process at a time; the lock ends with the process."""
    work = directory / WORK / name
    make_folder(work)
    with (directory / WORK / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CorpusError(f"{directory}: {name} is being fetched by another process; wait for it") from None
        except OSError as error:
            raise CorpusError(words(error, directory, "files there cannot be locked")) from None
        yield work
