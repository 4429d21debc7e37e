"""The machine's matrix products at the shapes of a training step, and what part of them a step reaches."""

import time
from collections.abc import Iterator

import torch

from benchmarks.side_by_side import Row, row
from benchmarks.work import BATCH, SIZES, VOCABULARY, OurLoop, batches_of, metrics_of, ours
from trainables.model.spec import Precision

PADDED = VOCABULARY + -VOCABULARY % 64
SECONDS = 0.3
DTYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def products(dtype: torch.dtype, rows: int, hidden: int) -> float:
    """Return GFLOP/s of the three products of the output projection, together."""
    states, weight = torch.randn(rows, hidden).to(dtype), torch.randn(PADDED, hidden).to(dtype)
    factor = torch.randn(rows, PADDED).to(dtype)
    began, turns = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        states @ weight.T
        factor @ weight
        factor.T @ states
        turns += 1
    return turns * 6 * rows * hidden * PADDED / (time.perf_counter() - began) / 1e9


def step_flops(name: str) -> float:
    """Return the floating point operations of a scored word, forward and backward: projection and both LSTMs."""
    size = SIZES[name]
    gates = 4 * size.hidden
    encoder = gates * (size.embedding + size.hidden)
    decoder = gates * (size.embedding + size.units + size.hidden)
    return 6.0 * (size.hidden * VOCABULARY + encoder + decoder)


def rows(repeats: int) -> Iterator[Row]:
    """Yield the peak in both precisions, and the part of it that our step reaches, by turns."""
    for name, size in SIZES.items():
        batches = batches_of(size)
        for precision, dtype in DTYPES.items():
            loop = OurLoop(ours(size, precision), batches)
            loop.epoch()
            peaks, reached = [], []
            for _ in range(repeats):
                peaks.append(products(dtype, BATCH * size.words, size.hidden))
                began = time.perf_counter()
                loop.epoch()
                reached.append(metrics_of(batches) * step_flops(name) / (time.perf_counter() - began) / 1e9)
            yield row(f"products, {name}, {precision}", peaks, reached, "GFLOP/s")
