"""Times and sizes in words."""

import time

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
STEP = 1024.0


def duration(seconds: float) -> str:
    """Return a duration in its two largest units, e.g. `1 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min {seconds % MINUTE:.0f} s"
    if seconds < DAY:
        return f"{seconds // HOUR:.0f} h {seconds % HOUR // MINUTE:.0f} min"
    return f"{seconds // DAY:.0f} d {seconds % DAY // HOUR:.0f} h"


def timestamp(unix: float) -> str:
    """Return a local time to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix))


def format_bytes(count: float) -> str:
    """Return a number of bytes in its largest unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < STEP:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= STEP
    return f"{count:.1f} TB"


def pluralise(count: int, word: str) -> str:
    """Return a number with its noun, in the plural where it is not one."""
    return f"{count} {word}{'s' * (count != 1)}"
