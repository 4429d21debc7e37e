"""Every kind of line in a journal, and what it holds."""

import time
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from trainables.former_keys import in_todays_keys
from vae_sweep.journal.records import Numbers

Stored = Annotated[dict[str, Any], AfterValidator(in_todays_keys)]
"""Plain values of a spec, or of a cell, under the names of today whichever version wrote them."""


class Event(BaseModel):
    """One line of a journal; `time` in unix seconds, by default now. A line may hold more than is declared."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", allow_inf_nan=False)

    kind: str
    time: float = Field(default_factory=time.time)


class TrialEvent(Event):
    """What happened to one trial."""

    trial: str


class ReportEvent(TrialEvent):
    """What a trial reported: where its checkpoint lies, on which host it runs, what it found damaged."""

    checkpoint: str | None = None
    host: str | None = None
    damaged: list[str] | None = None


class LaunchEvent(Event):
    """A driver starts; `keys_version` and `lease` are None where an earlier version wrote none."""

    kind: Literal["launch"] = "launch"
    sweep: str
    attempt: int
    spec: Stored
    versions: dict[str, str]
    git_commit: str | None = None
    corpus: dict[str, Any]
    remarks: list[Any] | None = None
    data_directory: str | None = None
    keys_version: int | None = None
    lease: str | None = None


class CellEvent(Event):
    """A cell was drawn."""

    kind: Literal["cell"] = "cell"
    cell: int
    method: str
    values: Stored


class TrialStarted(TrialEvent):
    """A trial starts, or starts again."""

    kind: Literal["trial"] = "trial"
    cell: int
    seed: int
    method: str
    values: Stored
    attempt: int
    spec: Stored
    threads: int | None = None


class EpochEvent(ReportEvent):
    """An epoch ended; `stored` where it was taken from the pretraining store."""

    kind: Literal["epoch"] = "epoch"
    phase: str
    epoch: int
    numbers: Numbers
    stored: bool = False


class RungEvent(ReportEvent):
    """A trial was measured in the midst of its VAE phase."""

    kind: Literal["rung"] = "rung"
    epoch: int
    numbers: Numbers
    collapsed: str | None = None


class FinalEvent(ReportEvent):
    """A trial ended; `error` is the class of a failure, `evaluation` the key of what measured the numbers."""

    kind: Literal["final"] = "final"
    outcome: str
    reason: str | None = None
    error: str | None = None
    numbers: Numbers
    evaluation: str | None = None


class StoreEvent(ReportEvent):
    """How a trial comes by its pretraining; seconds waited, seconds of training saved."""

    kind: Literal["store"] = "store"
    key: str
    event: str
    seconds: float
    saved: float
    holder: str | None = None


class ScoredEvent(TrialEvent):
    """A trial's weights were measured; `settings` are those of an evaluation that is not the trial's own."""

    kind: Literal["scored"] = "scored"
    numbers: Numbers
    evaluation: str | None = None
    settings: dict[str, Any] | None = None


class ProbedEvent(TrialEvent):
    """A trial's weights were probed; `texts` is the folder of its pages, relative to the sweep's."""

    kind: Literal["probed"] = "probed"
    numbers: Numbers
    probes: list[str]
    texts: str | None = None


class UnscoredEvent(TrialEvent):
    """A trial could not be scored now."""

    kind: Literal["unscored"] = "unscored"
    reason: str


class LostEvent(TrialEvent):
    """A trial's weights are lost; it is open again."""

    kind: Literal["lost"] = "lost"
    reason: str


class NodesEvent(Event):
    """What the nodes of a cluster said of themselves before the first trial."""

    kind: Literal["nodes"] = "nodes"
    nodes: list[dict[str, Any]]
    warnings: list[str]


class RepairedEvent(Event):
    """Something on disk was damaged and is mended."""

    kind: Literal["repaired"] = "repaired"
    text: str


class ChangedEvent(Event):
    """What decides numbers is not as at the newest launch; `by` is the verb that found it."""

    kind: Literal["changed"] = "changed"
    by: str
    texts: list[str]


class WarmEvent(Event):
    """The cells of an earlier sweep that the search learns from; `others` of that sweep could not be used."""

    kind: Literal["warm"] = "warm"
    sweep: str
    cells: Annotated[list[dict[str, Any]], AfterValidator(in_todays_keys)]
    others: int | None = None


class EndEvent(Event):
    """A launch ended."""

    kind: Literal["end"] = "end"
    outcome: str
    reason: str | None = None


JournalEvent = (
    LaunchEvent
    | CellEvent
    | TrialStarted
    | EpochEvent
    | RungEvent
    | FinalEvent
    | StoreEvent
    | ScoredEvent
    | ProbedEvent
    | UnscoredEvent
    | LostEvent
    | NodesEvent
    | RepairedEvent
    | ChangedEvent
    | WarmEvent
    | EndEvent
)


@dataclass(frozen=True)
class Message:
    """What is told to whoever watches a sweep, and journaled nowhere."""

    text: str
