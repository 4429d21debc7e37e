"""Downloads over HTTPS that survive cut connections: resumed by Range and If-Range, retried, bounded, verified."""

import ipaddress
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import httpx

from trainables.base import CorpusError
from trainables.files import move
from trainables.text.layout import hex_digest
from trainables.text.partial import Partial
from trainables.text.sources import RemoteFile

PAUSES = (1.0, 2.0, 4.0, 8.0)
REDIRECTS = 5
WORTH_A_PAUSE = 1 << 20
_TIMEOUT = httpx.Timeout(30.0)
_BUSY = {408, 425, 429, 500, 502, 503, 504}
log = logging.getLogger(__name__)


class Progress(Protocol):
    """Called with every piece that comes: the file's name, its bytes so far, and all of them where known."""

    def __call__(self, name: str, done: int, total: int | None) -> None: ...


class _Again(Exception):
    """The server answered, but not in a way that can be used now."""


def download(
    file: RemoteFile, folder: Path, progress: Progress, pause: Callable[[float], None] = time.sleep
) -> Path:
    """Return the path of the whole, verified file in `folder`, going on from a partial one where possible.

    A retry that brought a megabyte or more costs none of the attempts. Raises CorpusError where the server
    cannot be reached or has not the file, where it is too large, or where its sha256 is another.
    """
    finished = folder / file.name
    if finished.is_file() and file.sha256 in (None, hex_digest(finished)):
        return finished
    part = Partial(folder, file)
    with httpx.Client(timeout=_TIMEOUT, headers={"Accept-Encoding": "identity"}) as client:
        failures = 0
        while True:
            before = part.size
            try:
                _transfer(client, file, part, progress)
                break
            except (httpx.HTTPError, _Again) as error:
                failures = 1 if part.size - before >= WORTH_A_PAUSE else failures + 1
                _give_up_or_wait(file, part, error, failures, pause)
    _verify(file, part)
    move(part.path, finished)
    part.discard()
    return finished


def _give_up_or_wait(
    file: RemoteFile, part: Partial, error: Exception, failures: int, pause: Callable[[float], None]
) -> None:
    reason = str(error) or type(error).__name__
    if failures > len(PAUSES):
        kept = f"; {part.size:,} bytes are kept, and it goes on from there" if part.size else ""
        raise CorpusError(
            f"{file.url}: {reason}; given up after {failures} attempts in a row\n"
            f"  check the network and run the same command again{kept}"
        ) from error
    wait = PAUSES[failures - 1]
    log.warning("%s: %s; trying again in %g s from byte %s", file.url, reason, wait, f"{part.size:,}")
    pause(wait)


def _transfer(client: httpx.Client, file: RemoteFile, part: Partial, progress: Progress) -> None:
    if part.complete:
        return
    with _opened(client, file.url, part.resume_headers()) as response:
        start = _start(response, file, part)
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        _refuse_too_large(file, part, total or 0)
        if start == 0:
            part.restart(_validator(response), total)
        progress(file.name, start, total)
        with part.appending() as append:
            for piece in response.iter_raw():
                _refuse_too_large(file, part, part.size + len(piece))
                append(piece)
                progress(file.name, part.size, total)


@contextmanager
def _opened(client: httpx.Client, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
    """Follow redirects by hand, so that none leads away from HTTPS."""
    target = httpx.URL(url)
    local = _is_loopback(target)
    for _ in range(REDIRECTS + 1):
        if target.scheme != "https" and not (local and _is_loopback(target)):
            raise CorpusError(f"{url}: leads to {target}, which is not HTTPS; nothing was fetched from there")
        with client.stream("GET", target, headers=headers) as response:
            if response.next_request is None:
                yield response
                return
            target = response.next_request.url
    raise CorpusError(f"{url}: more than {REDIRECTS} redirects; nothing was fetched")


def _is_loopback(url: httpx.URL) -> bool:
    try:
        return url.scheme == "http" and ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False


def _start(response: httpx.Response, file: RemoteFile, part: Partial) -> int:
    """Return the byte that the body begins at; raise _Again or CorpusError where it is no body of the file."""
    status = response.status_code
    if status in _BUSY:
        raise _Again(f"the server answered {status} {response.reason_phrase}")
    if status == 416:
        part.discard()
        raise _Again("the server has no such range; starting anew")
    if status not in (200, 206):
        raise CorpusError(
            f"{file.url}: the server answered {status} {response.reason_phrase}, expected the file\n"
            "  it may have moved: look for a newer vae-sweep, or put the corpus's files in place yourself"
        )
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise CorpusError(f"{file.url}: came in an encoding that was not asked for; a proxy may stand between")
    if status == 200:
        return 0
    wanted = re.fullmatch(rf"bytes {part.size}-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not part.size or not wanted or wanted[1] not in ("*", str(part.total)):
        part.discard()
        raise _Again("the server sent another range than asked for; starting anew")
    return part.size


def _validator(response: httpx.Response) -> str | None:
    tag = response.headers.get("ETag")
    strong = tag if tag and not tag.startswith("W/") else None
    found: str | None = strong or response.headers.get("Last-Modified")
    return found


def _refuse_too_large(file: RemoteFile, part: Partial, size: int) -> None:
    if size > file.limit:
        part.discard()
        raise CorpusError(
            f"{file.url}: {size:,} bytes or more, expected at most {file.limit:,}; not the known file, not kept"
        )


def _verify(file: RemoteFile, part: Partial) -> None:
    if file.sha256 is None or (got := hex_digest(part.path)) == file.sha256:
        return
    size = part.size
    part.discard()
    raise CorpusError(
        f"{file.url}: not the known file; its {size:,} bytes are deleted\n"
        f"  sha256 expected {file.sha256}\n  sha256 got      {got}\n"
        "  the source may have changed, or a proxy sent a page of its own; try again, or from another network"
    )
