"""How much evaluation a trial gets, in the search and at the end."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt

from trainables.base import Spec, digest

VERSION = 2
"""Raised by hand whenever the same EvaluationSpec would measure other numbers of the same weights than before."""

Boundary = Literal["above", "at_least"]


def _rising(rungs: tuple[int, ...]) -> tuple[int, ...]:
    if list(rungs) != sorted(set(rungs)):
        raise ValueError("rungs rise, each given once")
    return rungs


class EvaluationSpec(Spec):
    """Importance samples and sentences: in the search on validation, at the end on test."""

    search_samples: PositiveInt = Field(1000, description="importance samples a validation sentence, at most")
    search_error: PositiveFloat | None = Field(
        0.1, description="nats; a validation sentence with this standard error takes no more samples; none: all"
    )
    search_sentences: int | None = Field(None, ge=2, description="validation sentences; none is all")
    final: Literal["all", "front", "none"] | None = Field(
        None, description="who gets the test split; none given: all in a grid, front in a search"
    )
    final_samples: PositiveInt = Field(1000, description="importance samples a test sentence")
    final_sentences: int | None = Field(None, ge=2, description="test sentences; none is all")
    activity_boundary: Boundary = Field(
        "above", description="what makes a unit active: a variance above 0.01 (paper), or at_least 0.01 (its code)"
    )

    def key(self) -> str:
        """Return the sha256 that names how a trial is measured; who gets the test split is no part of it."""
        return digest(
            {"version": VERSION, **{name: value for name, value in self.keyed().items() if name != "final"}}
        )


class RungSpec(Spec):
    """Where in its VAE phase a trial is measured on a few sentences, to be judged."""

    rungs: Annotated[tuple[PositiveInt, ...], Field(min_length=1), AfterValidator(_rising)] = Field(
        description="VAE epochs after which a trial is measured, rising; none before its annealing is over"
    )
    sentences: int = Field(200, ge=2, description="validation sentences, spread over the split")
    samples: PositiveInt = Field(100, description="importance samples a sentence, at most")
