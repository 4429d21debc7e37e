"""Numbers of a replay held against the journal's, bit for bit, costs excluded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainables.training.report import SCORED, EpochReport, FinalReport
from vae_sweep.journal.former_metrics import former_splits
from vae_sweep.journal.metrics import COSTS, metric_of
from vae_sweep.journal.records import FinalRecord, TrialRecord

_ABSENT = "absent"
REPLAYABLE = (*SCORED, "diverged")
"""Outcomes that the spec alone decides, so that a replay must come to them again."""


@dataclass(frozen=True)
class NumberDifference:
    """One value that the replay gives otherwise."""

    place: str
    key: str
    journaled: Any
    here: Any

    def __str__(self) -> str:
        return f"{self.place}, {self.key}: journal {self.journaled!r}, here {self.here!r}"


@dataclass
class ReplayComparison:
    """Compares a replay's reports with the journal; `gaps` are epochs that are missing in the journal.

    Of splits that were measured before there was a tight estimate, what only one side has is passed over.
    """

    trial: TrialRecord
    epochs: int = 0
    numbers: int = 0
    differences: list[NumberDifference] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._left = {(one.phase, one.epoch): one.numbers for one in self.trial.epochs}
        self._last: dict[str, int] = {}
        self._beyond = False
        for phase, epoch in self._left:
            self._last[phase] = max(epoch, self._last.get(phase, 0))

    @property
    def whole(self) -> bool:
        """Say whether the journal has the trial to an end that a replay must reach."""
        return self.trial.final is not None and self.trial.final.outcome in REPLAYABLE

    @property
    def exhausted(self) -> bool:
        """Say whether nothing is left in the journal to compare with, or a divergence has failed to come."""
        missed = self._beyond and self.trial.final is not None and self.trial.final.outcome == "diverged"
        return not self._left and (missed or not self.whole)

    def epoch(self, report: EpochReport) -> None:
        """Compare an epoch."""
        place = f"{report.phase} epoch {report.epoch}"
        journaled = self._left.pop((report.phase, report.epoch), None)
        if journaled is not None:
            self.epochs += 1
            self._compare(place, journaled, report.numbers)
        elif report.epoch < self._last.get(report.phase, -1):
            self.gaps.append(place)
        else:
            self._beyond = True
            self.differences.append(NumberDifference(place, "the epoch", _ABSENT, "it ran"))

    def end(self, here: FinalReport) -> None:
        """Compare the end, and note the epochs that did not come."""
        self.differences += [
            NumberDifference(f"{phase} epoch {epoch}", "the epoch", "it ran", _ABSENT)
            for phase, epoch in self._left
        ]
        final = self.trial.final
        if final is None:
            return
        for key, journaled, found in _ends(final, here):
            if journaled != found:
                self.differences.append(NumberDifference("the end", key, journaled, found))
        self._compare("the end", self.trial.own_numbers("validation"), here.numbers)

    def score(self, here: Mapping[str, float]) -> None:
        """Compare the numbers of the test split."""
        self._compare("the test split", self.trial.own_numbers("test"), here)

    def _compare(self, place: str, journaled: Mapping[str, float | None], here: Mapping[str, float]) -> None:
        former = tuple(former_splits(journaled))
        for key in sorted(journaled.keys() | here.keys()):
            both = key in journaled and key in here
            if metric_of(key) in COSTS or (key.startswith(former) and not both):
                continue
            self.numbers += 1
            before, now = journaled.get(key, _ABSENT), here.get(key, _ABSENT)
            if _bits(before) != _bits(now):
                self.differences.append(NumberDifference(place, key, before, now))


def _ends(final: FinalRecord, here: FinalReport) -> Iterator[tuple[str, str | None, str | None]]:
    yield "outcome", final.outcome, here.outcome
    if final.outcome == here.outcome == "diverged":
        yield "reason", final.reason, here.reason


def _bits(value: float | str | None) -> str | None:
    return float(value).hex() if isinstance(value, int | float) else value
