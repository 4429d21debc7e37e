"""Ways to end a launch from outside: its end is journaled, it exits soon, no process stays, nothing is lost."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.integration.cluster import lines, run, start, wait_for
from tests.integration.sweeps import home_with, journal_of, numbers_of

pytestmark = pytest.mark.slow

BOUND = 60
"""Seconds for a driver to end on a machine that is busy with other tests; Ray alone would wait for longer."""


def the_driver(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


def its_group(pid: int) -> None:
    """What `timeout` does."""
    os.killpg(pid, signal.SIGTERM)


def every_process(pid: int) -> None:
    """What systemd and Slurm do."""
    for each in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        each.terminate()


def ctrl_c_twice(pid: int) -> None:
    for _ in range(2):
        os.killpg(pid, signal.SIGINT)
        time.sleep(0.3)


@pytest.mark.parametrize(
    "way",
    [
        its_group,
        *(pytest.param(way, marks=pytest.mark.exhaustive) for way in (the_driver, every_process, ctrl_c_twice)),
    ],
)
def test_a_driver_that_is_interrupted_ends_in_words_and_leaves_nothing_behind(
    tmp_path: Path, undisturbed: Path, way: Callable[[int], None]
) -> None:
    home = home_with(tmp_path)
    process = start(home, "launch", "tiny.yaml")
    wait_for(process, journal_of(home), lambda line: line["kind"] == "epoch")
    below = psutil.Process(process.pid).children(recursive=True)
    assert process.pid not in {os.getpgid(child.pid) for child in below}
    way(process.pid)
    assert process.wait(BOUND) == 1
    _, alive = psutil.wait_procs(below, timeout=30)
    assert not alive
    assert "vae-sweep resume" in (home / "out.txt").read_text()
    assert "Traceback" not in (home / "err.txt").read_text()
    last = lines(journal_of(home))[-1]
    assert (last["kind"], last["outcome"]) == ("end", "stopped")
    if way is its_group:
        assert run(home, "resume", "sweeps/tiny").returncode == 0
        assert numbers_of(home) == numbers_of(undisturbed)
