"""How much evaluation a trial gets, in the search and at the end."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt

from trainables.base import Later, Spec, digest

_VERSION = 2
"""Raised by hand whenever the same EvaluationSpec would measure other numbers of the same weights than before."""

Boundary = Literal["above", "at_least"]


def _rising(rungs: tuple[int, ...]) -> tuple[int, ...]:
    if list(rungs) != sorted(set(rungs)):
        raise ValueError("rungs rise, each given once")
    return rungs


class EvaluationSpec(Spec):
    """Samples and sentences of the likelihood: in the search on validation, at the end on test.

    The tight estimate adapts a proposal to each sentence and counts all decoder passes; final_samples are the
    paper's protocol beside it, on test alone.
    """

    search_samples: PositiveInt = Field(
        500, description="decoder passes a validation sentence of the tight estimate, at most"
    )
    search_error: PositiveFloat | None = Field(
        0.15, description="nats; the standard error that a validation sentence is sampled for; none: all passes"
    )
    search_sentences: int | None = Field(None, ge=2, description="validation sentences; none is all")
    final: Literal["all", "front", "none"] | None = Field(
        None, description="who gets the test split; none given: all in a grid, front in a search"
    )
    final_effort: Annotated[PositiveInt, Later(1600)] = Field(
        1600, description="decoder passes a test sentence of the tight estimate, at most"
    )
    final_error: Annotated[PositiveFloat | None, Later(0.07)] = Field(
        0.07, description="nats; the standard error that a test sentence is sampled for; none: all passes"
    )
    final_samples: PositiveInt = Field(
        1000, description="samples from q a test sentence, as the paper's tables; beside the tight estimate"
    )
    final_sentences: int | None = Field(None, ge=2, description="test sentences; none is all")
    activity_boundary: Boundary = Field(
        "above", description="what makes a unit active: a variance above 0.01 (paper), or at_least 0.01 (its code)"
    )

    def key(self) -> str:
        """Return the sha256 that names how a trial is measured; who gets the test split is no part of it."""
        return digest(
            {"version": _VERSION, **{name: value for name, value in self.keyed().items() if name != "final"}}
        )


class RungSpec(Spec):
    """Where in its VAE phase a trial is measured on a few sentences, to be judged."""

    rungs: Annotated[tuple[PositiveInt, ...], Field(min_length=1), AfterValidator(_rising)] = Field(
        description="VAE epochs after which a trial is measured, rising; none before its annealing is over"
    )
    sentences: int = Field(200, ge=2, description="validation sentences, spread over the split")
    samples: PositiveInt = Field(200, description="decoder passes a sentence of the tight estimate, at most")
