"""Running the command line as a user would, with a home and a Ray of its own, and killing it by pid."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from tests import warm_cli
from tests.run import warm_address

SPACE = """
corpus: {name: captions, limit: {train: 400, validation: 40, test: 40}}
model: {embedding_size: 8, encoder_size: 12, decoder_size: 12, latent_size: 4, initialisation: torch}
training: {optimizer: adam, learning_rate: 0.005, batch_size: 16, epochs: 3, schedule: {kind: linear_decay}}
methods:
  vae:
  ours: {target_rate: {choice: [2, 4]}}
evaluation: {search_samples: 5, final_samples: 5}
"""


def environment(home: Path) -> dict[str, str]:
    """The environment of a user with an empty home and one thread."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    return kept | {"HOME": str(home), "RAY_AUTH_MODE": "token", "OMP_NUM_THREADS": "1"}


def start(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start `vae-sweep` in a process group of its own, in the directory `home`, output to files there."""
    command = [sys.executable, "-m", "vae_sweep.cli.main", *arguments]
    with (home / "out.txt").open("a") as out, (home / "err.txt").open("a") as err:
        return subprocess.Popen(
            command, cwd=home, env=environment(home), stdout=out, stderr=err, text=True, start_new_session=True
        )


def run(home: Path, *arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run `vae-sweep` to its end, forked from a process that has its imports."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, Path(os.devnull).open() as nothing:
        streams = [file.fileno() for file in (nothing, out, err)]
        code = warm_cli.request(warm_address(), arguments, home, env or environment(home), streams)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(["vae-sweep", *arguments], code, *said)


def lines(journal: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal that may be growing; empty where there is none yet."""
    if not journal.exists():
        return []
    return [json.loads(line) for line in journal.read_text().split("\n")[:-1]]


def wait_for(
    process: "subprocess.Popen[str]", journal: Path, seen: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Return the first journal line that satisfies `seen`; fails when the process ends before."""
    while True:
        ended = process.poll() is not None
        found = next((line for line in lines(journal) if seen(line)), None)
        if found is not None:
            return found
        assert not ended, (journal.parent.parent.parent / "err.txt").read_text()
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue


def workers(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The Ray processes below a driver that run a trial now."""
    below = psutil.Process(process.pid).children(recursive=True)
    return [child for child in below if any("ImplicitFunc" in part for part in child.cmdline())]


def kill_tree(process: "subprocess.Popen[str]") -> None:
    """SIGKILL a driver, then whatever it left behind, each by its pid."""
    below = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for child in below:
        if child.is_running():
            child.kill()
    psutil.wait_procs(below, timeout=30)
