"""What one phase depends on, and nothing else."""

from typing import Annotated, Literal

from pydantic import Field

from trainables.base import KeyedAs, Spec, digest
from trainables.model.spec import LanguageModelSpec, ModelSpec
from trainables.objective.bound import Objective
from trainables.training.training_spec import TrainingSpec
from trainables.training.updates import Joint, Updates

VERSION = 4
"""Raised by hand whenever the same PhaseSpec would train to other bits than before."""

READ_VERSIONS = range(3, VERSION + 1)
"""Versions whose trained weights are read: they are what a trial left, though it would train otherwise now."""

PhaseName = Literal["pretrain", "vae"]
Selection = Literal["neg_elbo", "reconstruction", "iw_bound"]


class PhaseSpec(Spec):
    """One optimisation of one objective until it stops."""

    name: PhaseName
    corpus_fingerprint: str
    model: ModelSpec | LanguageModelSpec
    objective: Objective
    updates: Updates = Joint()
    training: Annotated[TrainingSpec, KeyedAs("descent")]
    selection: Selection = Field(description="the validation metric that picks the best epoch")
    seed: int

    def key(self, version: int | None = None) -> str:
        """Return the sha256 that names this phase's result; the same key means the same bits.

        It is that of the present version, or as an earlier one wrote it.
        """
        return digest({"version": VERSION if version is None else version, **self.keyed()})
