"""A trial: everything that one training run depends on."""

from typing import Any, Self

from pydantic import Field, model_validator

from trainables.base import Spec, digest
from trainables.measure.spec import EvaluationSpec, RungSpec
from trainables.methods import AUTOENCODER, METHODS, Method
from trainables.model.spec import ModelSpec
from trainables.text.spec import CorpusSpec
from trainables.training.spec import READ_VERSIONS, PhaseSpec
from trainables.training.training_spec import TrainingSpec
from trainables.training.updates import Joint

Value = float | int | str | bool
SEARCHABLE = ("model", "training", "pretraining")


def with_value(plain: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy of nested plain dicts with `value` at a dotted path."""
    head, _, rest = path.partition(".")
    inner = with_value(plain.get(head) or {}, rest, value) if rest else value
    return {**plain, head: inner}


class TrialSpec(Spec):
    """One method with its values, one seed, one corpus."""

    corpus: CorpusSpec
    corpus_fingerprint: str
    method: Method
    model: ModelSpec = ModelSpec()
    training: TrainingSpec = Field(TrainingSpec(), description="of the VAE phase")
    pretraining: TrainingSpec = Field(TrainingSpec(), description="of the pretraining phase")
    evaluation: EvaluationSpec = EvaluationSpec()
    rungs: RungSpec | None = Field(None, description="where it is measured to be judged; changes no weight")
    seed: int

    @model_validator(mode="after")
    def _known_method(self) -> Self:
        if self.method.name not in METHODS:
            raise ValueError(f"unknown method {self.method.name!r}; known: {', '.join(METHODS)}")
        return self

    def with_values(self, values: dict[str, Value]) -> "TrialSpec":
        """Return this trial with a cell's values: the method's parameters by name, the rest by dotted path."""
        plain = self.model_dump(mode="json")
        rows = self.method.parameters()
        for name, value in values.items():
            for path in (f"method.{path}" for path in rows[name]) if name in rows else (name,):
                plain = with_value(plain, path, value)
        return TrialSpec.model_validate(plain)

    def phases(self) -> tuple[PhaseSpec, ...]:
        """Return the phases in order: pretraining where the method asks for it, then the method's own."""
        pretraining = self._phase("pretrain")
        if self.method.autoencodes:
            return (pretraining,)
        return (pretraining, self._phase("vae")) if self.method.pretrain else (self._phase("vae"),)

    def _phase(self, name: str) -> PhaseSpec:
        first = name == "pretrain"
        return PhaseSpec(
            name="pretrain" if first else "vae",
            corpus_fingerprint=self.corpus_fingerprint,
            model=self.model.without_latent() if self.method.language_model else self.model,
            objective=AUTOENCODER if first else self.method.objective,
            updates=Joint() if first else self.method.updates,
            training=self.pretraining if first else self.method.with_override(self.training),
            selection="reconstruction" if first else self.method.selection,
            seed=self.seed,
        )

    def key(self, version: int | None = None) -> str:
        """Return the sha256 that names the trial's result: its phases and its evaluation, not its rungs.

        It is that of the present version, or as an earlier one wrote it.
        """
        return digest(
            {"phases": [phase.key(version) for phase in self.phases()], "evaluation": self.evaluation.keyed()}
        )

    def weight_keys(self) -> tuple[str, ...]:
        """Return the keys under which weights of this trial are read, whichever version trained them."""
        return tuple(self.key(version) for version in READ_VERSIONS)
