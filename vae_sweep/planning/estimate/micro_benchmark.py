"""The micro-benchmark: a few real steps and measurements of the real model, in a process as a trial's."""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

import torch
from torch import Generator

from trainables.base import Spec
from trainables.measure.final import evaluation_batches
from trainables.measure.importance import importance
from trainables.measure.likelihood import Bound, measure_bound
from trainables.measure.spec import Boundary
from trainables.model.gaussian import Gaussian
from trainables.model.spec import LanguageModelSpec, ModelSpec
from trainables.model.vae import Vae
from trainables.outputs import samples_page
from trainables.text.batches import Batch, equal_length_batches
from trainables.text.corpus import Corpus, load_corpus
from trainables.text.spec import CorpusSpec
from trainables.training.phase import PhaseData, run_phase, train_epoch, validation_numbers
from trainables.training.spec import PhaseSpec
from trainables.training.state import Counters, TrialState, save_state
from vae_sweep.planning.estimate.rates import Load, Rate, fit

NICENESS = 15
"""How far Ray's workers give way to other processes, by its own default."""

_ROUNDS = 3
"""Least rounds of a measurement, after one that warms up."""

SECONDS = 1.0
"""Least seconds of a measurement."""

SLOW = 2.0
"""Seconds of a first round after which a second is enough; a shorter one only warms up."""

ACT = 0.05
"""Seconds that one timed act lasts at least, where repeating it up to MOST_REPEATS times gives that."""

_MOST_REPEATS = 16

WEIGHING = 0.3
"""Seconds that importance sampling of the largest batch lasts, if enough samples are asked for: a whole chunk
takes more memory, and more time for each sample, than a few do."""

PLACES = (0.05, 0.5, 0.95)
"""Where among the full batches, ordered by length, the timed ones lie."""


class StepKind(Spec):
    """Training steps that cost the same: a phase without what costs nothing, and its threads."""

    phase: PhaseSpec
    threads: int


class ModelKind(Spec):
    """Measurements that cost the same: a model's sizes and its threads; `samples` is the most that are asked."""

    model: ModelSpec | LanguageModelSpec
    threads: int
    samples: int


class BenchmarkJob(Spec):
    """What a process of the benchmark measures; `submitted` is when it was asked to, on the monotonic clock."""

    corpus: CorpusSpec
    data_directory: Path
    boundary: Boundary
    steps: tuple[StepKind, ...]
    models: tuple[ModelKind, ...]
    submitted: float


class StepCost(Spec):
    """A training step's rate, the seconds that saving a state takes, and the state's bytes."""

    step: Rate
    save: float
    state_bytes: int


class ModelCost(Spec):
    """Rates of the bound and of importance sampling; seconds of MI over the validation split and of the samples'
    page; the weights' bytes."""

    bound: Rate
    importance: Rate
    information: float
    page: float
    weights_bytes: int


class Measurements(Spec):
    """What one process found, in the order of its job; `start` and `corpus` are the seconds to come up and to read
    the corpus, `peak_memory_mb` is its own."""

    start: float
    corpus: float
    steps: tuple[StepCost, ...]
    models: tuple[ModelCost, ...]
    peak_memory_mb: float


def as_worker() -> None:
    """Make this process one as Ray's workers: it gives way to others, and has loaded what a trial's loads."""
    os.nice(NICENESS)
    import_module("trainables.ray_trainable")


def measure(job: BenchmarkJob, least: float = SECONDS) -> Measurements:
    """Measure a job in this process, each part for `least` seconds; its peak memory stands for a trial's.

    Raises CorpusError.
    """
    start = time.monotonic() - job.submitted
    began = time.perf_counter()
    corpus = load_corpus(job.corpus, job.data_directory)
    read = time.perf_counter() - began
    steps = tuple(_step_cost(kind, corpus, job.boundary, least) for kind in job.steps)
    models = tuple(_model_cost(kind, corpus, job.boundary, least) for kind in job.models)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Measurements(start=start, corpus=read, steps=steps, models=models, peak_memory_mb=peak)


