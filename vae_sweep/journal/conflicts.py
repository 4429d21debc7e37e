"""Reports that came twice: which of their numbers differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vae_sweep.journal.metrics import COSTS, metric_of


@dataclass(frozen=True, slots=True)
class Conflict:
    """A report that came twice with different numbers; `differing` holds key -> (kept, came)."""

    place: str
    differing: dict[str, tuple[Any, Any]]

    def __str__(self) -> str:
        pairs = (f"{key}: {kept!r}, then {came!r}" for key, (kept, came) in sorted(self.differing.items()))
        return f"{self.place} was reported twice and differently ({'; '.join(pairs)}); the first is kept"


def conflicts(place: str, kept: Mapping[str, Any], came: Mapping[str, Any]) -> list[Conflict]:
    """Return the conflict between two reports, if there is one; costs may differ."""
    keys = {key for key in kept.keys() | came.keys() if metric_of(key) not in COSTS}
    differing = {key: (kept.get(key), came.get(key)) for key in keys if kept.get(key) != came.get(key)}
    return [Conflict(place, differing)] if differing else []


def merge(place: str, kept: dict[str, Any], came: Mapping[str, Any]) -> tuple[dict[str, Any], list[Conflict]]:
    """Add to `kept` what it lacks; return what was added, and where both have a key but differ."""
    fresh = {key: value for key, value in came.items() if key not in kept}
    again = {key: value for key, value in came.items() if key in kept}
    found = conflicts(place, {key: kept[key] for key in again}, again)
    kept.update(fresh)
    return fresh, found
