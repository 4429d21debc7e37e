"""A storm: a sweep on two Ray nodes and an MLflow server, with faults drawn from a seed until it is complete."""

import json
import random
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.integration.cluster import environment, kill_tree, lines
from tests.integration.mlflow_seen import free_port, server
from tests.integration.sweeps import journal_of

SPACE = """
corpus: {name: captions, limit: {train: 600, validation: 40, test: 40}}
model: {embedding_size: 8, encoder_size: 12, decoder_size: 12, latent_size: 4, initialisation: torch}
training: {optimizer: adam, learning_rate: 0.005, batch_size: 8, epochs: 4, schedule: {kind: linear_decay}}
methods:
  vae:
  vae_anneal: {anneal_epochs: {choice: [2, 3]}}
  vae_fbp: {target_rate: {choice: [2, 4]}}
  ours: {target_rate: {choice: [2, 4, 6]}, anneal_epochs: 2}
evaluation: {search_samples: 5, final_samples: 5}
"""
"""Eight trials of four methods, three of which share a pretraining."""

ADAPTIVE = SPACE.replace("choice: [2, 4, 6]", "float: [2, 8]") + "search: {kind: tpe, trials: 8}\n"
MOST_STARTS = 60
STILL = 240
"""Seconds without a new line of the journal after which a driver counts as stuck."""


@dataclass
class Storm:
    """One sweep under faults; `struck` counts them by name."""

    home: Path
    seed: int
    budget: int
    disk: Path | None
    port: int
    nodes: "subprocess.Popen[str]"
    address: str
    tracker: ExitStack
    struck: Counter[str] = field(default_factory=Counter)
    strikes_done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def rage(self) -> None:
        """Start and strike drivers until one completes the sweep."""
        for _ in range(MOST_STARTS):
            driver = self.launch()
            if self.strike_until_it_ends(driver) == 0:
                return
        raise AssertionError(f"not complete after {MOST_STARTS} starts: {self.tail()}")

    def launch(self) -> "subprocess.Popen[str]":
        """Start a driver on the cluster, logging to the server."""
        command = [sys.executable, "-m", "vae_sweep.cli.main", "launch", "tiny.yaml"]
        command += [
            "--set",
            f"tracking.uri=http://127.0.0.1:{self.port}",
            "--set",
            "tracking.experiment=small sweeps",
        ]
        env = environment(self.home) | {"RAY_ADDRESS": self.address}
        with (self.home / "out.txt").open("a") as out, (self.home / "err.txt").open("a") as err:
            return subprocess.Popen(command, cwd=self.home, env=env, stdout=out, stderr=err, text=True)

    def strike_until_it_ends(self, driver: "subprocess.Popen[str]") -> int:
        """Wait for some lines, strike, and so on; return the driver's exit code."""
        while self.budget > 0 and self.scaled_resources(driver, self.draw.randint(1, 14)):
            name = self.draw.choice(list(FAULTS))
            if FAULTS[name](self, driver):
                self.struck[name] += 1
                self.strikes_done.append(f"{name} at {time.time():.2f}")
                self.budget -= 1
        while self.scaled_resources(driver, 1):
            pass
        return driver.wait()

    def scaled_resources(self, driver: "subprocess.Popen[str]", count: int) -> bool:
        """Wait until the journal has `count` more lines; False where the driver ended before."""
        wanted = len(lines(journal_of(self.home))) + count
        for _ in range(STILL * 20):
            if len(lines(journal_of(self.home))) >= wanted:
                return True
            try:
                driver.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            return False
        raise AssertionError(f"the driver stands still: {self.tail()}")

    def tell_nodes(self, word: str) -> None:
        """Have the second node killed or added."""
        assert self.nodes.stdin is not None
        assert self.nodes.stdout is not None
        self.nodes.stdin.write(f"{word}\n")
        self.nodes.stdin.flush()
        assert word in self.nodes.stdout.readline()

    def restart_tracker(self) -> None:
        """Kill the MLflow server with all its workers, and start it again on the same database."""
        self.tracker.close()
        self.tracker.enter_context(server(self.home / "mlflow", self.port))

    def tail(self) -> str:
        """The end of what the drivers said."""
        return (self.home / "err.txt").read_text()[-3000:] + (self.home / "out.txt").read_text()[-2000:]


