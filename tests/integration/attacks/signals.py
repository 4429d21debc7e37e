"""Attacks on a driver: each way to end it, and a stop while a trial waits."""

import os
import signal
import time
from collections.abc import Callable

import psutil

from tests.integration.attacks.attack import Ground, attack, gone
from tests.integration.cluster import start, wait_for
from tests.integration.sweeps import home_with, journal_of, kinds_of
from vae_sweep.store.lease import Watch

BOUND = 60.0


def struck(ground: Ground, strike: Callable[[int], None]) -> None:
    """Strike a driver in mid-epoch; it must end in words and leave nothing, and its sweep must complete."""
    home, process = ground.drive()
    below = psutil.Process(process.pid).children(recursive=True)
    began = time.monotonic()
    strike(process.pid)
    code = process.wait(BOUND)
    ground.see(f"exit code {code} after {time.monotonic() - began:.0f} s", code == 1)
    ground.see("no process left", gone(below))
    ends = kinds_of(home, "end")
    ground.see("its end is journaled", [line["outcome"] for line in ends] == ["stopped"])
    ground.see("no traceback", "Traceback" not in (home / "err.txt").read_text())
    ground.ends(home, "resume", 0)
    ground.same_numbers(home)


STRUCK = "exit code 1, an end in the journal, no process left; resume gives the same numbers"


@attack("SIGTERM to the driver", STRUCK)
def to_the_driver(ground: Ground) -> None:
    struck(ground, lambda pid: os.kill(pid, signal.SIGTERM))


@attack("SIGTERM to its group (timeout)", STRUCK)
def to_the_group(ground: Ground) -> None:
    struck(ground, lambda pid: os.killpg(pid, signal.SIGTERM))


@attack("SIGTERM to every process (systemd, scancel)", STRUCK)
def to_every_process(ground: Ground) -> None:
    def strike(pid: int) -> None:
        for each in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            each.terminate()

    struck(ground, strike)


@attack("Ctrl-C twice", STRUCK)
def ctrl_c_twice(ground: Ground) -> None:
    def strike(pid: int) -> None:
        os.killpg(pid, signal.SIGINT)
        time.sleep(0.3)
        os.killpg(pid, signal.SIGINT)

    struck(ground, strike)


@attack("SIGKILL to the driver", "Ray and its workers end with it; resume gives the same numbers")
def killed(ground: Ground) -> None:
    home, process = ground.drive()
    below = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    ground.see("no process left", gone(below, 90))
    ground.ends(home, "status", 0, says="interrupted")
    ground.ends(home, "resume", 0)
    ground.same_numbers(home)


@attack("stop while a trial waits", "the stop comes back, though another sweep holds the pretraining")
def waiting(ground: Ground) -> None:
    home = home_with(ground.place / "home")
    stored = (ground.undisturbed / "sweeps" / "pretrained").iterdir()
    [name] = [path.name for path in stored if path.is_dir()]
    held = Watch(home / "sweeps" / "pretrained" / f"{name}.lease").take("other/0000-ours-s0")
    if held is None:
        raise RuntimeError("the lease is taken")
    with held:
        process = start(home, "launch", "tiny.yaml")
        ground.started.append(process)
        wait_for(process, journal_of(home), lambda line: line["kind"] == "store" and line["event"] == "waiting")
        began = time.monotonic()
        ground.ends(home, "stop", 0, says="the sweep has ended: stopped")
        ground.see(f"stopped after {time.monotonic() - began:.0f} s", process.wait(BOUND) == 1)
