"""What a sweep by hand loses, and `vae-sweep` beside it: a driver killed, MLflow away, damaged checkpoints.

    python -m benchmarks.by_hand FOLDER [WORD...]

Both search the same four methods and λ on 400 sentences of the embedded corpus, with the same science, in 8
trials, two at once. Each line of the table is one run of each. Words choose lines by
their names; all take about twenty minutes on two cores.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("sweep.py")
SPACE = """
name: same
corpus: {name: captions, limit: {train: 400, validation: 40, test: 40}}
model: {embedding_size: 48, encoder_size: 64, decoder_size: 64, latent_size: 16, initialisation: torch}
training: {optimizer: adam, learning_rate: 0.005, batch_size: 8, epochs: 6, schedule: {kind: linear_decay}}
pretraining: {epochs: 10, learning_rate: 0.003}
methods:
  vae:
  vae_anneal:
  vae_fbp: {target_rate: {float: [2, 8]}}
  ours: {target_rate: {float: [2, 8]}}
search: {kind: tpe, trials: 8, objectives: [perplexity]}
"""
NOWHERE = "http://127.0.0.1:9"
BOUND = 1200.0
STRUCK_AFTER = 30
"""Epochs, of about 75."""


@dataclass(frozen=True)
class Side:
    """One of the two: how it is started with a tracking server, and where what it did is seen.

    `epochs` are those that were reported, `begun` how many there are by the checkpoints so far, `cells` how many
    distinct cells its trials are and how many pretrainings were trained.
    """

    name: str
    command: Callable[[Path, str], list[str]]
    epochs: Callable[[Path], list[tuple[str, int]]]
    begun: Callable[[Path], int]
    cells: Callable[[Path], str]
    newest: Callable[[Path], list[Path]]


def hand_epochs(home: Path) -> list[tuple[str, int]]:
    """Return the epochs that trials reported, those that were trained twice twice."""
    lines = ((path, json.loads(line)) for path in home.glob("out/sweep/*/result.json") for line in path.open())
    return [(path.parent.name, line["training_iteration"]) for path, line in lines]


def sweep_epochs(home: Path) -> list[tuple[str, int]]:
    """Return the epochs that the journal has, those that were trained twice twice."""
    journal = home / "sweeps" / "same" / "journal.jsonl"
    lines = [json.loads(line) for line in journal.open()] if journal.exists() else []
    return [(f"{line['trial']} {line['phase']}", line["epoch"]) for line in lines if line["kind"] == "epoch"]


def hand_begun(home: Path) -> int:
    """Return how many checkpoints were written, by the numbers of the last ones."""
    last: dict[Path, int] = {}
    for path in home.glob("out/sweep/*/checkpoint_*"):
        last[path.parent] = max(last.get(path.parent, 0), int(path.name.rpartition("_")[2]) + 1)
    return sum(last.values())


def hand_cells(home: Path) -> str:
    """Return how many distinct cells the trials are, and how many of these pretrained."""
    found = [json.loads(path.read_text()) for path in home.glob("out/sweep/*/params.json")]
    pretrained = sum(values["method"] == "ours" for values in found)
    distinct = {json.dumps(values, sort_keys=True) for values in found}
    return f"{len(distinct)} distinct of {len(found)} trials, {pretrained} pretrainings"


def sweep_cells(home: Path) -> str:
    """Return how many distinct cells the journal has, and how many pretrainings were trained."""
    lines = [json.loads(line) for line in (home / "sweeps" / "same" / "journal.jsonl").open()]
    cells = {json.dumps([line["method"], line["values"]]) for line in lines if line["kind"] == "cell"}
    trials = {line["trial"] for line in lines if line["kind"] == "final"}
    missed = sum(line["kind"] == "store" and line["event"] == "miss" for line in lines)
    return f"{len(cells)} distinct of {len(trials)} trials, {missed} pretraining{'s' * (missed != 1)}"


def written(home: Path) -> str:
    """Return the path of the sweep file, written anew."""
    (home / "same.yaml").write_text(SPACE, encoding="utf-8")
    return "same.yaml"


SIDES = (
    Side(
        "by hand",
        lambda home, uri: [sys.executable, str(SCRIPT), "out", uri],
        hand_epochs,
        hand_begun,
        hand_cells,
        lambda home: sorted(home.glob("out/sweep/*/checkpoint_*/tensors.safetensors")),
    ),
    Side(
        "vae-sweep",
        lambda home, uri: [
            *(sys.executable, "-m", "vae_sweep.cli.main", "launch", written(home), "--set", f"tracking.uri={uri}")
        ],
        sweep_epochs,
        lambda home: len(sweep_epochs(home)),
        sweep_cells,
        lambda home: sorted(home.glob("sweeps/same/ray/*/*/checkpoint_*/tensors.safetensors")),
    ),
)


def start(side: Side, home: Path, uri: str) -> "subprocess.Popen[bytes]":
    """Start a sweep in a home of its own; what it says goes to a file there."""
    home.mkdir(parents=True, exist_ok=True)
    env = os.environ | {"HOME": str(home), "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    with (home / "said.txt").open("ab") as said:
        command = side.command(home, uri)
        return subprocess.Popen(command, cwd=home, env=env, stdout=said, stderr=said, start_new_session=True)


def finish(side: Side, home: Path, uri: str) -> int:
    """Run a sweep to its end; return its exit code."""
    return start(side, home, uri).wait(BOUND)


def database(home: Path) -> str:
    return f"sqlite:///{home}/runs.db"


def runs(home: Path) -> str:
    """Return how the trials' runs stand in MLflow."""
    query = "select status, count(*) from runs where name not like 'same%' group by status order by status"
    with sqlite3.connect(home / "runs.db") as found:
        return ", ".join(f"{count} {status}" for status, count in found.execute(query)) or "no run"


