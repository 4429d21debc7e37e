"""A table of trained cells, read from two sweeps, in which the replay of searchers looks its numbers up."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trainables.rungs import on_rung
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.records import TrialRecord
from vae_sweep.search.state import column_means
from vae_sweep.statistics.hypervolume import hypervolume

Key = tuple[str, str, int]
"""Method, values as JSON, seed."""


@dataclass
class Lookup:
    """The trained table: trials by method, values and seed; `plain` all ran to their end, `rungs` may not."""

    plain: dict[Key, TrialRecord]
    rungs: dict[Key, TrialRecord]
    metrics: tuple[str, ...]
    shortest: dict[tuple[str, str], float] = field(default_factory=dict)
    truth: dict[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)
    worst: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        for trial in (*self.plain.values(), *self.rungs.values()):
            for epoch in trial.epochs:
                kind = epoch.phase, "" if epoch.phase == "pretrain" else trial.method
                seconds = epoch.numbers["train/seconds"] or 0.0
                self.shortest[kind] = min(seconds, self.shortest.get(kind, seconds))
        rows: dict[tuple[str, str], list[list[float]]] = {}
        for (method, values, _), trial in self.plain.items():
            rows.setdefault((method, values), []).append(objectives(trial, self.metrics))
        self.truth = {cell: column_means(found) for cell, found in rows.items()}
        self.worst = [max(column) for column in zip(*self.truth.values(), strict=True)]

    def seconds_of(self, key: Key) -> tuple[list[float], list[float]]:
        """Return the seconds of a trial's VAE epochs, and of its pretraining's.

        An epoch counts as the shortest of its method in the table: the machine did other work beside.
        """
        by_phase: dict[str, list[float]] = {"vae": [], "pretrain": []}
        for epoch in self.plain[key].epochs:
            kind = epoch.phase, "" if epoch.phase == "pretrain" else key[0]
            by_phase[epoch.phase].append(self.shortest[kind])
        return by_phase["vae"], by_phase["pretrain"]

    def share(self, cells: list[tuple[str, str]]) -> float:
        """Return the hypervolume of cells at their means over all seeds, as a share of the table's."""
        whole = hypervolume(list(self.truth.values()), self.worst)
        return hypervolume([self.truth[cell] for cell in cells], self.worst) / whole


def objectives(trial: TrialRecord, metrics: tuple[str, ...]) -> list[float]:
    """Return a trained trial's objectives."""
    numbers = trial.final.numbers if trial.final else {}
    return [value for metric in metrics if (value := numbers.get(f"validation/{metric}")) is not None]


def key_of(method: str, values: Any, seed: int) -> Key:
    """Return a trial's place in the table."""
    return method, json.dumps({name: float(value) for name, value in values.items()}, sort_keys=True), seed


def lookup(rungs: Path, full: Path, metrics: tuple[str, ...]) -> Lookup:
    """Read the sweep with rungs, and the one in which what collapsed ran on. Raises ValueError for open trials."""
    measured, further = {key: judged(trial) for key, trial in ended(rungs).items()}, ended(full)
    early = {key for key, trial in ended(rungs).items() if any(rung.collapsed for rung in trial.rungs)}
    if missing := early - further.keys():
        raise ValueError(f"{full}: ended at a rung, and not trained further there: {sorted(missing)}")
    return Lookup(
        {key: further[key] if key in early else trial for key, trial in measured.items()}, measured, metrics
    )


def judged(trial: TrialRecord) -> TrialRecord:
    """Return a trial with those of its rungs at which it is judged: its KL weight stays at its full value."""
    spec = trial.spec.trial
    assert spec is not None, f"{trial.id}: another version wrote its spec"
    rungs = [rung for rung in trial.rungs if on_rung(spec, spec.phases()[-1], rung.epoch, 1.0)]
    return replace(trial, rungs=rungs)


def ended(folder: Path) -> dict[Key, TrialRecord]:
    """Return the trials of a sweep by their places in the table."""
    trials = read_sweep(folder / "journal.jsonl").trials.values()
    if open_trials := [trial.id for trial in trials if not trial.settled]:
        raise ValueError(f"{folder}: {', '.join(open_trials)} did not end; resume it first")
    return {key_of(trial.method, trial.values, trial.seed): trial for trial in trials}
