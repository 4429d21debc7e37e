"""Processes out of reach of the signals that are sent to this one and all that belong to it."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_thread = threading.local()


def _leave() -> None:
    """Begin a session and block SIGTERM, in a child of a thread that asked for it."""
    if getattr(_thread, "apart", False):
        os.setsid()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


os.register_at_fork(after_in_child=_leave)


@contextmanager
def children_apart() -> Iterator[None]:
    """Keep SIGTERM, and all that is sent to our group, from what this thread starts, and what that starts.

    Each begins a session of its own, out of reach of who signals our process group (`timeout`, a terminal), and
    with SIGTERM blocked, for who signals every process of a service or a job (systemd, Slurm). A `subprocess`
    counts where it is given a `preexec_fn`, as Ray gives one to each of its own.
    """
    _thread.apart = True
    try:
        yield
    finally:
        _thread.apart = False