def twice(epochs: list[tuple[str, int]]) -> int:
    return len(epochs) - len(set(epochs))


def undisturbed(side: Side, home: Path) -> str:
    """Run to the end."""
    began = time.monotonic()
    code = finish(side, home, database(home))
    return f"exit {code}; {side.cells(home)}; {time.monotonic() - began:.0f} s"


def killed(side: Side, home: Path) -> str:
    """Kill the driver when a third of the epochs is there, run the same command again."""
    process = start(side, home, database(home))
    below = psutil.Process(process.pid)
    wait(lambda: side.begun(home) >= STRUCK_AFTER or process.poll() is not None)
    children = below.children(recursive=True)
    before = side.begun(home)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=60)
    for child in alive:
        child.kill()
    code = finish(side, home, database(home))
    epochs = side.epochs(home)
    again = f"{twice(epochs)} of {len(epochs)} trained twice"
    return f"exit {code}; killed after {before} epochs, {again}; MLflow: {runs(home)}"


def without_server(side: Side, home: Path) -> str:
    """Launch while the MLflow server does not answer."""
    code = finish(side, home, NOWHERE)
    return f"exit {code}; {len(side.epochs(home))} epochs trained"


def damaged(side: Side, home: Path) -> str:
    """Stop with Ctrl-C, cut the newest checkpoint of each trial in half, run the same command again."""
    process = start(side, home, database(home))
    wait(lambda: side.begun(home) >= STRUCK_AFTER or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    process.wait(BOUND)
    newest = {path.parents[1]: path for path in side.newest(home)}
    for path in newest.values():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    code = finish(side, home, database(home))
    return f"exit {code}; {len(newest)} files cut; {len(side.epochs(home))} epochs trained; MLflow: {runs(home)}"


def wait(met: Callable[[], bool]) -> None:
    end = time.monotonic() + BOUND
    while not met():
        if time.monotonic() > end:
            raise SystemExit("nothing happened for too long")
        time.sleep(0.2)


ATTACKS = {
    "nothing": undisturbed,
    "driver killed (SIGKILL), run again": killed,
    "MLflow server away": without_server,
    "checkpoints damaged, run again": damaged,
}


def main(folder: Path, names: list[str]) -> None:
    script = sum(1 for line in SCRIPT.open() if line.strip())
    print(f"| | by hand ({script} lines) | `vae-sweep` ({len(SPACE.strip().splitlines())} lines of YAML) |")
    print("|---|---|---|")
    for number, (name, attack) in enumerate(ATTACKS.items()):
        if not names or any(word in name for word in names):
            seen = [attack(side, folder.resolve() / f"{number}-{side.name}") for side in SIDES]
            print(f"| {name} | {seen[0]} | {seen[1]} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
