"""What a trial reports: numbers after every epoch, and once at its end."""

from typing import Literal

from trainables.base import Spec
from trainables.training.spec import PhaseName

Outcome = Literal["finished", "collapsed", "pruned", "diverged", "failed"]
SCORED: tuple[Outcome, ...] = ("finished", "collapsed")
"""Outcomes of trials that leave weights to be scored, and whose numbers count."""

ErrorClass = Literal["memory", "disk", "storage", "objects", "data", "bug", "worker"]
StoreAnswer = Literal["waiting", "hit", "waited", "miss"]


class EpochReport(Spec):
    """One epoch of one phase; `numbers` has the same keys in every phase, `<split>/<metric>`, all finite.

    `stored` says that the epoch was taken from the pretraining store, with the costs of whoever trained it.
    """

    phase: PhaseName
    epoch: int
    numbers: dict[str, float]
    stored: bool = False


class StoreReport(Spec):
    """How a trial comes by its pretraining: another holds it now (waiting), it was ready (hit), it was waited
    for (waited), or the trial trains it (miss).

    `seconds` were waited; `saved` seconds of training, by whoever did it, were not repeated; `damaged` names what
    was found unfit in the store.
    """

    key: str
    event: StoreAnswer
    seconds: float = 0.0
    saved: float = 0.0
    holder: str | None = None
    damaged: tuple[str, ...] = ()


class RungReport(Spec):
    """A trial measured on a few validation sentences after `epoch` VAE epochs, to be judged.

    `collapsed` says why it is collapsed and ends, None where it is not.
    """

    epoch: int
    numbers: dict[str, float]
    collapsed: str | None = None


class FinalReport(Spec):
    """The end of a trial; it alone carries the objectives. `error` is the class of a failure.

    `evaluation` is the key of the evaluation that measured the numbers, None where there are none.
    """

    outcome: Outcome
    error: ErrorClass | None = None
    reason: str | None = None
    numbers: dict[str, float] = {}
    evaluation: str | None = None
