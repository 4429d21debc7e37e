"""Ours beside the yardstick (`benchmarks/reference.py`), by turns in one run, as ratios of medians.

`python -m benchmarks.bench [--repeats 5] [--only training --only likelihood]` prints rows of JSON, then a table.
"""

import json
from collections.abc import Callable, Iterator
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Generator

from benchmarks import machine, rates, side_by_side
from benchmarks import scale as many_cells
from benchmarks.reference import (
    reference_active,
    reference_codes,
    reference_greedy,
    reference_information,
    reference_iw_nll,
    reference_validation,
)
from benchmarks.side_by_side import Pair, Row, measured
from benchmarks.sweep_overhead import against, nothing
from benchmarks.trained import as_theirs, spread_out, trained
from benchmarks.work import SIZES, OurLoop, TheirLoop, batches_of, held, ours, theirs
from trainables.measure.adapted import Effort
from trainables.measure.final import evaluation_batches
from trainables.measure.importance import importance
from trainables.measure.latent import active_units, mutual_information
from trainables.measure.likelihood import measure_bound, perplexity, token_count
from trainables.measure.spec import EvaluationSpec
from trainables.measure.tight import tight
from trainables.model.gaussian import Gaussian
from trainables.probes.codes import posteriors
from trainables.text.vocabulary import BOS, EOS

SAMPLES = 1000
PTB_TEST = 3761
"""Sentences in PTB's test split."""


def training(repeats: int) -> Iterator[Row]:
    """Training steps, one thread."""
    for name, size in SIZES.items():
        batches = batches_of(size)
        reference = TheirLoop(theirs(size), batches)
        for precision in ("bfloat16", "float32"):
            loop = OurLoop(ours(size, precision), batches)
            yield measured(Pair(f"training step, {name}, {precision}", reference.epoch, loop.epoch), repeats)


def likelihood(repeats: int) -> Iterator[Row]:
    """1000 importance samples a sentence, and the tight estimate, one thread."""
    for name, count in (("ptb", 8), ("snli", 8), ("yahoo", 1)):
        size = SIZES[name]
        tokens = batches_of(size)[1][:count]
        reference, model = theirs(size), ours(size)
        yield measured(
            Pair(
                f"IW-NLL, {name}",
                lambda: reference_iw_nll(reference, tokens[:1], SAMPLES),  # noqa: B023
                lambda: importance(model, held([tokens]), SAMPLES, 0),  # noqa: B023
                share=1 / count,
            ),
            repeats,
        )
    for name in ("ptb", "snli"):
        yield adaptive(name, repeats)


def adaptive(name: str, repeats: int) -> Row:
    """The tight estimate of a search, on a model that ignores its code, beside 1000 samples from q."""
    size, asked = SIZES[name], EvaluationSpec()
    effort = Effort(asked.search_samples, asked.search_error)
    model, batches = trained(size)
    chosen, reference = spread_out(batches, 32), as_theirs(model, size)
    pair = Pair(
        f"tight NLL, code unused, {name}",
        lambda: [reference_iw_nll(reference, batch.tokens, SAMPLES) for batch in chosen[::8]],
        lambda: tight(model, chosen, effort, 0),
        share=len(chosen[::8]) / len(chosen),
    )
    row, count = measured(pair, repeats), token_count(chosen)
    some, every = tight(model, chosen, effort, 0), importance(model, chosen, SAMPLES, 0)
    off = perplexity(some.nll, count) / perplexity(every.nll, count) - 1
    return row | {"samples": float(some.samples.mean()), "perplexity_off": off}


