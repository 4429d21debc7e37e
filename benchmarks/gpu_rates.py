"""Training steps a second on one device by several processes at once, at the paper's sizes."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Generator

from benchmarks.work import RATE, SIZES, batches_of, ours
from trainables.objective.bound import Elbo
from trainables.objective.kl import FreeBits
from trainables.text.batches import Batch
from trainables.training.phase import use_sparse_embedding_gradients
from trainables.training.training_spec import TrainingSpec
from trainables.training.updates import Joint, StepContext, UpdatesState


def rates(device: str, sizes: Sequence[str], processes: Sequence[int], seconds: float) -> Iterator[dict[str, Any]]:
    """Yield for each size and number of processes their steps a second together, and the memory of one, MB.

    All train through the same seconds: each waits, warm, for a line on its standard input. Raises
    CalledProcessError where one fails.
    """
    for size in sizes:
        for count in processes:
            found = side_by_side(device, size, count, seconds)
            yield {
                "size": size,
                "processes": count,
                "steps_per_second": sum(one["steps_per_second"] for one in found),
                "memory_mb": max(one["memory_mb"] for one in found),
            }


def side_by_side(device: str, size: str, count: int, seconds: float) -> list[dict[str, float]]:
    """Run so many processes, begin them together when all are warm, and return what each measured."""
    command = [sys.executable, "-m", "benchmarks.gpu_rates", size, "--device", device, "--seconds", str(seconds)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ends = [process.communicate()[0] for process in running]
    for process in running:
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
    return [json.loads(text) for text in ends]


def measure(size: str, device: str, seconds: float) -> dict[str, float]:
    """Train `ours` on random words; return steps a second and peak memory on the device."""
    model = ours(SIZES[size]).to(device)
    training, noise = TrainingSpec(), Generator(device).manual_seed(1)
    use_sparse_embedding_gradients(model, training.optimizer)
    optimizer = training.build(model.parameters())
    batches = [Batch(tokens.to(device), torch.arange(len(tokens))) for tokens in batches_of(SIZES[size])]
    order = Generator().manual_seed(2)
    objective = Elbo(kl=FreeBits(target_rate=RATE))
    stepper = StepContext(model, objective, optimizer, training.clip, batches, noise, order)

    def epoch() -> None:
        for batch in batches:
            Joint().step(stepper, batch, 1.0, UpdatesState())
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    epoch()
    print("warm", flush=True)
    sys.stdin.readline()
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        epoch()
        steps += len(batches)
    peak = torch.cuda.max_memory_allocated() / 2**20 if device.startswith("cuda") else 0.0
    return {"steps_per_second": steps / (time.perf_counter() - began), "memory_mb": peak}


def main() -> None:
    """Measure one process; print its numbers as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(json.dumps(measure(options.size, options.device, options.seconds)))


if __name__ == "__main__":
    main()
