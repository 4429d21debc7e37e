"""What is measured: the yardstick's and our models at the paper's sizes, and batches of random words for both."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from benchmarks.reference import ReferenceLoop, ReferenceVae
from trainables.model.spec import ModelSpec, Precision
from trainables.model.vae import Vae
from trainables.objective.bound import Elbo
from trainables.objective.kl import FreeBits
from trainables.text.batches import Batch
from trainables.training.phase import use_sparse_embedding_gradients
from trainables.training.training_spec import TrainingSpec
from trainables.training.updates import Joint, StepContext, UpdatesState

VOCABULARY = 10_002
BATCH = 32
RATE = 8.0


@dataclass(frozen=True)
class Size:
    """Sizes of Table 9, and the mean number of words of a sentence."""

    embedding: int
    hidden: int
    units: int
    words: int


SIZES = {"ptb": Size(256, 256, 32, 22), "snli": Size(128, 512, 32, 11), "yahoo": Size(512, 1024, 32, 79)}


def batches_of(size: Size, batch: int = BATCH, vocabulary: int = VOCABULARY) -> list[Tensor]:
    """Return three batches of random words: of half, once and twice the mean length."""
    generator = Generator().manual_seed(0)
    lengths = (size.words // 2, size.words, 2 * size.words)
    return [torch.randint(4, vocabulary, (batch, length + 2), generator=generator) for length in lengths]


def held(batches: list[Tensor]) -> list[Batch]:
    """Return tokens as our batches."""
    return [Batch(tokens, torch.arange(len(tokens))) for tokens in batches]


def metrics_of(batches: list[Tensor]) -> int:
    """Return the scored words of batches."""
    return sum(len(tokens) * (tokens.shape[1] - 1) for tokens in batches)


def ours(size: Size, precision: Precision = "bfloat16", vocabulary: int = VOCABULARY) -> Vae:
    """Return our model of a size, its weights drawn."""
    spec = ModelSpec(
        embedding_size=size.embedding,
        encoder_size=size.hidden,
        decoder_size=size.hidden,
        latent_size=size.units,
        precision=precision,
    )
    model = Vae(vocabulary, spec)
    model.initialise(Generator().manual_seed(0))
    return model


def theirs(size: Size, vocabulary: int = VOCABULARY) -> ReferenceVae:
    """Return the yardstick's model of a size."""
    return ReferenceVae(vocabulary, size.embedding, size.hidden, size.units, 0.5)


class OurLoop:
    """Steps of `ours` as a phase takes them."""

    def __init__(self, model: Vae, batches: list[Tensor]) -> None:
        training, noise = TrainingSpec(), Generator().manual_seed(1)
        use_sparse_embedding_gradients(model, training.optimizer)
        optimizer = training.build(model.parameters())
        self.batches = held(batches)
        objective = Elbo(kl=FreeBits(target_rate=RATE))
        self.stepper = StepContext(model, objective, optimizer, training.clip, self.batches, noise, noise)

    def epoch(self) -> None:
        """Take a step on every batch."""
        for batch in self.batches:
            Joint().step(self.stepper, batch, 1.0, UpdatesState())


class TheirLoop:
    """The yardstick's steps on the same batches."""

    def __init__(self, model: ReferenceVae, batches: list[Tensor]) -> None:
        self.loop, self.batches, self.floor = ReferenceLoop(model), batches, RATE / model.units

    def epoch(self) -> None:
        """Take a step on every batch."""
        for tokens in self.batches:
            self.loop.step(tokens, 1.0, self.floor)
