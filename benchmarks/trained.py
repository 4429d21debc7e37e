"""A model trained a little on the embedded captions, by the paper's settings: its code is not in use yet.

Its vocabulary is filled up with words that never occur, so that its costs are those of the paper's sizes.
"""

from pathlib import Path

import torch
from torch import Generator

from benchmarks.reference import ReferenceVae
from benchmarks.work import VOCABULARY, Size, theirs
from trainables.measure.final import evaluation_batches
from trainables.methods import METHODS
from trainables.model.spec import ModelSpec
from trainables.model.vae import Vae
from trainables.spec import TrialSpec
from trainables.text.batches import Batch, equal_length_batches
from trainables.text.corpus import load_corpus
from trainables.text.spec import CorpusSpec
from trainables.training.phase import PhaseData, run_phase
from trainables.training.state import TrialState
from trainables.training.training_spec import TrainingSpec

SENTENCES = 2000
TRAINING = TrainingSpec(epochs=2)


def trained(size: Size) -> tuple[Vae, list[Batch]]:
    """Return the plain VAE after two epochs, and validation batches."""
    spec = TrialSpec(
        corpus=CorpusSpec(name="captions"),
        corpus_fingerprint="",
        method=METHODS["vae"],
        model=ModelSpec(
            embedding_size=size.embedding,
            encoder_size=size.hidden,
            decoder_size=size.hidden,
            latent_size=size.units,
            precision="bfloat16",
        ),
        training=TRAINING,
        seed=0,
    )
    splits = load_corpus(spec.corpus, Path()).splits
    validation = evaluation_batches(splits["validation"].sentences, "cpu")
    data = PhaseData(equal_length_batches(splits["train"].sentences[:SENTENCES], 32), validation)
    model = Vae(VOCABULARY, spec.model)
    model.initialise(Generator().manual_seed(0))
    [phase] = spec.phases()
    for _ in run_phase(phase, model, data, TrialState()):
        pass
    return model, validation


def as_theirs(model: Vae, size: Size) -> ReferenceVae:
    """Return the yardstick's model with our weights."""
    found = theirs(size)
    weights = {
        f"{half}.{name}": value
        for half in ("encoder", "decoder")
        for name, value in getattr(model, half).state_dict().items()
    }
    found.load_state_dict(weights)
    return found


def spread_out(batches: list[Batch], sentences: int) -> list[Batch]:
    """Return so many sentences, evenly spread, as batches that count their rows from 0."""
    places = [(batch, row) for batch in batches for row in range(batch.size)]
    chosen = [places[i * len(places) // sentences] for i in range(sentences)]
    return [Batch(batch.tokens[row : row + 1], torch.tensor([n])) for n, (batch, row) in enumerate(chosen)]
