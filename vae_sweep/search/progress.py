"""What a searcher starts from: the cells that are known, what they gave, and the trials that are left of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainables.training.report import FinalReport
from vae_sweep.search.space import Cell
from vae_sweep.spec import Draw, SweepSpec

TOLD = ("finished", "collapsed")
"""Outcomes whose values Optuna is told."""


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
class Known:
    """What a cell gave: its mean objectives, in the order of the spec's."""

    method: str
    values: Draw
    objectives: tuple[float, ...]


@dataclass
class Progress:
    """What the journal knows of a sweep when a driver starts; grows while the driver lives.

    `warm` are cells of an earlier sweep, which the search learns from and which are not its own.
    """

    cells: list[Cell] = field(default_factory=list)
    ended: dict[int, dict[int, FinalReport]] = field(default_factory=dict)
    unfinished: Sequence[Assignment] = ()
    warm: Sequence[Known] = ()


def objectives_of(spec: SweepSpec, final: FinalReport) -> list[float] | None:
    """Return a replicate's objectives, None where it has not all of them, finite."""
    values = [final.numbers.get(f"validation/{word}", math.nan) for word in spec.search.objectives]
    return values if final.outcome in TOLD and all(map(math.isfinite, values)) else None


def seeds_left(spec: SweepSpec, ended: Mapping[int, FinalReport]) -> list[int]:
    """Return the seeds of a cell that are to run whatever the others give; none more once one was pruned."""
    if any(final.outcome == "pruned" for final in ended.values()):
        return []
    return [seed for seed in spec.first_seeds if seed not in ended]


def means(rows: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Return the means of columns."""
    return tuple(sum(column) / len(column) for column in zip(*rows, strict=True))
