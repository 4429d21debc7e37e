"""What specs of earlier versions called their fields, in today's names."""

import json
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel

Stored = TypeVar("Stored", bound=BaseModel)

FORMER = {"descent": "training", "course": "schedule", "lacks": "undefined_metrics"}
"""Name of a field before -> its name today."""

FORMER_KINDS = {"tail": "linear_decay"}


def read_stored(kind: type[Stored], content: bytes) -> Stored:
    """Return a stored value, whichever version wrote it. Raises ValueError where its JSON is not sound."""
    return kind.model_validate(in_todays_keys(json.loads(content)))


def in_todays_keys(value: Any) -> Any:
    """Return plain values of a stored spec, or of a cell with dotted names, under the names of today."""
    if isinstance(value, list):
        return [in_todays_keys(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {todays_name(str(name)): in_todays_keys(inner) for name, inner in value.items()}
    if isinstance(kind := found.get("kind"), str):
        found["kind"] = FORMER_KINDS.get(kind, kind)
    return found


@cache
def todays_name(name: str) -> str:
    """Return a field, each part of a dotted one, or a kind as it is called today."""
    return ".".join((FORMER | FORMER_KINDS).get(part, part) for part in name.split("."))
