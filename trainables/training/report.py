"""What a trial reports: numbers after every epoch, and once at its end."""

from typing import Literal

from trainables.base import Spec
from trainables.training.spec import PhaseName

Outcome = Literal["finished", "collapsed", "pruned", "diverged", "failed"]


class EpochReport(Spec):
    """One epoch of one phase; `numbers` has the same keys in every phase, `<split>/<word>`, all finite."""

    phase: PhaseName
    epoch: int
    numbers: dict[str, float]


class FinalReport(Spec):
    """The end of a trial; it alone carries the objectives."""

    outcome: Outcome
    reason: str | None = None
    numbers: dict[str, float] = {}
