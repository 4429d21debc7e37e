"""The report of a running sweep, written at intervals by a thread that no trial ever waits for."""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.report.report_folder import ReportFolder

PERIOD = 60.0
"""Seconds between two pages, at least."""

_SHARE = 0.005
"""Part of the time that may go into writing; a page that takes longer is written less often."""

LOWEST_PRIORITY = 19
"""Niceness of the thread: trials on the driver's machine come first, also those to which Ray gives 15."""

_PATIENCE = 60.0
"""Seconds that the end of a sweep waits for its last page."""


class LiveReport:
    """Writes a sweep's page while its journal grows; what goes wrong is said once through `say`.

    The files of the end (the last page, the front, the cells) are written by `close`.
    """

    def __init__(self, folder: Path, spec: SweepSpec, say: Callable[[str], None], period: float = PERIOD) -> None:
        self._report, self._say, self._period = ReportFolder(folder, spec), say, period
        self._wake, self._closing = threading.Event(), threading.Event()
        self._said: set[str] = set()
        self._thread = threading.Thread(target=self._work, name=f"report of {spec.name}", daemon=True)

    def start(self) -> None:
        """Start the thread; call once, before `close`."""
        self._thread.start()

    def poke(self) -> None:
        """Say that the journal has new lines."""
        self._wake.set()

    def close(self, timeout: float = _PATIENCE) -> None:
        """Write what is left to write once the journal has its end; wait for at most `timeout` seconds."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout)

    def _work(self) -> None:
        if sys.platform == "linux":  # where a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            if self._closing.is_set():
                break
            started = time.monotonic()
            self._try(lambda: self._report.write_page("running", live=True))
            self._closing.wait(max(self._period, (time.monotonic() - started) / _SHARE))
        self._try(self._report.write_page)
        self._try(lambda: self._report.write_page(runs=self._report.runs()))
        self._try(self._report.write_summary)

    def _try(self, write: Callable[[], object]) -> None:
        try:
            write()
        except Exception as error:  # noqa: BLE001  the sweep must not feel even a bug in here; it is shown
            text = f"the report in {self._report.place} is not written: {error or type(error).__name__}"
            if text not in self._said:
                self._said.add(text)
                self._say(text)
