"""Live progress of a sweep, from the journal's events as they are written."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from trainables.spec import TrialSpec
from vae_sweep.journal.events import (
    ChangedEvent,
    EpochEvent,
    FinalEvent,
    JournalEvent,
    LostEvent,
    Message,
    NodesEvent,
    RepairedEvent,
    ScoredEvent,
    StoreEvent,
    TrialStarted,
    UnscoredEvent,
)
from vae_sweep.journal.invariants import metrics_of
from vae_sweep.journal.records import Numbers
from vae_sweep.statistics.trust import cannot_tell


class LiveProgress:
    """On a terminal a few lines that renew themselves; elsewhere one line for each ended trial."""

    def __init__(self, console: Console, trial_count: int) -> None:
        self._console, self._count = console, trial_count
        self._started = time.monotonic()
        self._planned: dict[str, int] = {}
        self._epochs: dict[str, int] = {}
        self._place: dict[str, str] = {}
        self._outcomes: dict[str, str] = {}
        self._reference: set[str] = set()
        self._best: dict[str, tuple[float, str]] = {}
        self._live = Live(console=console, get_renderable=self.__rich__, refresh_per_second=2, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def watch(self, event: JournalEvent | Message) -> None:
        """Take notice of what was just journaled, or told."""
        match event:
            case TrialStarted(trial=trial):
                spec = TrialSpec.model_validate(event.spec)
                self._planned[trial] = sum(phase.training.epochs for phase in spec.phases())
                if spec.method.reference:
                    self._reference.add(trial)
                self._place[trial] = "starting"
            case EpochEvent(trial=trial):
                self._epochs[trial] = self._epochs.get(trial, 0) + 1
                self._place[trial] = f"{event.phase} epoch {event.epoch + 1}"
            case FinalEvent():
                self._end(event)
            case ScoredEvent():
                found = ((split, _shown(event.numbers, split)) for split in ("validation", "test"))
                self._say(f"{event.trial}: " + "; ".join(f"{split} {text}" for split, text in found if text))
            case NodesEvent():
                self._nodes(event)
            case RepairedEvent(text=text) | Message(text=text):
                self._say(text)
            case ChangedEvent():
                for text in event.texts:
                    self._say(f"warning: {text}")
            case UnscoredEvent():
                self._say(f"{event.trial}: not scored: {event.reason}")
            case LostEvent():
                self._say(f"{event.trial}: its weights are lost, it is trained again: {event.reason}")
            case StoreEvent():
                self._stored(event)

    def _stored(self, event: StoreEvent) -> None:
        for text in event.damaged or ():
            self._say(f"{event.trial}: {text}")
        if event.event == "waiting":
            self._place[event.trial] = f"waits for the pretraining of {event.holder}"
        elif event.event != "miss":
            self._say(f"{event.trial}: pretraining from the store, {event.saved:.0f} s of training saved")

    def _nodes(self, event: NodesEvent) -> None:
        for text in event.warnings:
            self._say(f"warning: {text}")
        for node in event.nodes:
            name = f"node {node['node'][:8]} ({node['host']}, {node['address']})"
            for text in node["warnings"]:
                self._say(f"warning: {name}: {text}")
            for text in node["problems"]:
                self._say(f"{name} cannot run trials: {text}")
        if left_out := sum(not node["good"] for node in event.nodes):
            self._say(f"{left_out} of {len(event.nodes)} nodes left out")

    def _end(self, event: FinalEvent) -> None:
        trial = event.trial
        self._place.pop(trial, None)
        self._outcomes[trial] = event.outcome
        self._epochs[trial] = self._planned.get(trial, 0)
        for metric in ("perplexity", "reconstruction"):
            value = event.numbers.get(f"validation/{metric}")
            if value is None or trial in self._reference or _unknown(event.numbers, "validation", metric):
                continue
            if metric not in self._best or value < self._best[metric][0]:
                self._best[metric] = (value, trial)
        shown = _shown(event.numbers, "validation")
        why = f" ({event.reason.strip().splitlines()[-1]})" if event.reason else ""
        self._say(f"{trial}: {event.outcome} {shown}{why}")

    def _say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, highlight=False, markup=False)

    def __rich__(self) -> Group:
        """What a terminal shows now."""
        done = len(self._outcomes)
        bad = sum(outcome in ("failed", "diverged") for outcome in self._outcomes.values())
        running = ", ".join(f"{trial} {place}" for trial, place in sorted(self._place.items()))
        head = f"{done}/{self._count} trials done, {len(self._place)} running, {bad} failed or diverged"
        best = "; ".join(f"best {metric} {value:.3f} ({trial})" for metric, (value, trial) in self._best.items())
        return Group(Text(f"{head}; {self._left()}"), Text(running), Text(best))

    def _left(self) -> str:
        done = sum(self._epochs.values())
        if not done or not self._planned:
            return "time left unknown"
        mean = sum(self._planned.values()) / len(self._planned)
        total = mean * self._count
        seconds = (time.monotonic() - self._started) * max(0.0, total - done) / done
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"


def _shown(numbers: Numbers, split: str) -> str:
    """Return those of the two objectives that a trial has, in words; `?` behind a perplexity that is not known."""
    metrics = [metric for metric in ("perplexity", "reconstruction") if f"{split}/{metric}" in numbers]
    marks = {metric: "?" for metric in metrics if _unknown(numbers, split, metric)}
    return ", ".join(f"{metric} {numbers[f'{split}/{metric}']:.3f}{marks.get(metric, '')}" for metric in metrics)


def _unknown(numbers: Mapping[str, float | None], split: str, metric: str) -> bool:
    return cannot_tell([metrics_of(numbers, split)], [metric])
