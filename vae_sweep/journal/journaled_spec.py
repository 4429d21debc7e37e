"""A trial's spec as the journal has it, whichever version wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from trainables.measure.spec import EvaluationSpec
from trainables.spec import TrialSpec


@dataclass(frozen=True)
class JournaledSpec:
    """A trial's spec; `plain` has its values as they were journaled, under the names of today.

    `trial` is None where another version wrote what this one does not read; the other properties are None where
    the spec does not say.
    """

    plain: dict[str, Any]

    @cached_property
    def trial(self) -> TrialSpec | None:
        try:
            return TrialSpec.model_validate(self.plain)
        except ValidationError:
            return None

    def at(self, *path: str) -> Any:
        """Return the value at a path, None where there is none."""
        value: Any = self.plain
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    @property
    def fingerprint(self) -> str | None:
        """Of the corpus that the trial reads."""
        return None if (found := self.at("corpus_fingerprint")) is None else str(found)

    @property
    def latent_size(self) -> int | None:
        found: int | None = self.at("model", "latent_size")
        return found

    @property
    def target_rate(self) -> float | None:
        """λ of a method with free bits, nats."""
        found: float | None = self.at("method", "objective", "kl", "target_rate")
        return found

    @property
    def evaluation(self) -> dict[str, Any]:
        """Return how the trial is measured; what the spec does not say is as it is by default."""
        return {**EvaluationSpec().model_dump(mode="json"), **(self.at("evaluation") or {})}

    @property
    def evaluation_key(self) -> str:
        """Raises ValidationError where this version has no such evaluation."""
        return EvaluationSpec.model_validate(self.evaluation).key()
