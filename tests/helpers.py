"""Small specs, a small corpus and a stable hypothesis profile, shared by all tests."""

import sysconfig
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import settings
from torch import Generator, Tensor
from torch.distributions import Normal

from trainables.measure.spec import EvaluationSpec
from trainables.methods import METHODS
from trainables.model.spec import ModelSpec
from trainables.model.vae import Vae
from trainables.spec import TrialSpec
from trainables.text.batches import Batch, equal_length_batches
from trainables.text.corpus import Corpus, load_corpus
from trainables.text.spec import CorpusSpec, LimitSpec
from trainables.text.vocabulary import BOS, EOS, SPECIAL, Ids
from trainables.training.report import EpochReport, FinalReport
from trainables.training.state import TrialState
from trainables.training.training_spec import TrainingSpec
from trainables.trial import run_trial

torch.set_num_threads(1)

LAW = settings(derandomize=True, deadline=None, max_examples=25)
NOWHERE = Path("/nonexistent")
COSTS = {"train/seconds", "train/tokens_per_second", "train/peak_memory_mb"}
CAPTIONS = CorpusSpec(name="captions", limit=LimitSpec(train=48, validation=16, test=12))
MODEL = ModelSpec(
    embedding_size=5, encoder_size=7, decoder_size=6, latent_size=3, initialisation="torch", input_dropout=0.2
)
TRAINING = TrainingSpec(epochs=1, batch_size=8)
VOCABULARY = 15


def script(name: str) -> str:
    """Return the path of a command that an installed package brings, whether or not PATH leads there."""
    return str(Path(sysconfig.get_path("scripts"), name))


@cache
def tiny_corpus() -> Corpus:
    """The first few captions of each split."""
    return load_corpus(CAPTIONS, NOWHERE)


def tiny_trial(method: str = "ours", **changes: Any) -> TrialSpec:
    """A trial that takes a fraction of a second, one epoch a phase unless `changes` says otherwise."""
    fields: dict[str, Any] = {
        "corpus": CAPTIONS,
        "corpus_fingerprint": tiny_corpus().fingerprint,
        "method": METHODS[method],
        "model": MODEL,
        "training": TRAINING,
        "pretraining": TRAINING,
        "evaluation": EvaluationSpec(search_samples=4, final_samples=6),
        "seed": 3,
    }
    return TrialSpec(**(fields | changes))


def epochs_and_end(
    spec: TrialSpec, state: TrialState | None = None
) -> tuple[list[tuple[EpochReport, TrialState]], FinalReport, TrialState]:
    """Run what is left of a trial on the tiny corpus; return its epochs and its end."""
    epochs: list[tuple[EpochReport, TrialState]] = []
    for report, reached in run_trial(spec, tiny_corpus(), state or TrialState()):
        if isinstance(report, FinalReport):
            return epochs, report, reached
        if isinstance(report, EpochReport):
            epochs.append((report, reached))
    raise AssertionError("a trial ends with a FinalReport")


def without_costs(report: EpochReport) -> EpochReport:
    """The part of a report that must be the same every time."""
    kept = {key: value for key, value in report.numbers.items() if key not in COSTS}
    return report.model_copy(update={"numbers": kept})


def tiny_model(seed: int = 0, spec: ModelSpec = MODEL, scale: float = 2.0) -> Vae:
    """A model whose posteriors differ visibly between sentences."""
    model = Vae(VOCABULARY, spec)
    model.initialise(seeded(seed))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    return model


def random_sentences(seed: int, count: int, longest: int = 6) -> list[Ids]:
    """Sentences of 1 to `longest` words over the tiny vocabulary."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(1, longest + 1, size=count)
    return [
        np.array([BOS, *draw.integers(len(SPECIAL), VOCABULARY, size=length), EOS], dtype=np.int64)
        for length in lengths
    ]


def random_batch(seed: int, size: int = 4, words: int = 5) -> Batch:
    """One batch of `size` sentences of `words` words."""
    draw = np.random.default_rng(seed)
    inner = draw.integers(len(SPECIAL), VOCABULARY, size=(size, words))
    [batch] = equal_length_batches([np.array([BOS, *row, EOS]) for row in inner], size)
    return batch


def seeded(seed: int) -> Generator:
    """A generator of its own."""
    return Generator().manual_seed(seed)


def log_normal(x: Tensor, mean: Tensor | float, deviation: Tensor) -> Tensor:
    """The log density of N(mean, deviation²) at x, entry by entry, by PyTorch's own hand."""
    density: Tensor = Normal(mean, deviation).log_prob(x)  # type: ignore[no-untyped-call]
    return density


def signs(seed: int, *shape: int) -> Tensor:
    """Noise of -1 and 1: its second moment is exactly that of a standard normal."""
    return torch.randint(0, 2, shape, generator=seeded(seed)).mul(2).sub(1).double()


def put_files(directory: Path, files: dict[str, bytes]) -> None:
    """Write files by name."""
    for name, content in files.items():
        (directory / name).write_bytes(content)


def same_tensors(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether both hold the same names with the same bits."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