def kill_worker(storm: Storm, driver: "subprocess.Popen[str]") -> bool:
    below = psutil.Process(storm.nodes.pid).children(recursive=True)
    trials = [child for child in below if _runs_a_trial(child)]
    if trials:
        storm.draw.choice(trials).kill()
    return bool(trials)


def kill_node(storm: Storm, driver: "subprocess.Popen[str]") -> bool:
    storm.tell_nodes("kill")
    storm.tell_nodes("add")
    return True


def kill_driver(storm: Storm, driver: "subprocess.Popen[str]") -> bool:
    kill_tree(driver)
    return True


def stop_driver(storm: Storm, driver: "subprocess.Popen[str]") -> bool:
    driver.terminate()
    return True


def tear_journal(storm: Storm, driver: "subprocess.Popen[str]") -> bool:
    kill_tree(driver)
    last = json.dumps(lines(journal_of(storm.home))[-1])
    with journal_of(storm.home).open("a") as journal:
        journal.write(last[: storm.draw.randint(1, len(last) - 1)])
    return True


def damage_checkpoint(storm: Storm, driver: "subprocess.Popen[str]") -> bool:
    """Damage a file of a checkpoint, of a running or an ended trial or of the store; then have it looked at."""
    sweeps = storm.home / "sweeps"
    found = [path for part in ("tiny/ray", "pretrained") for path in sweeps.joinpath(part).rglob("*.safetensors")]
    if not found:
        return False
    path = storm.draw.choice(sorted(found))
    try:
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(storm.draw.randrange(size))
            file.write(b"\xff\x00damaged")
    except FileNotFoundError:
        return False
    (kill_driver if storm.draw.random() < 0.5 else kill_worker)(storm, driver)
    return True


def restart_server(storm: Storm, driver: "subprocess.Popen[str]") -> bool:
    storm.restart_tracker()
    return True


def fill_disk(storm: Storm, driver: "subprocess.Popen[str]") -> bool:
    """Fill the sweep's disk until the driver has ended, then make space again."""
    if storm.disk is None:
        return False
    filler = storm.disk / "filler"
    try:
        with filler.open("wb") as file:
            while True:
                file.write(bytes(2**16))
                file.flush()
    except OSError:
        pass
    while storm.scaled_resources(driver, 1):
        pass
    filler.unlink()
    return True


FAULTS: dict[str, Callable[[Storm, "subprocess.Popen[str]"], bool]] = {
    "worker": kill_worker,
    "node": kill_node,
    "driver": kill_driver,
    "sigterm": stop_driver,
    "journal": tear_journal,
    "checkpoint": damage_checkpoint,
    "server": restart_server,
    "disk": fill_disk,
}


def _runs_a_trial(process: psutil.Process) -> bool:
    try:
        return any("ImplicitFunc" in part for part in process.cmdline())
    except psutil.Error:
        return False


@contextmanager
def storm_over(home: Path, space: str, seed: int, budget: int, size: str = "200m") -> Iterator[Storm]:
    """A sweep file, a small disk where one may be mounted, two nodes and a server; all of it ended at the end."""
    home.mkdir(exist_ok=True)
    (home / "tiny.yaml").write_text(space)
    (home / "sweeps").mkdir()
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").write_text(secrets.token_hex(32))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(home / "sweeps")]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    command = [sys.executable, "-m", "tests.integration.nodes"]
    repository = Path(__file__).parents[2]
    env = environment(home) | {"PYTHONPATH": str(repository)}
    port = free_port()
    with ExitStack() as held, (home / "nodes.txt").open("a") as err:
        if mounted:
            held.callback(subprocess.run, ["umount", "--lazy", str(home / "sweeps")], check=True)
        tracker = held.enter_context(ExitStack())
        tracker.enter_context(server(home / "mlflow", port))
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": err, "text": True}
        nodes = subprocess.Popen(command, cwd=repository, env=env, start_new_session=True, **pipes)
        held.callback(kill_tree, nodes)
        assert nodes.stdout is not None
        address = json.loads(nodes.stdout.readline())["address"]
        disk = home / "sweeps" if mounted else None
        yield Storm(home, seed, budget, disk, port, nodes, address, tracker)
