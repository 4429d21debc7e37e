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
    """Return how a stop was asked for, or None where it was not; one that makes no sense asks for all.

    Where storage does not answer now it counts as not asked for: whoever looks, looks again.
    """
    try:
        text = path.read_bytes()
    except PermissionError:
        return "epoch"
    except OSError:
        return None
    return "finish" if b'"finish"' in text else "epoch"
