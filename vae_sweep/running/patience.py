"""How long a driver bears with storage that does not answer: what it only looks at, it looks at again."""

import time
from collections.abc import Callable
from typing import TypeVar

from trainables.files import OUTAGES

PATIENCE = 300.0
"""Seconds for which storage may be out of reach before a driver gives up."""

_PAUSE = 2.0

Found = TypeVar("Found")


def patiently(
    read: Callable[[], Found],
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Found:
    """Return what is read; where storage refuses or is out of reach, say so and read again for a while.

    Raises what the last attempt raised.
    """
    since: float | None = None
    while True:
        try:
            return read()
        except Exception as error:
            now = clock()
            if not _is_outage(error) or (since is not None and now - since >= PATIENCE):
                raise
            if since is None:
                since = now
                say(f"{error}: tried again, for {PATIENCE:g} s at most")
            sleep(_PAUSE)


def _is_outage(error: BaseException | None) -> bool:
    """Say whether an error, or what it came from, is storage that refuses or is out of reach."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in OUTAGES:
            return True
        error = error.__cause__
    return False
