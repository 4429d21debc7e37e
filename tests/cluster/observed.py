"""What the journal, the head and the hosts show of a sweep under faults, and how long each took."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil

from tests.cluster.hosts import Host
from tests.cluster.rays import Cluster, patient, say
from tests.integration.cluster import lines
from tests.integration.sweeps import journal_of, kinds_of

NOTICED = 30.0
"""Seconds within which a silent node must count as dead; without the tuning it is a minute."""

Line = dict[str, Any]


class Fading:
    """Writes down when a host that is cut off has no trial's process any more, and when it has none at all."""

    def __init__(self, host: Host) -> None:
        self.began, self.trials, self.all, self.last = time.time(), 0.0, 0.0, ""
        self._host = host
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until it has none; fail where that takes too long."""
        self._thread.join(seconds)
        assert self.all, f"{self._host.name} still runs {self.last}"

    def _look(self) -> None:
        while names := [_name(pid) for pid in self._host.pids()]:
            self.last = ", ".join(sorted(set(names)))
            if not self.trials and not any("ImplicitFunc" in name for name in names):
                self.trials = time.time() - self.began
            time.sleep(0.2)
        self.all = time.time() - self.began
        self.trials = self.trials or self.all


def _name(pid: int) -> str:
    with suppress(psutil.Error):
        words = psutil.Process(pid).cmdline()
        return next((word for word in reversed(words[:4]) if not word.startswith("-")), "")[-60:]
    return ""


def mid(line: Line, phase: str) -> bool:
    """Say whether a line is a report from the middle of a phase that its trial trained itself."""
    return line["kind"] == "epoch" and line["phase"] == phase and line["epoch"] in (1, 2, 3) and not line["stored"]


def wait_for(cluster: Cluster, seen: Callable[[Line], bool], what: str, start: int = 0) -> Line:
    """Return the first line of the journal, from a number on, that fits; as soon as there is one."""

    def found() -> Line | None:
        known = lines(journal_of(cluster.shared))[start:]
        return next((line for line in known if seen(line)), None)

    line: Line = patient(found, 240, lambda: f"no {what}: {cluster.job('logs', 'by-hand')[1][-3000:]}")
    return line


def running_on(cluster: Cluster, name: str) -> set[str]:
    """Return the trials whose last report came from a host and that have not ended."""
    last = {line["trial"]: line for line in lines(journal_of(cluster.shared)) if "host" in line}
    return {trial for trial, line in last.items() if line["host"] == name and line["kind"] != "final"}


def watch_recovery(cluster: Cluster, name: str, hit: set[str], struck: float) -> None:
    """Wait until the head counts the node out and each trial that it ran reports from another one."""
    seen = cluster.marked
    dead = patient(
        lambda: [at for at in seen(name, "DEAD") if at > struck], NOTICED, lambda: f"{name} is not missed"
    )
    say(f"{name} counts as dead after {dead[0] - struck:.1f} s")

    def time_of(trial: str, kinds: tuple[str, ...]) -> float:
        def fits(line: Line) -> bool:
            known = line.get("trial") == trial and line["kind"] in kinds
            return known and line["time"] > struck and line.get("host") != name

        return float(wait_for(cluster, fits, f"recovery of {trial}")["time"]) - struck

    for trial in sorted(hit):
        again, report = time_of(trial, ("trial",)), time_of(trial, ("epoch", "final"))
        say(f"{trial} started again after {again:.1f} s and had its next report after {report:.1f} s")


def tell_what_was_redone(cluster: Cluster) -> None:
    """Say how many epochs were journaled twice; they were equal, where `numbers_of` did not fail."""
    epochs = kinds_of(cluster.shared, "epoch")
    times = Counter((line["trial"], line["phase"], line["epoch"]) for line in epochs)
    twice = [f"{trial} {phase} {epoch}" for (trial, phase, epoch), count in times.items() if count > 1]
    say(f"{len(times)} epochs, of which journaled twice: {', '.join(twice) or 'none'}")
