"""What a searcher starts from: the cells that are known, what they gave, and the trials that are left of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainables.training.report import SCORED, FinalReport
from vae_sweep.config.sweep_spec import Draw, SweepSpec
from vae_sweep.journal.invariants import metrics_of
from vae_sweep.search.sampling import Cell
from vae_sweep.statistics.trust import Metrics, cannot_tell, sampling_error


@dataclass(frozen=True)
class Assignment:
    """One Ray trial to run: a cell, a seed, and the checkpoints it may start from, newest first.

    `retries` counts the times that it ran out of memory in this launch.
    """

    cell: Cell
    seed: int
    starts: tuple[str, ...] = ()
    retries: int = 0


@dataclass(frozen=True)
class EvaluatedCell:
    """What a cell gave: its mean objectives, in the order of the spec's."""

    method: str
    values: Draw
    objectives: tuple[float, ...]


@dataclass
class SearchState:
    """What the journal knows of a sweep when a driver starts; grows while the driver lives.

    `warm` are cells of an earlier sweep, which the search learns from and which are not its own.
    """

    cells: list[Cell] = field(default_factory=list)
    ended: dict[int, dict[int, FinalReport]] = field(default_factory=dict)
    unfinished: Sequence[Assignment] = ()
    warm: Sequence[EvaluatedCell] = ()


@dataclass(frozen=True)
class Replicate:
    """What a seed of a cell gave on validation: its objectives, and all its numbers by metric."""

    objectives: list[float]
    numbers: Metrics


def replicate_of(spec: SweepSpec, final: FinalReport) -> Replicate | None:
    """Return what a replicate gave, None where it has not all objectives, finite."""
    numbers, metrics = metrics_of(final.numbers, "validation"), spec.search.objectives
    values = [math.nan if (value := numbers.get(metric)) is None else value for metric in metrics]
    if final.outcome not in SCORED or not all(map(math.isfinite, values)):
        return None
    return Replicate(values, numbers)


def known_replicates(spec: SweepSpec, finals: Mapping[int, FinalReport]) -> dict[int, Replicate]:
    """Return the replicates of a cell by seed; empty where one gave nothing, or its likelihood is not known."""
    rows = {seed: replicate_of(spec, final) for seed, final in finals.items()}
    known = {seed: row for seed, row in rows.items() if row is not None}
    unknown = cannot_tell([row.numbers for row in known.values()], spec.search.objectives)
    return {} if unknown or len(known) < len(finals) else known


def first_replicates(spec: SweepSpec, finals: Mapping[int, FinalReport]) -> dict[int, Replicate]:
    """Return the replicates of a cell by seed; empty before its first seeds have all ended and are known."""
    known = known_replicates(spec, finals)
    return known if known.keys() >= set(spec.first_seeds) else {}


def mean_objectives(replicates: Mapping[int, Replicate]) -> tuple[float, ...]:
    """Return the mean objectives of a cell over its seeds."""
    return column_means([row.objectives for row in replicates.values()])


def race_tables(
    spec: SweepSpec, cells: Mapping[int, Mapping[int, Replicate]]
) -> tuple[dict[int, dict[int, list[float]]], dict[int, list[float]]]:
    """Return the objectives of cells by seed, and how far sampling alone may put their means off."""
    values = {cell: {seed: row.objectives for seed, row in rows.items()} for cell, rows in cells.items()}
    numbers = {cell: [row.numbers for row in rows.values()] for cell, rows in cells.items()}
    metrics = spec.search.objectives
    return values, {cell: [sampling_error(found, metric) for metric in metrics] for cell, found in numbers.items()}


def seeds_left(spec: SweepSpec, ended: Mapping[int, FinalReport]) -> list[int]:
    """Return the seeds of a cell that are to run whatever the others give; none more once one was pruned."""
    if any(final.outcome == "pruned" for final in ended.values()):
        return []
    return [seed for seed in spec.first_seeds if seed not in ended]


def column_means(rows: Sequence[Sequence[float]]) -> tuple[float, ...]:
    return tuple(sum(column) / len(column) for column in zip(*rows, strict=True))
