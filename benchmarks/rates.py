"""Training in processes of their own: words a second and peak memory of one, and of two at once.

`python -m benchmarks.rates ours --size ptb --threads 1 --seconds 5` prints them as JSON.
"""

import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from typing import Annotated, Any

import torch
import typer

from benchmarks.side_by_side import Row, row
from benchmarks.work import (
    BATCH,
    SIZES,
    VOCABULARY,
    OurLoop,
    Size,
    TheirLoop,
    batches_of,
    held,
    metrics_of,
    ours,
    theirs,
)
from trainables.measure.importance import importance


def rate(
    who: str, size: Size, seconds: float, batch: int, vocabulary: int, samples: int | None
) -> dict[str, float]:
    """Train, after an epoch to warm up, or weigh; return words a second and the peak of the process, MB."""
    batches = batches_of(size, batch, vocabulary)
    model = ours(size, "float32" if who == "ours-float32" else "bfloat16", vocabulary)
    loop = TheirLoop(theirs(size, vocabulary), batches) if who == "theirs" else OurLoop(model, batches)
    if samples is None:
        loop.epoch()
    else:
        importance(model, held(batches[1:2]), samples, 0)
    began, epochs = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        loop.epoch()
        epochs += 1
    taken = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"words_per_second": epochs * metrics_of(batches) / taken, "peak_mb": peak}


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


GROWTH: dict[str, dict[str, int]] = {
    "": {},
    ", batch 64": {"batch": 64},
    ", twice the length": {"length": 2},
    ", 20,002 words": {"vocabulary": 20_002},
}


def memory(name: str) -> list[Row]:
    """Peak memory of a training process, MB, and how it grows; then that of weighing with 100 and 1000 samples."""
    found: list[Row] = []
    for case, options in GROWTH.items():
        peaks = [
            ended(start(who, size=name, seconds=0.1, **options))["peak_mb"]
            for who in ("theirs", "ours", "ours-float32")
        ]
        found.append(row(f"peak memory, {name}{case}", peaks[:1], peaks[1:2], "MB") | {"float32": peaks[2]})
    for samples in (100, 1000):
        peak = ended(start("ours", size=name, seconds=0, samples=samples))["peak_mb"]
        found.append({"name": f"peak memory, {name}, {samples} samples", "unit": "MB", "ours": peak})
    return found


def main(
    who: str,
    size: Annotated[str, typer.Option()] = "ptb",
    threads: Annotated[int, typer.Option(min=1)] = 1,
    seconds: float = 5.0,
    batch: int = BATCH,
    length: Annotated[int, typer.Option(min=1, help="times the usual")] = 1,
    vocabulary: int = VOCABULARY,
    samples: int | None = None,
) -> None:
    """Print the rate of `ours`, `ours-float32` or `theirs`; with samples the memory of weighing."""
    torch.set_num_threads(threads)
    longer = replace(SIZES[size], words=length * SIZES[size].words)
    print(json.dumps(rate(who, longer, seconds, batch, vocabulary, samples)))


if __name__ == "__main__":
    typer.run(main)
