"""The file by which another process asks the driver of a sweep to stop."""

import json
import time
from pathlib import Path
from typing import Literal

from trainables.storage_paths import write_file

REQUEST_FILE, ASKED = "stop.json", "vae-sweep stop"


Mode = Literal["epoch", "finish"]


def request_stop(folder: Path, mode: Mode) -> None:
    """Ask the driver of the sweep in `folder` to stop: after the running epochs, or after the running trials.

    Raises OSError.
    """
    write_file(folder / REQUEST_FILE, json.dumps({"mode": mode, "time": time.time()}).encode())


def requested(path: Path) -> Mode | None:
    """Return how a stop was asked for, or None where it was not, or storage does not answer now."""
    try:
        return read_request(path)
    except OSError:
        return None


def read_request(path: Path) -> Mode | None:
    """Return how a stop was asked for, or None where it was not; one that makes no sense asks for all.

    One of another user that cannot be read does so, too. Raises OSError where storage does not answer now.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except PermissionError:
        path.stat()
        return "epoch"
    return "finish" if b'"finish"' in text else "epoch"
