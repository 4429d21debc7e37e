"""Attacks on a driver: each way to end it, and a stop while a trial waits."""

import os
import signal
import time
from collections.abc import Callable

import psutil

from tests.integration.attacks.attack import Target, attack, gone
from tests.integration.cluster import start, wait_for
from tests.integration.sweeps import home_with, journal_of, kinds_of
from vae_sweep.storage.lease import Watch

BOUND = 60.0


def struck(target: Target, strike: Callable[[int], None]) -> None:
    """Strike a driver in mid-epoch; it must end in words and leave nothing, and its sweep must complete."""
    home, process = target.drive()
    below = psutil.Process(process.pid).children(recursive=True)
    began = time.monotonic()
    strike(process.pid)
    code = process.wait(BOUND)
    target.see(f"exit code {code} after {time.monotonic() - began:.0f} s", code == 1)
    target.see("no process left", gone(below))
    ends = kinds_of(home, "end")
    target.see("its end is journaled", [line["outcome"] for line in ends] == ["stopped"])
    target.see("no traceback", "Traceback" not in (home / "err.txt").read_text())
    target.ends(home, "resume", 0)
    target.same_numbers(home)


STRUCK = "exit code 1, an end in the journal, no process left; resume gives the same numbers"


@attack("SIGTERM to the driver", STRUCK)
def to_the_driver(target: Target) -> None:
    struck(target, lambda pid: os.kill(pid, signal.SIGTERM))


@attack("SIGTERM to its group (timeout)", STRUCK)
def to_the_group(target: Target) -> None:
    struck(target, lambda pid: os.killpg(pid, signal.SIGTERM))


@attack("SIGTERM to every process (systemd, scancel)", STRUCK)
def to_every_process(target: Target) -> None:
    def strike(pid: int) -> None:
        for each in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            each.terminate()

    struck(target, strike)


@attack("Ctrl-C twice", STRUCK)
def ctrl_c_twice(target: Target) -> None:
    def strike(pid: int) -> None:
        os.killpg(pid, signal.SIGINT)
        time.sleep(0.3)
        os.killpg(pid, signal.SIGINT)

    struck(target, strike)


@attack("SIGKILL to the driver", "Ray and its workers end with it; resume gives the same numbers")
def killed(target: Target) -> None:
    home, process = target.drive()
    below = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    target.see("no process left", gone(below, 90))
    target.ends(home, "status", 0, says="interrupted")
    target.ends(home, "resume", 0)
    target.same_numbers(home)


@attack("stop while a trial waits", "the stop comes back, though another sweep holds the pretraining")
def waiting(target: Target) -> None:
    home = home_with(target.place / "home")
    stored = (target.undisturbed / "sweeps" / "pretrained").iterdir()
    [name] = [path.name for path in stored if path.is_dir()]
    held = Watch(home / "sweeps" / "pretrained" / f"{name}.lease").take("other/0000-ours-s0")
    if held is None:
        raise RuntimeError("the lease is taken")
    with held:
        process = start(home, "launch", "tiny.yaml")
        target.started.append(process)
        wait_for(process, journal_of(home), lambda line: line["kind"] == "store" and line["event"] == "waiting")
        began = time.monotonic()
        target.ends(home, "stop", 0, says="the sweep has ended: stopped")
        target.see(f"stopped after {time.monotonic() - began:.0f} s", process.wait(BOUND) == 1)
