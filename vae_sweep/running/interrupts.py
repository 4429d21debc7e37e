"""What SIGINT and SIGTERM do to a verb that runs trials: both stop it, and neither disturbs how it then ends."""

import signal
import sys
import threading
from _thread import start_new_thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class _Interrupts:
    """Handlers of both signals: the first that comes raises KeyboardInterrupt, later ones do nothing.

    One that Python drops, since it came into a finalizer or a callback of the garbage collector, is sent again.
    """

    def __init__(self) -> None:
        self._over = False
        self._hook = sys.unraisablehook
        self._before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]

    def take(self) -> None:
        """Set the handlers; SIGINT stays ignored where it is, as for a job in the background."""
        if callable(self._before[0][1]):
            signal.signal(signal.SIGINT, self._interrupt)
        signal.signal(signal.SIGTERM, self._like_ctrl_c)
        sys.unraisablehook = self._send_again

    def restore(self) -> None:
        """Put back what was before."""
        sys.unraisablehook = self._hook
        for number, handler in self._before:
            signal.signal(number, handler)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if not self._over:
            self._over = True
            raise KeyboardInterrupt

    def _send_again(self, dropped: "sys.UnraisableHookArgs") -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            self._hook(dropped)
            return
        ended = threading.Lock()
        ended.acquire()
        start_new_thread(self._interrupt_again, (ended,))
        ended.release()

    def _interrupt_again(self, ended: threading.Lock) -> None:
        """Send the main thread a signal once it has left the hook, where Python would drop it as well.

        A Thread's `start` would wait for it in the hook; another thread's signal would not end what it waits for.
        """
        with ended:
            self._over = False
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    def _like_ctrl_c(self, number: int, frame: FrameType | None) -> None:
        """Do what Ctrl-C does now, also where SIGINT is blocked or ignored, as for the jobs of a cluster."""
        now = signal.getsignal(signal.SIGINT)
        (now if callable(now) else self._interrupt)(signal.SIGINT, frame)


_current: _Interrupts | None = None


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Let the first SIGINT or SIGTERM raise KeyboardInterrupt, and let what ends after it end undisturbed.

    Ray Tune takes the first one for itself while it runs. Yields what sets the handlers once more, after a library
    has set its own. In another thread than the main one, nothing is done.
    """
    global _current
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
    elif _current is not None:
        yield _current.take
    else:
        _current = _Interrupts()
        _current.take()
        try:
            yield _current.take
        finally:
            _current.restore()
            _current = None


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """Put back what Ctrl-C did before: Ray Tune leaves a handler of its own behind, which then does nothing."""
    before: Any = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)
