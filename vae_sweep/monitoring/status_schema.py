"""The document of a status: how a sweep stands, as plain values."""

from typing import Any, Literal

from trainables.base import Spec
from vae_sweep.monitoring.eta import Left

FORMAT = 1
"""Raised whenever a field of the JSON document changes its meaning or goes."""

SweepState = Literal["never launched", "running", "ending", "complete", "failed", "stopped", "interrupted"]


class Driver(Spec):
    """The process that holds the sweep; `sign` is None where its heartbeat was not watched.

    `drives` is false of one that probes, collects garbage, or has not launched yet.
    """

    process: int
    host: str
    seconds: float
    drives: bool
    sign: bool | None


class RunningTrial(Spec):
    """A trial that runs or waits; `done` epochs of at most `epochs` in its phase, validation numbers of the last.

    `silent` seconds have passed since its last line.
    """

    trial: str
    state: Literal["running", "waiting"]
    method: str
    values: dict[str, Any]
    phase: str | None
    done: int
    epochs: int | None
    numbers: dict[str, float | None]
    host: str | None
    silent: float
    waits_for: str | None


class FailedTrial(Spec):
    """A failed trial, the class of its error and the last line of the reason."""

    trial: str
    error: str | None
    reason: str


class TrialCounts(Spec):
    """Trials: `planned` is cells times seeds when the sweep is complete, None where the spec cannot be read."""

    planned: int | None
    cells: int
    started: int
    running: int
    waiting: int
    interrupted: int
    ended: dict[str, int]
    scored: int


class Pretraining(Spec):
    """How the trials came by their pretraining, one each; seconds waited and seconds of training saved."""

    trained: int
    hits: int
    waited: int
    seconds_waited: float
    seconds_saved: float


class StatusRemark(Spec):
    """Something that was damaged, lost or cannot be done; `trial` is None where it is the sweep's."""

    kind: Literal["repaired", "lost", "damaged", "unscored", "conflict", "measured", "renamed", "changed"]
    trial: str | None
    text: str


class SweepStatus(Spec):
    """One document; seconds of `elapsed` are those of the newest launch, of `driven` those of all."""

    format: int = FORMAT
    sweep: str
    folder: str
    state: SweepState
    driver: Driver | None
    outcome: str | None
    reason: str | None
    stop: Literal["epoch", "finish"] | None
    launches: int
    trials: TrialCounts
    running: list[RunningTrial]
    interrupted: list[str]
    failed: list[FailedTrial]
    pretraining: Pretraining
    elapsed: float
    driven: float
    left: Left
    lines: int
    last_line: float | None
    remarks: list[StatusRemark]
