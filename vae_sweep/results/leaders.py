"""What leads a sweep, as plain values: light to import for the mirror, which shows it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from vae_sweep.journal.records import SweepRecord


@dataclass(frozen=True, slots=True)
class Leaders:
    """The best replicate of each cell on the front, the best one first, and each objective's lowest mean over a
    complete cell."""

    winners: tuple[str, ...] = ()
    best: dict[str, float] = field(default_factory=dict)


LeadersOf = Callable[[SweepRecord], Leaders]


def no_leaders(sweep: SweepRecord) -> Leaders:
    """Return none: for a journal that is mirrored by itself."""
    return Leaders()
