"""What every layer of the science stands on: specs and errors."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict


class VaeSweepError(Exception):
    """Base of every error that a user may meet; its text says where, what came, what is allowed."""


class CorpusError(VaeSweepError):
    """A corpus is absent, malformed, or not the one that was planned with."""


class StateError(VaeSweepError):
    """A stored state or set of weights is damaged or does not fit."""


class PlaceError(VaeSweepError):
    """A place cannot be reached, or refuses; says nothing of what lies there."""


class DivergedError(VaeSweepError):
    """A loss or a measured number is not finite."""


class Spec(BaseModel):
    """A frozen value that refuses unknown keys; its fields are the only home of its defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def keyed(self) -> dict[str, Any]:
        """Return the plain values that a key is made of: without later fields that hold what was meant before."""
        plain = self.model_dump(mode="json")
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if any(isinstance(mark, Later) and mark.before == value for mark in field.metadata):
                del plain[name]
                continue
            if isinstance(value, Spec):
                plain[name] = value.keyed()
            for mark in field.metadata:
                if isinstance(mark, KeyedAs):
                    kept = plain.pop(name)
                    plain[mark.name] = kept if mark.value is None else mark.value
        return plain


@dataclass(frozen=True)
class Later:
    """Marks a spec's field, in `Annotated`, that came after keys were first written.

    `before` is the value under which all is as it was without the field; a key leaves it out, so that what earlier
    versions stored keeps its key.
    """

    before: Any


@dataclass(frozen=True)
class KeyedAs:
    """Marks a spec's field, in `Annotated`, that had another name when keys were first written, or another value.

    Keys keep the former ones, so that what earlier versions stored keeps its key.
    """

    name: str
    value: str | None = None


def digest(value: Any) -> str:
    """Return the sha256 (hex) of the canonical JSON of a plain value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def derived_seed(*parts: int | str) -> int:
    """Return a 63-bit seed that depends on all parts and on nothing else."""
    return int(digest(list(parts))[:16], 16) >> 1


def flat(value: Any, path: str = "") -> dict[str, str]:
    """Return nested plain values as dotted path -> JSON."""
    if isinstance(value, dict) and value:
        return {k: v for key, inner in value.items() for k, v in flat(inner, f"{path}.{key}".strip(".")).items()}
    return {path: json.dumps(value)}
