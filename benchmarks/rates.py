"""Training in processes of their own: words a second and peak memory of one, and of two at once.

`python -m benchmarks.rates ours --size ptb --threads 1 --seconds 5` prints them as JSON.
"""

import json
import resource
import subprocess
import sys
import time
from typing import Annotated, Any

import torch
import typer

from benchmarks.side_by_side import Row, row
from benchmarks.work import BATCH, SIZES, VOCABULARY, OurLoop, Size, TheirLoop, batches_of, ours, theirs, words_of


def rate(
    who: str, size: Size, seconds: float, batch: int = BATCH, vocabulary: int = VOCABULARY
) -> dict[str, float]:
    """Train for so many seconds after an epoch to warm up; return words a second and the process's peak, MB."""
    batches = batches_of(size, batch, vocabulary)
    model = ours(size, "float32" if who == "ours-float32" else "bfloat16", vocabulary)
    loop = TheirLoop(theirs(size, vocabulary), batches) if who == "theirs" else OurLoop(model, batches)
    loop.epoch()
    began, epochs = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        loop.epoch()
        epochs += 1
    taken = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"words_per_second": epochs * words_of(batches) / taken, "peak_mb": peak}


def start(who: str, **options: Any) -> "subprocess.Popen[str]":
    """Start a process that prints its rate."""
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "benchmarks.rates", who, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]") -> dict[str, float]:
    """Wait for such a process; return what it printed. Raises RuntimeError where it failed."""
    said, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"benchmarks.rates ended with {process.returncode}")
    found: dict[str, float] = json.loads(said)
    return found


def two_trials(name: str, seconds: float, repeats: int) -> Row:
    """Two trials of one thread each at once beside one of the yardstick's with two threads, words a second."""
    rates: dict[str, list[float]] = {"theirs": [], "ours": []}
    for _ in range(repeats):
        rates["theirs"].append(ended(start("theirs", size=name, threads=2, seconds=seconds))["words_per_second"])
        both = [start("ours", size=name, threads=1, seconds=seconds) for _ in range(2)]
        rates["ours"].append(sum(ended(process)["words_per_second"] for process in both))
    return row(f"two trials of one thread, {name}", rates["theirs"], rates["ours"], "words/s")


def memory(name: str) -> list[Row]:
    """Peak memory of a training process, MB, and how it grows with batch and vocabulary."""
    cases: dict[str, dict[str, int]] = {
        "": {},
        ", batch 64": {"batch": 64},
        ", 20,002 words": {"vocabulary": 20_002},
    }
    found = []
    for case, options in cases.items():
        peaks = [
            ended(start(who, size=name, seconds=0.1, **options))["peak_mb"]
            for who in ("theirs", "ours", "ours-float32")
        ]
        found.append(row(f"peak memory, {name}{case}", peaks[:1], peaks[1:2], "MB") | {"float32": peaks[2]})
    return found


def main(
    who: str,
    size: Annotated[str, typer.Option()] = "ptb",
    threads: Annotated[int, typer.Option(min=1)] = 1,
    seconds: float = 5.0,
    batch: int = BATCH,
    vocabulary: int = VOCABULARY,
) -> None:
    """Print the rate of `ours`, `ours-float32` or `theirs`."""
    torch.set_num_threads(threads)
    print(json.dumps(rate(who, SIZES[size], seconds, batch, vocabulary)))


if __name__ == "__main__":
    typer.run(main)