def _step_cost(kind: StepKind, corpus: Corpus, boundary: Boundary, least: float) -> StepCost:
    torch.set_num_threads(kind.threads)
    model, phase = _model(kind.phase.model, corpus), kind.phase
    batches = equal_length_batches(corpus.splits["train"].sentences, phase.training.batch_size, _device())
    validation = evaluation_batches(corpus.splits["validation"].sentences, _device())
    optimizer = phase.training.build(model.parameters())

    def step(batch: Batch, times: int) -> None:
        train_epoch(phase, model, optimizer, [batch] * times, Counters())

    probes = chosen(batches)
    rate = fit([_load(batch) for batch in probes], timed(step, probes, least))
    data = PhaseData([*probes, _largest(batches)], [_largest(validation)])
    *_, (_, state) = run_phase(phase, model, data, TrialState(), boundary)
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        save_state(Path(name), phase.key(), state)
        save = time.perf_counter() - began
        taken = sum(file.stat().st_size for file in Path(name).iterdir())
    return StepCost(step=rate, save=save, state_bytes=taken)


def _model_cost(kind: ModelKind, corpus: Corpus, boundary: Boundary, least: float) -> ModelCost:
    torch.set_num_threads(kind.threads)
    model = _model(kind.model, corpus)
    split = corpus.splits["validation"]
    probes = chosen(evaluation_batches(split.sentences, _device()))

    def bound(batch: Batch, times: int) -> None:
        measure_bound(model, [_from(batch, number) for number in range(times)], 0)

    bounds = fit([_load(batch) for batch in probes], timed(bound, probes, least))
    samples = _samples(model, probes, kind.samples)

    def weigh(batch: Batch, times: int) -> None:
        for _ in range(times):
            importance(model, [batch], samples, 0)

    weights = fit([_load(batch, samples) for batch in probes], timed(weigh, probes, least))
    noise = torch.randn(len(split.sentences), kind.model.latent_size, generator=Generator().manual_seed(0))
    nothing = torch.zeros(len(noise))
    whole = Bound(nothing, nothing, Gaussian(noise, torch.zeros_like(noise)))
    return ModelCost(
        bound=bounds,
        importance=weights,
        information=seconds(lambda: validation_numbers(whole, 0, boundary)),
        page=seconds(lambda: samples_page(model, corpus, 0)),
        weights_bytes=sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values()),
    )


def chosen(batches: Sequence[Batch]) -> list[Batch]:
    """Return full batches, short, medium and long, and the smallest; their rows are numbered from 0."""
    most = max(batch.size for batch in batches)
    full = sorted((batch for batch in batches if batch.size == most), key=lambda batch: batch.words)
    picked = [full[int(place * (len(full) - 1))] for place in PLACES]
    picked.append(min(batches, key=lambda batch: (batch.size, -batch.words)))
    distinct = {batch.tokens.shape: batch for batch in picked}
    return [_from(batch) for batch in distinct.values()]


def timed(act: Callable[[Batch, int], None], probes: Sequence[Batch], least: float) -> list[list[float]]:
    """Return the seconds of an act on each batch, [rounds][batches]; short acts are repeated within a round."""
    first = [seconds(partial(act, batch, 1)) for batch in probes]
    if sum(first) > SLOW:
        return [first, [seconds(partial(act, batch, 1)) for batch in probes]]
    repeats = [max(1, min(_MOST_REPEATS, int(ACT / once))) for once in first]
    rounds: list[list[float]] = []
    began = time.perf_counter()
    while len(rounds) < _ROUNDS or time.perf_counter() - began < least:
        rounds.append(
            [seconds(partial(act, batch, times)) / times for batch, times in zip(probes, repeats, strict=True)]
        )
    return rounds


def seconds(act: Callable[[], object]) -> float:
    """Return how long an act takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _samples(model: Vae, probes: Sequence[Batch], most: int) -> int:
    """Return how many importance samples take WEIGHING seconds on the largest batch, at most those asked for."""
    largest, samples = _largest(probes), min(most, 4)
    while samples < most and seconds(partial(importance, model, [largest], samples, 0)) < WEIGHING:
        samples = min(most, 2 * samples)
    return samples


def _model(spec: ModelSpec, corpus: Corpus) -> Vae:
    model = Vae(len(corpus.vocabulary), spec).to(_device())
    model.initialise(Generator(_device()).manual_seed(0))
    return model


def _load(batch: Batch, samples: int = 1) -> Load:
    return Load(batches=1, steps=batch.tokens.shape[1] - 1, words=samples * batch.words)


def _largest(batches: Sequence[Batch]) -> Batch:
    return _from(max(batches, key=lambda batch: batch.words))


def _from(batch: Batch, number: int = 0) -> Batch:
    """Return a batch whose rows are those of the batch with this number among equals."""
    return Batch(batch.tokens, torch.arange(batch.size) + number * batch.size)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"
