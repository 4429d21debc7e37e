"""The tests' own conftest: nothing outlives a run, and a run says what it left out."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.integration.mlflow_seen import wait_until
from tests.run import MARK
from tests.warm_cli import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

STARTS_A_SERVER = """
import subprocess, sys
from pathlib import Path
import pytest

def test_that_waits():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    Path({folder!r}, "{number}.new").write_text(str(process.pid))
    Path({folder!r}, "{number}.new").rename(Path({folder!r}, "{number}.pid"))
    {then}

@pytest.mark.exhaustive
def test_that_is_left_out():
    pass
"""


def start(folder: Path, then: str) -> "subprocess.Popen[str]":
    """Run two files, whose tests each start a process, at once in a folder of their own."""
    for number in range(2):
        text = STARTS_A_SERVER.format(folder=str(folder), number=number, then=then)
        (folder / f"test_{number}.py").write_text(text)
    settings = [
        "-c",
        str(REPOSITORY / "pyproject.toml"),
        "--rootdir",
        str(folder),
        "-p",
        "tests.conftest",
        "-n",
        "2",
    ]
    env = {name: value for name, value in os.environ.items() if name != MARK}
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *settings, str(folder)],
        env=env | {"PYTHONPATH": str(REPOSITORY)},
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )


def started(folder: Path) -> list[int]:
    """The processes that the tests started, so far."""
    return [int(path.read_text()) for path in folder.glob("*.pid")]


def test_ctrl_c_ends_the_run_and_every_process_that_it_started(tmp_path: Path) -> None:
    process = start(tmp_path, "process.wait()")
    wait_until(lambda: len(started(tmp_path)) == 2)
    below = psutil.Process(process.pid).children(recursive=True)
    assert len(below) >= 4
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, said
    psutil.wait_procs(below, timeout=10)
    assert not [child for child in below if child.is_running()]


def test_a_process_that_outlives_its_test_is_killed_and_fails_the_run(tmp_path: Path) -> None:
    process = start(tmp_path, "pass")
    said, _ = process.communicate()
    assert process.returncode == pytest.ExitCode.TESTS_FAILED, said
    assert "2 passed" in said
    for pid in started(tmp_path):
        assert f"a process outlived the tests and was killed: {pid} " in said
        assert not psutil.pid_exists(pid)
    assert "left out: 2 exhaustive tests (make test-all runs them)" in said
