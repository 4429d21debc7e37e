"""The cells of a sweep on the axes of its objectives, and which of them stand on the front."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from trainables.methods import METHODS
from vae_sweep.journal.invariants import metrics_of
from vae_sweep.journal.records import SweepRecord, TrialRecord
from vae_sweep.statistics.front import on_front
from vae_sweep.statistics.replicates import Replicates, means
from vae_sweep.statistics.trust import MOST_BAD, TIGHT, bad_share, cannot_tell, sampling_error

NOT_TIGHT = "no tight value of NLL and PPL, only that of samples from q"


@dataclass(frozen=True)
class Cells:
    """The complete cells of a sweep on one split, without reference methods.

    `points` are their objectives by seed, `errors` the standard error that sampling leaves in the mean of each.
    `unknown_likelihood` says of a cell why its likelihood is not known: it is compared with no other and stands on
    no front. A cell that has none has no point.
    """

    points: Replicates
    errors: dict[int, list[float]]
    unknown_likelihood: dict[int, str]

    @cached_property
    def ranked(self) -> Replicates:
        """Return the points of the cells that are known."""
        return {cell: seeds for cell, seeds in self.points.items() if cell not in self.unknown_likelihood}


def cells_of(record: SweepRecord, metrics: tuple[str, ...], split: str = "validation") -> Cells:
    """Return the cells that have all objectives in all their trials, and those without only NLL or PPL."""
    tables: dict[int, dict[int, dict[str, float]]] = {}
    lacking: dict[int, set[str]] = {}
    for trial in record.trials.values():
        if not METHODS[trial.method].reference:
            numbers = split_numbers(trial, split)
            tables.setdefault(trial.cell, {})[trial.seed] = numbers
            lacking.setdefault(trial.cell, set()).update(_lacking(numbers, metrics))
    whole = {cell: seeds for cell, seeds in tables.items() if not lacking[cell]}
    unknown = {cell: reason for cell, seeds in whole.items() if (reason := why_unknown(seeds.values(), metrics))}
    unknown |= {cell: NOT_TIGHT for cell, metrics in lacking.items() if metrics == {NOT_TIGHT}}
    return Cells(
        {
            cell: {seed: [numbers[metric] for metric in metrics] for seed, numbers in seeds.items()}
            for cell, seeds in whole.items()
        },
        {cell: [sampling_error(seeds.values(), metric) for metric in metrics] for cell, seeds in whole.items()},
        unknown,
    )


def objectives_of(record: SweepRecord, metrics: tuple[str, ...]) -> dict[int, list[float]]:
    """Return the mean objectives over its seeds of each complete cell that is known."""
    return means(cells_of(record, metrics).ranked)


def front_cells(record: SweepRecord, metrics: tuple[str, ...]) -> set[int]:
    """Return the numbers of the cells that no other beats on every objective."""
    values = objectives_of(record, metrics)
    flags = on_front(list(values.values()))
    return {cell for cell, flag in zip(values, flags, strict=True) if flag}


def split_numbers(trial: TrialRecord, split: str) -> dict[str, float]:
    """Return what a trial ended with on a split, as metric -> value; empty where it was not measured."""
    source = trial.scored if split == "test" else (trial.final.numbers if trial.final else {})
    return {metric: value for metric, value in metrics_of(source, split).items() if value is not None}


def why_unknown(replicates: Collection[dict[str, float]], metrics: Collection[str]) -> str:
    """Return why the likelihood of a cell is not known; empty where it is, or no objective."""
    if any(NOT_TIGHT in _lacking(numbers, metrics) for numbers in replicates):
        return NOT_TIGHT
    if not cannot_tell(replicates, metrics):
        return ""
    return f"{bad_share(replicates):.1%} of its sentences have Pareto k > 0.7, {MOST_BAD:.0%} at most may"


def _lacking(numbers: dict[str, float], metrics: Collection[str]) -> Iterator[str]:
    """Yield the objectives that a trial does not have; NOT_TIGHT for those of which it has q's estimate."""
    for metric in metrics:
        if metric not in numbers:
            yield NOT_TIGHT if metric in TIGHT and f"iw_{metric}" in numbers else metric
