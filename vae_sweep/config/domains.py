"""Domains: what a method's parameter may be in a space."""

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, model_validator

from trainables.base import Spec
from trainables.spec import Value

Sample = tuple[tuple[str | int, ...], Value]
"""A value and its place inside its domain."""

FEW = 100
"""How many values of a choice are tried one by one."""

FORMS = "expected a value, or one of {choice: [..]}, {int: [low, high]}, {float: [low, high]}, {log: [low, high]}"


def _ordered(low: float, high: float) -> None:
    if low >= high:
        ends = [str(end).removesuffix(".0") for end in (low, high)]
        raise ValueError(f"the lower end {ends[0]} must lie below the upper end {ends[1]}")


class Choice(Spec):
    """One of the listed values."""

    choice: tuple[Value, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _no_doubles(self) -> Self:
        if len(set(self.choice)) < len(self.choice):
            raise ValueError(f"a value is listed twice in {list(self.choice)}")
        return self

    def points(self) -> Sequence[Value] | None:
        """Return all values."""
        return self.choice

    def samples(self) -> tuple[Sample, ...]:
        """Return values whose validity shows that of the domain: of many numbers of a kind, the ends."""
        places = sorted(self._ends()) if len(self.choice) > FEW else range(len(self.choice))
        return tuple((("choice", place), self.choice[place]) for place in places)

    def _ends(self) -> Iterator[int]:
        """Yield the places of the least and the greatest number of each kind, and of all that is no finite one."""
        kinds: dict[type, list[int]] = {int: [], float: []}
        for place, value in enumerate(self.choice):
            if isinstance(value, int | float) and type(value) in kinds and math.isfinite(value):
                kinds[type(value)].append(place)
            else:
                yield place
        for places in filter(None, kinds.values()):
            yield from {find(places, key=self.choice.__getitem__) for find in (min, max)}


class IntRange(Spec):
    """A whole number between two ends, both included."""

    ends: tuple[int, int] = Field(alias="int")

    @model_validator(mode="after")
    def _order(self) -> Self:
        _ordered(*self.ends)
        return self

    def points(self) -> Sequence[Value] | None:
        """Return all values."""
        return range(self.ends[0], self.ends[1] + 1)

    def samples(self) -> tuple[Sample, ...]:
        """Return values whose validity shows that of the domain."""
        return tuple((("int", place), end) for place, end in enumerate(self.ends))


class FloatRange(Spec):
    """A number between two ends."""

    ends: tuple[float, float] = Field(alias="float")

    @model_validator(mode="after")
    def _order(self) -> Self:
        _ordered(*self.ends)
        return self

    def points(self) -> Sequence[Value] | None:
        """Return None: the values cannot be listed."""
        return None

    def samples(self) -> tuple[Sample, ...]:
        """Return values whose validity shows that of the domain."""
        return tuple((("float", place), end) for place, end in enumerate(self.ends))


class LogRange(Spec):
    """A positive number between two ends, even on a logarithmic scale."""

    ends: tuple[float, float] = Field(alias="log")

    @model_validator(mode="after")
    def _order(self) -> Self:
        _ordered(*self.ends)
        if self.ends[0] <= 0:
            raise ValueError(f"a log range starts above 0, not at {self.ends[0]:g}")
        return self

    def points(self) -> Sequence[Value] | None:
        """Return None: the values cannot be listed."""
        return None

    def samples(self) -> tuple[Sample, ...]:
        """Return values whose validity shows that of the domain."""
        return tuple((("log", place), end) for place, end in enumerate(self.ends))


CLASSES: dict[type[Spec], str] = {Choice: "choice", IntRange: "int", FloatRange: "float", LogRange: "log"}


def _kind(raw: Any) -> str | None:
    if isinstance(raw, Spec):
        return CLASSES.get(type(raw))
    if isinstance(raw, dict):
        return next((kind for kind in CLASSES.values() if kind in raw), None)
    return "fixed" if isinstance(raw, str | int | float | bool) else None


Domain = Annotated[
    Annotated[Choice, Tag("choice")]
    | Annotated[IntRange, Tag("int")]
    | Annotated[FloatRange, Tag("float")]
    | Annotated[LogRange, Tag("log")]
    | Annotated[Value, Tag("fixed")],
    Discriminator(
        _kind,
        custom_error_type="domain",
        custom_error_message=FORMS,
    ),
]


def points(domain: Domain) -> Sequence[Value] | None:
    """Return all values of a domain, or None where they cannot be listed."""
    return domain.points() if isinstance(domain, Spec) else (domain,)


def middle(domain: Domain) -> Value | None:
    """Return the middle of a range, on its own scale; None where a domain is no range."""
    if isinstance(domain, IntRange):
        return sum(domain.ends) // 2
    if isinstance(domain, FloatRange):
        return sum(domain.ends) / 2
    return (domain.ends[0] * domain.ends[1]) ** 0.5 if isinstance(domain, LogRange) else None


def is_range(domain: Domain) -> bool:
    """Say whether a domain has an order and a middle."""
    return middle(domain) is not None


def samples(domain: Domain) -> tuple[Sample, ...]:
    """Return values whose validity shows that of the domain, each with its place in the domain."""
    return domain.samples() if isinstance(domain, Spec) else (((), domain),)


def holds(domain: Domain, value: Value) -> bool:
    """Say whether a value may be drawn from a domain."""
    if isinstance(domain, FloatRange | LogRange):
        return isinstance(value, int | float) and domain.ends[0] <= value <= domain.ends[1]
    return value in (points(domain) or ())
