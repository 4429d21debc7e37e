"""What a journal says, read back: the sweep, its cells, its trials, their epochs and ends."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from trainables.base import digest
from trainables.storage_paths import StoragePath
from vae_sweep.journal.conflicts import Conflict
from vae_sweep.journal.journaled_spec import JournaledSpec
from vae_sweep.storage.checkpoint_paths import located

Numbers = dict[str, float | None]

SETTLED = frozenset({"finished", "collapsed", "pruned", "diverged"})
"""Outcomes that a restart does not reopen; a failed trial that starts again is open again."""


@dataclass(frozen=True, slots=True)
class LaunchRecord:
    """One start of a driver; `time` in unix seconds.

    `keys_version` is the trainer's, which enters every key; None where an earlier version wrote none.
    """

    attempt: int
    time: float
    spec: dict[str, Any]
    versions: dict[str, str]
    git_commit: str | None
    corpus: dict[str, Any]
    data_directory: str | None = None
    keys_version: int | None = None


@dataclass(frozen=True, slots=True)
class CellRecord:
    """A method with its values; the number is Optuna's."""

    number: int
    method: str
    values: dict[str, Any]


class EpochRecord(NamedTuple):
    """One epoch of one phase, as it was first reported. A tuple, for there may be 100,000 of them."""

    phase: str
    epoch: int
    numbers: Numbers
    time: float


@dataclass(frozen=True, slots=True)
class RungRecord:
    """A trial measured in the midst of its VAE phase, after `epoch` of its epochs."""

    epoch: int
    numbers: Numbers
    collapsed: str | None


@dataclass(frozen=True, slots=True)
class StoreRecord:
    """How a trial came by its pretraining: hit, waited, miss, or waiting now; seconds waited and saved."""

    key: str
    event: str
    seconds: float
    saved: float
    holder: str | None


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """A split measured once, under the evaluation of this key; None where an earlier version wrote none.

    `settings` are those of an evaluation that is not the trial's own, else None; `line` counts the lines before.
    """

    split: str
    numbers: Numbers
    evaluation: str | None
    settings: dict[str, Any] | None
    time: float
    line: int


@dataclass(frozen=True, slots=True)
class FinalRecord:
    """The end of a trial; `error` is the class of a failure, `numbers` are its newest on validation."""

    outcome: str
    error: str | None
    reason: str | None
    numbers: Numbers
    checkpoint: StoragePath | None
    time: float


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A cell and a seed, and all that is known of its run; `attempts` counts its starts.

    `reported` are its checkpoints as the journal in `folder` names them, oldest first. `damaged` names what could
    not be used, `hosts` the machines it ran on. `scored` are its newest numbers on test, `scores` all that was
    measured, oldest first. `probes` are the names of those that ran, `probed` their numbers, `texts` the folder of
    their pages.
    """

    id: str
    cell: int
    seed: int
    method: str
    values: dict[str, Any]
    spec: JournaledSpec
    started_at: float
    folder: Path
    attempts: int = 1
    epochs: list[EpochRecord] = field(default_factory=list)
    rungs: list[RungRecord] = field(default_factory=list)
    final: FinalRecord | None = None
    scored: Numbers = field(default_factory=dict)
    scores: list[ScoreRecord] = field(default_factory=list)
    probed: Numbers = field(default_factory=dict)
    probes: list[str] = field(default_factory=list)
    texts: Path | None = None
    reported: list[str] = field(default_factory=list)
    store: list[StoreRecord] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    @property
    def newest_checkpoint(self) -> StoragePath | None:
        """Return the checkpoint reported last."""
        return located(self.reported[-1], self.folder) if self.reported else None

    @property
    def checkpoints(self) -> list[StoragePath]:
        """Return where the checkpoints lie, oldest first; whether they still exist is not known here."""
        return [located(text, self.folder) for text in self.reported]

    @property
    def target_rate(self) -> float | None:
        """Return λ of the trial, nats, by its cell or else its method; None where its method has none."""
        rate: float | None = self.values.get("target_rate", self.spec.target_rate)
        return rate

    def score(self, split: str) -> ScoreRecord | None:
        """Return the newest score of a split."""
        return next((found for found in reversed(self.scores) if found.split == split), None)

    def own_numbers(self, split: str) -> Numbers:
        """Return the newest numbers of a split under the evaluation that the trial was planned with."""
        own = (found.numbers for found in reversed(self.scores) if found.split == split and not found.settings)
        return next(own, {})

    @property
    def settled(self) -> bool:
        """Say whether the trial has ended for good; a failed one runs again with the next launch."""
        return self.final is not None and self.final.outcome in SETTLED

    @property
    def pretraining(self) -> StoreRecord | None:
        """Return how the trial came by its pretraining at last, None where it has none from the store."""
        return next((found for found in reversed(self.store) if found.event != "waiting"), None)

    @property
    def ended_at(self) -> float | None:
        """Return when the trial ended, in unix seconds; None while it is open."""
        return self.final.time if self.final else None


@dataclass(frozen=True, slots=True)
class SweepRecord:
    """A sweep as the journal in `folder` has it; `ended` is the outcome of its last end, None after a new launch.

    `warm` are the cells of an earlier sweep that its search learned from: method, values, objectives. `changes`
    say in what its surroundings changed at the newest launch, or since.
    """

    name: str
    folder: Path
    launches: list[LaunchRecord]
    cells: dict[int, CellRecord]
    trials: dict[str, TrialRecord]
    ended: str | None
    ended_at: float | None
    warm: Sequence[dict[str, Any]] = ()
    changes: Sequence[str] = ()

    @property
    def spec(self) -> dict[str, Any]:
        """Return the resolved spec of the newest launch; empty before the first."""
        return self.launches[-1].spec if self.launches else {}

    @property
    def identity(self) -> str:
        """Return 16 hex digits that name this sweep and no other of the same name."""
        return digest([self.name, self.launches[0].time if self.launches else None])[:16]
