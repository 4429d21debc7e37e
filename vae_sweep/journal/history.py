"""A journal read for people: the sweep's record, and what its lines say of when, where and by whose doing."""

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from vae_sweep.config.paths import pasted
from vae_sweep.errors import LaunchError
from vae_sweep.formatting import pluralise
from vae_sweep.journal.events import (
    EndEvent,
    EpochEvent,
    FinalEvent,
    JournalEvent,
    LaunchEvent,
    LostEvent,
    RepairedEvent,
    ReportEvent,
    ScoredEvent,
    StoreEvent,
    TrialEvent,
    TrialStarted,
    UnscoredEvent,
)
from vae_sweep.journal.records import SweepRecord, TrialRecord
from vae_sweep.storage.lease import Owner

MOST_NAMES = 20
"""How many trials an error names."""


@dataclass
class TrialStart:
    """One start of a trial under a launch; the host is known from its first report."""

    attempt: int
    time: float
    host: str | None = None


@dataclass
class TrialTimeline:
    """What a trial's lines tell beside its record.

    `open` says that it started and has neither ended nor lost its weights since, `holder` whose pretraining it
    waits for now, `stored` which epochs came from the store, `unscored` why its last scoring failed.
    """

    starts: list[TrialStart] = field(default_factory=list)
    last: float = 0.0
    open: bool = False
    holder: str | None = None
    stored: set[tuple[str, int]] = field(default_factory=set)
    unscored: str | None = None
    lost: list[str] = field(default_factory=list)

    @property
    def host(self) -> str | None:
        """Return where the trial ran since its last start; None before its first report."""
        return self.starts[-1].host if self.starts else None


@dataclass
class History:
    """A sweep's record, what its trials' lines tell beside, and when it was driven.

    `spans` are the launches, from their first line to their end or else their last line, in unix seconds; `lease`
    names the lease under which the newest was made, None where an earlier version wrote it. `last` is the time of
    the last line, `reason` why the last end came.
    """

    record: SweepRecord
    timelines: dict[str, TrialTimeline] = field(default_factory=dict)
    spans: list[tuple[float, float]] = field(default_factory=list)
    lease: str | None = None
    lines: int = 0
    last: float | None = None
    repaired: list[str] = field(default_factory=list)
    reason: str | None = None
    closed: bool = True

    def note(self, event: JournalEvent) -> None:
        """Take in what an event says beside the record."""
        self.lines += 1
        self.last = event.time
        match event:
            case TrialEvent():
                _note_trial(self.timelines.setdefault(event.trial, TrialTimeline()), event)
            case LaunchEvent():
                self.spans.append((event.time, event.time))
                self.lease, self.reason, self.closed = event.lease, None, False
            case RepairedEvent():
                self.repaired.append(event.text)
        if self.spans and not self.closed:
            self.spans[-1] = (self.spans[-1][0], max(event.time, self.spans[-1][1]))
        if isinstance(event, EndEvent):
            self.reason, self.closed = event.reason, True

    @property
    def attempt(self) -> int:
        """Return the number of the newest launch, 0 before the first."""
        return self.record.launches[-1].attempt if self.record.launches else 0

    def launched_by(self, driver: Owner | None) -> bool:
        """Say whether the newest launch is this driver's, by its lease; who only probes has made none.

        Clocks may be set while a sweep runs: only for journals of earlier versions are they compared.
        """
        if driver is None or not self.spans:
            return False
        return self.spans[-1][0] >= driver.since if self.lease is None else self.lease == driver.nonce

    def driven_by(self, driver: Owner | None) -> bool:
        """Say whether trials run under this driver: it has launched and not ended."""
        return self.launched_by(driver) and self.record.ended is None

    def state(self, trial: TrialRecord, driven: bool) -> str:
        """Return a trial's outcome; where it has none: running, waiting (for a pretraining) or interrupted."""
        if trial.final is not None:
            return trial.final.outcome
        timeline = self.timelines[trial.id]
        if not (driven and timeline.open and timeline.starts[-1].attempt == self.attempt):
            return "interrupted"
        return "waiting" if timeline.holder else "running"


def renamed(folder: Path, record: SweepRecord) -> list[str]:
    """Return what to do where a sweep's folder does not carry its name, nothing where it does."""
    here = folder.absolute()
    if here.name == record.name or not record.launches:
        return []
    back = f"mv {pasted(here)} {pasted(here.with_name(record.name))}"
    said = f"the folder was renamed from {record.name}; what resumes, scores or uses it asks for its name"
    return [f"{said}: {back}"]


def find_trial(record: SweepRecord, name: str) -> TrialRecord:
    """Return the trial of this id, or the only one whose id begins so. Raises LaunchError."""
    if name in record.trials:
        return record.trials[name]
    found = sorted(trial for trial in record.trials if trial.startswith(name) and name)
    if len(found) == 1:
        return record.trials[found[0]]
    if found:
        raise LaunchError(f"trial {name!r} of sweep {record.name} may be {_listed(found)}; give more of its name")
    known = sorted(record.trials)
    if not known:
        raise LaunchError(f"sweep {record.name} has started no trial yet; vae-sweep status shows how far it is")
    near = get_close_matches(name, known, 1, cutoff=0.5)
    hint = f"; did you mean {near[0]}? There are: " if near else "; there are: "
    raise LaunchError(f"sweep {record.name} has no trial {name!r}{hint}{_listed(known)}")


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {pluralise(more, 'other')}" if more > 0 else "")


def _note_trial(timeline: TrialTimeline, event: TrialEvent) -> None:
    timeline.last = event.time
    if isinstance(event, ReportEvent) and timeline.starts and timeline.starts[-1].host is None:
        timeline.starts[-1].host = event.host
    match event:
        case TrialStarted():
            timeline.starts.append(TrialStart(event.attempt, event.time))
            timeline.open, timeline.holder = True, None
        case StoreEvent():
            timeline.holder = (event.holder or "another trial") if event.event == "waiting" else None
        case EpochEvent(stored=True):
            timeline.stored.add((event.phase, event.epoch))
        case UnscoredEvent():
            timeline.unscored = event.reason
        case ScoredEvent():
            timeline.unscored = None
        case LostEvent():
            timeline.lost.append(event.reason)
            timeline.open, timeline.holder = False, None
        case FinalEvent():
            timeline.open, timeline.holder = False, None