def measures(repeats: int) -> Iterator[Row]:
    """What follows an epoch, what probes start from, and decoding; one thread."""
    size = SIZES["ptb"]
    reference, model, batches = theirs(size), ours(size), batches_of(size)

    def validation() -> None:
        bound = measure_bound(model, numbered, 0)
        mutual_information(bound.posterior, noise)
        active_units(bound.posterior.mean)

    sentences = [row.numpy() for tokens in batches for row in tokens]
    numbered = evaluation_batches(sentences, "cpu")
    generator = Generator().manual_seed(0)
    noise = torch.randn(sum(map(len, batches)), size.units, generator=generator)
    yield measured(Pair("validation words", lambda: reference_validation(reference, batches), validation), repeats)
    mean, log_variance, noise_of_all = torch.randn(3, PTB_TEST, size.units, generator=generator).unbind()
    yield measured(
        Pair(
            f"mutual information, {PTB_TEST} sentences",
            lambda: reference_information(mean, log_variance),
            lambda: mutual_information(Gaussian(mean, log_variance), noise_of_all),
        ),
        repeats,
    )
    yield measured(
        Pair(
            f"active units, {sum(map(len, batches))} sentences",
            lambda: reference_active(reference, batches),
            lambda: active_units(posteriors(model, sentences).mean),
        ),
        repeats,
    )
    yield measured(
        Pair(
            f"codes for a probe, {len(sentences)} sentences",
            lambda: reference_codes(reference, batches),
            lambda: posteriors(model, sentences),
        ),
        repeats,
    )
    yield decoding(repeats)


def decoding(repeats: int) -> Row:
    """Greedy decoding of 16 codes, one thread."""
    size = SIZES["ptb"]
    reference, model = theirs(size), ours(size)
    codes = torch.randn(16, size.units, generator=Generator().manual_seed(0))
    return measured(
        Pair(
            "greedy decoding, 16 sentences",
            lambda: [reference_greedy(reference, z, BOS, EOS) for z in torch.split(codes, 1)],
            lambda: model.decoder.greedy(codes),
        ),
        repeats,
    )


def together(repeats: int) -> Iterator[Row]:
    """Two trials of one thread at once beside one of the yardstick's with two."""
    for name in ("ptb", "snli"):
        yield rates.two_trials(name, 5.0, repeats)


def memory(_: int) -> Iterator[Row]:
    """Peak memory of training."""
    for name in SIZES:
        yield from rates.memory(name)


def peak(repeats: int) -> Iterator[Row]:
    """What part of the machine's matrix products a training step reaches."""
    yield from machine.rows(repeats)


def sweep(_: int) -> Iterator[Row]:
    """What a sweep costs beside its trials: of nothing, and of a minute each, two at a time on both sides."""
    for found in nothing([50, 200]):
        name = f"{found['count']} trials of nothing, each"
        yield {"name": name, "unit": "s", "ours": found["each"], "ray": found["ray"], "workers": found["workers"]}
    bare, swept = against(20, 60.0, 1)
    ours = {key: swept[key] for key in ("ray", "workers", "overhead")}
    yield side_by_side.row("20 trials of a minute, two at a time", [bare["trials"]], [swept["trials"]], "s") | ours


def scale(_: int) -> Iterator[Row]:
    """What many cells cost beside their trials, stage by stage."""
    yield from many_cells.scale()


PARTS: dict[str, Callable[[int], Iterator[Row]]] = {
    part.__name__: part for part in (peak, training, likelihood, measures, together, memory, sweep, scale)
}


def main(
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    only: Annotated[list[str] | None, typer.Option(help=f"Parts: {', '.join(PARTS)}.")] = None,
) -> None:
    """Print the ratios; more than 1 is faster, or less memory, than the yardstick."""
    torch.set_num_threads(1)
    if unknown := set(only or ()) - set(PARTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}; parts are {', '.join(PARTS)}")
    rows = []
    for name in only or PARTS:
        for row in PARTS[name](repeats):
            rows.append(row)
            print(json.dumps(row), flush=True)
    table = Table("", "yardstick", "ours", "ratio", "also")
    for row in rows:
        cells = [f"{row[key]:.4g}" if key in row else "" for key in ("reference", "ours", "ratio")]
        rest = {
            key: value for key, value in row.items() if key not in ("name", "unit", "reference", "ours", "ratio")
        }
        also = ", ".join(f"{key} {value:.4g}" for key, value in rest.items())
        table.add_row(f"{row['name']} ({row['unit']})", *cells, also)
    Console(width=150).print(table)


if __name__ == "__main__":
    typer.run(main)
