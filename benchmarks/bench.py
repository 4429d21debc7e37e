"""Ours beside the yardstick: training steps and importance-weighted evaluation, alternating, as ratios of medians.

`python -m benchmarks.bench [--repeats 5] [--threads 1] [--size ptb]` prints a table and a line of JSON.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
import typer
from torch import Generator, Tensor

from benchmarks.reference import ReferenceLoop, ReferenceVae, reference_iw_nll
from trainables.measure.importance import importance
from trainables.model.spec import ModelSpec
from trainables.model.vae import Vae
from trainables.objective.bound import Elbo
from trainables.objective.kl import FreeBits
from trainables.text.batches import Batch
from trainables.training.descent import DescentSpec
from trainables.training.phase import thin_embeddings
from trainables.training.updates import Joint, Stepper, UpdatesState

VOCABULARY = 10_002
SIZES = {"ptb": (256, 256, 32, 22), "snli": (256, 256, 32, 10), "yahoo": (512, 1024, 32, 79)}
"""Name -> embedding and hidden size (Table 9), n_z, mean words of a sentence."""

SAMPLES, SENTENCES = 1000, 2


@dataclass(frozen=True)
class Pair:
    """One thing done twice: by the yardstick and by us."""

    name: str
    theirs: Callable[[], object]
    ours: Callable[[], object]


def training(size: str, batches: list[Tensor]) -> Pair:
    """Steps over the same batches."""
    embedding, hidden, units, _ = SIZES[size]
    loop = ReferenceLoop(ReferenceVae(VOCABULARY, embedding, hidden, units, 0.5))
    model = ours(size)
    objective = Elbo(kl=FreeBits(target_rate=8.0))
    held = [Batch(tokens, torch.arange(len(tokens))) for tokens in batches]
    descent = DescentSpec()
    noise = Generator().manual_seed(1)
    thin_embeddings(model, descent.optimizer)
    stepper = Stepper(model, objective, descent.build(model.parameters()), descent.clip, held, noise, noise)

    def step() -> None:
        for batch in held:
            Joint().step(stepper, batch, 1.0, UpdatesState())

    return Pair(
        f"training step, {size}", lambda: [loop.step(tokens, 1.0, 8.0 / units) for tokens in batches], step
    )


def likelihood(size: str, batch: Tensor) -> Pair:
    """The importance-weighted NLL of some sentences with 1000 samples."""
    embedding, hidden, units, _ = SIZES[size]
    reference, model = ReferenceVae(VOCABULARY, embedding, hidden, units, 0.5), ours(size)
    chosen = batch[:SENTENCES]
    held = [Batch(chosen, torch.arange(len(chosen)))]
    return Pair(
        f"IW-NLL, {size}",
        lambda: [reference_iw_nll(reference, sentence.unsqueeze(0), SAMPLES) for sentence in chosen],
        lambda: importance(model, held, SAMPLES, 0),
    )


def ours(size: str) -> Vae:
    embedding, hidden, units, _ = SIZES[size]
    spec = ModelSpec(
        embedding_size=embedding, encoder_size=hidden, decoder_size=hidden, latent_size=units, precision="bfloat16"
    )
    model = Vae(VOCABULARY, spec)
    model.initialise(Generator().manual_seed(0))
    return model


def measured(pair: Pair, repeats: int) -> dict[str, float | str]:
    """Run both by turns, once to warm up and then so many times; return medians and their ratio."""
    times: dict[str, list[float]] = {"theirs": [], "ours": []}
    for turn in range(repeats + 1):
        for name, run in (("theirs", pair.theirs), ("ours", pair.ours)):
            began = time.perf_counter()
            run()
            if turn:
                times[name].append(time.perf_counter() - began)
    theirs, mine = (statistics.median(times[name]) for name in ("theirs", "ours"))
    return {"name": pair.name, "reference": theirs, "ours": mine, "ratio": theirs / mine}


def main(
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    size: Annotated[list[str] | None, typer.Option()] = None,
) -> None:
    """Print the ratios; more than 1 is faster than the yardstick."""
    torch.set_num_threads(threads)
    found = []
    for name in size or ["ptb", "snli"]:
        words = SIZES[name][3]
        generator = torch.Generator().manual_seed(0)
        batches = [
            torch.randint(4, VOCABULARY, (32, length + 2), generator=generator)
            for length in (words // 2, words, 2 * words)
        ]
        for pair in (training(name, batches), likelihood(name, batches[1])):
            found.append(measured(pair, repeats))
            row = found[-1]
            print(
                f"{row['name']:<24} {row['reference']:8.3f} s {row['ours']:8.3f} s   x{row['ratio']:.2f}",
                flush=True,
            )
    print(json.dumps({"threads": threads, "repeats": repeats, "rows": found}))


if __name__ == "__main__":
    typer.run(main)
