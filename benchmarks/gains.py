"""What each change to the training step gains: from the plain ways to the default, one put in after the other.

`python -m benchmarks.gains [--repeats 5] [--size ptb]` prints words a second, and the gain over the line before.
"""

import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor, nn
from torch.nn import functional

from benchmarks.work import SIZES, OurLoop, batches_of, metrics_of, ours
from trainables.model import decoder, encoder
from trainables.model.spec import Precision

Patch = tuple[Any, str, Any]


def plain_losses(hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype | None) -> Tensor:
    """Return the losses from whole logits of the vocabulary as it is."""
    return functional.cross_entropy(hidden @ weight.T, targets, reduction="none")


def bernoulli(x: Tensor, probability: float, generator: Generator | None) -> Tensor:
    """Drop entries by Bernoulli draws."""
    kept = torch.empty_like(x).bernoulli_(1 - probability, generator=generator)
    return x * kept.div_(1 - probability)


def whole(precision: Precision, device: torch.device) -> torch.autocast:
    """Return a context that lowers nothing."""
    return torch.autocast(device.type, torch.bfloat16, enabled=False)


LOSSES, DROPOUT = (decoder, "word_losses", plain_losses), (decoder, "dropout", bernoulli)
LSTMS = [(module, "lowered", whole) for module in (decoder, encoder)]
DENSE = [(nn.Embedding, "sparse", property(lambda _: False, lambda *_: None))]
STEPS: list[tuple[str, Precision, list[Patch]]] = [
    ("plain", "float32", [LOSSES, DROPOUT, *DENSE]),
    ("fused projection, padded vocabulary", "float32", [DROPOUT, *DENSE]),
    ("dropout by uniform draws", "float32", DENSE),
    ("sparse gradients of embeddings", "float32", []),
    ("bfloat16 projection", "bfloat16", LSTMS),
    ("bfloat16 LSTMs", "bfloat16", []),
]


def patched(patches: list[Patch], act: Callable[[], Any]) -> Any:
    """Act with attributes replaced, and put them back."""
    before = [(place, name, place.__dict__.get(name)) for place, name, _ in patches]
    for place, name, value in patches:
        setattr(place, name, value)
    try:
        return act()
    finally:
        for place, name, value in before:
            if value is None:
                delattr(place, name)
            else:
                setattr(place, name, value)


def main(repeats: Annotated[int, typer.Option(min=1)] = 5, size: Annotated[str, typer.Option()] = "ptb") -> None:
    """Print the gains, all steps by turns in one run, one thread."""
    torch.set_num_threads(1)
    batches = batches_of(SIZES[size])
    loops = [patched(patches, lambda: OurLoop(ours(SIZES[size], kind), batches)) for _, kind, patches in STEPS]  # noqa: B023
    rates: list[list[float]] = [[] for _ in STEPS]
    for turn in range(repeats + 1):
        for loop, (_, _, patches), found in zip(loops, STEPS, rates, strict=True):
            began = time.perf_counter()
            patched(patches, loop.epoch)
            if turn:
                found.append(metrics_of(batches) / (time.perf_counter() - began))
    before = statistics.median(rates[0])
    for (name, _, _), found in zip(STEPS, rates, strict=True):
        rate = statistics.median(found)
        print(f"{name:<40} {rate:8.0f} words/s   x{rate / before:.2f}", flush=True)
        before = rate


if __name__ == "__main__":
    typer.run(main)
