"""Differences between cells in words: each against a baseline, and each front cell against its neighbour."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from vae_sweep.journal.records import SweepRecord
from vae_sweep.results.front import Cells, cells_of, front_cells
from vae_sweep.statistics.differences import Answer, Difference, answers, difference
from vae_sweep.statistics.replicates import means
from vae_sweep.statistics.trust import TIGHT

PLAIN = "vae"
"""The method that the others improve on."""


@dataclass(frozen=True)
class CellDifference:
    """One objective of a cell less that of another cell.

    `corrected` is the p-value after Holm's correction over all differences of the same table and objective, `why`
    the figures behind the answer in words. Where the likelihood of either cell is not known
    (`unknown_likelihood`), nothing is said of the difference.
    """

    cell: int
    against: int
    metric: str
    difference: Difference
    corrected: float | None
    answer: Answer
    why: str
    unknown_likelihood: bool = False


@dataclass(frozen=True)
class Differences:
    """What the cells of one sweep are held against: the baseline, and on the front each the next.

    `split` is test where every cell has been scored, else validation; `baseline` is None with fewer than two
    cells.
    """

    split: str
    baseline: int | None
    against_baseline: list[CellDifference]
    along_front: list[CellDifference]


def differences(record: SweepRecord, metrics: tuple[str, ...]) -> Differences:
    """Return the differences of a sweep's complete cells.

    The baseline is the plain VAE, else the first method of the sweep; of several such cells the one with the best
    mean of the first objective on validation, by which the front's neighbours are ordered too. One
    whose likelihood is not known comes last.
    """
    validated = cells_of(record, metrics)
    split, cells = _widest(record, metrics, validated)
    if len(cells.points) < 2:
        return Differences(split, None, [], [])
    level, known = means(validated.points), record.cells
    plain = PLAIN if any(known[cell].method == PLAIN for cell in cells.points) else known[min(cells.points)].method
    candidates = [cell for cell in cells.points if known[cell].method == plain]
    baseline = min(candidates, key=lambda cell: (cell in cells.unknown_likelihood, level[cell], cell))
    front = sorted(front_cells(record, metrics), key=lambda cell: (level[cell], cell))
    pairs = [(cell, baseline) for cell in sorted(cells.points) if cell != baseline]
    steps = [pair for pair in pairwise(front) if baseline not in pair]
    return Differences(split, baseline, held(cells, cells, pairs, metrics), held(cells, cells, steps, metrics))


def held(
    ours: Cells, theirs: Cells, pairs: Iterable[tuple[int, int]], metrics: Sequence[str]
) -> list[CellDifference]:
    """Return the differences of pairs of cells, one of ours and one of theirs, corrected as a family a metric."""
    found: list[CellDifference] = []
    pairs = list(pairs)
    for place, metric in enumerate(metrics):
        reasons = [_unknown(ours, theirs, pair) if metric in TIGHT else "" for pair in pairs]
        family = [_difference(ours, theirs, *pair, place) for pair in pairs]
        family = [
            replace(one, half_width=None, p_value=None) if reason else one
            for one, reason in zip(family, reasons, strict=True)
        ]
        judged = answers(family)
        size = sum(one.p_value is not None for one in family)
        for (a, b), one, (answer, corrected), reason in zip(pairs, family, judged, reasons, strict=True):
            why = reason or _why(one, corrected, size)
            found.append(CellDifference(a, b, metric, one, corrected, answer, why, bool(reason)))
    order = {pair: place for place, pair in enumerate(pairs)}
    return sorted(found, key=lambda one: order[one.cell, one.against])


def _widest(record: SweepRecord, metrics: tuple[str, ...], validated: Cells) -> tuple[str, Cells]:
    tested = cells_of(record, metrics, "test")
    whole = all(tested.points.get(cell, {}).keys() == seeds.keys() for cell, seeds in validated.points.items())
    if not whole or not validated.points:
        return "validation", validated
    points = {cell: tested.points[cell] for cell in validated.points}
    return "test", replace(tested, points=points)


def _difference(ours: Cells, theirs: Cells, a: int, b: int, place: int) -> Difference:
    error = math.hypot(ours.errors[a][place], theirs.errors[b][place])
    return difference(_column(ours.points[a], place), _column(theirs.points[b], place), error=error)


def _unknown(ours: Cells, theirs: Cells, pair: tuple[int, int]) -> str:
    """Return why the likelihoods of two cells cannot be compared; empty where both are known."""
    sides = zip((ours, theirs), pair, strict=True)
    return "; ".join(
        f"cell {cell}: {side.unknown_likelihood[cell]}" for side, cell in sides if cell in side.unknown_likelihood
    )


def _column(seeds: Mapping[int, Sequence[float]], place: int) -> dict[int, float]:
    return {seed: point[place] for seed, point in seeds.items()}


def _why(one: Difference, corrected: float | None, size: int) -> str:
    if one.half_width is None or one.p_value is None or corrected is None:
        return f"{one.mean:+.3g}; too few seeds to know how far they scatter"
    if one.half_width == 0 and one.mean == 0:
        return f"equal in all of {one.seeds} seeds"
    how = (
        f"{one.seeds} paired seeds" if one.pairing == "paired" else f"unpaired (Welch), at least {one.seeds} seeds"
    )
    corrections = f", {corrected:.2g} among {size}" if size > 1 else ""
    return f"{how}: {one.mean:+.3g} ± {one.half_width:.2g}, p {one.p_value:.2g}{corrections}"
