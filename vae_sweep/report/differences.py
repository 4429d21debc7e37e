"""Differences between cells in words: each against a baseline, and each front cell against its neighbour."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from vae_sweep.report.front import front_cells, objectives_by_seed
from vae_sweep.statistics.differences import Answer, Difference, answers, difference
from vae_sweep.statistics.replicates import Replicates, means
from vae_sweep.tracking.records import SweepRecord

PLAIN = "vae"
"""The row that the others mend."""


@dataclass(frozen=True)
class CellDifference:
    """One objective of a cell less that of another cell.

    `corrected` is the p-value after Holm's correction over all differences of the same table and objective, `why`
    the figures behind the answer in words.
    """

    cell: int
    against: int
    word: str
    difference: Difference
    corrected: float | None
    answer: Answer
    why: str


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


def differences(record: SweepRecord, words: tuple[str, ...]) -> Differences:
    """Return the differences of a sweep's complete cells.

    The baseline is the plain VAE, else the first row of the sweep; of several such cells the one with the best
    mean of the first objective on validation, by which the front's neighbours are ordered too.
    """
    validated = objectives_by_seed(record, words)
    split, cells = _widest(record, words, validated)
    if len(cells) < 2:
        return Differences(split, None, [], [])
    level = means(validated)
    known = record.cells
    plain = PLAIN if any(known[cell].method == PLAIN for cell in cells) else known[min(cells)].method
    baseline = min((cell for cell in cells if known[cell].method == plain), key=lambda cell: (level[cell], cell))
    front = sorted(front_cells(record, words), key=lambda cell: (level[cell], cell))
    pairs = [(cell, baseline) for cell in sorted(cells) if cell != baseline]
    steps = [pair for pair in pairwise(front) if baseline not in pair]
    return Differences(split, baseline, held(cells, cells, pairs, words), held(cells, cells, steps, words))


def held(
    ours: Replicates, theirs: Replicates, pairs: Iterable[tuple[int, int]], words: Sequence[str]
) -> list[CellDifference]:
    """Return the differences of pairs of cells, one of ours and one of theirs, corrected as a family a word."""
    found: list[CellDifference] = []
    pairs = list(pairs)
    for place, word in enumerate(words):
        family = [difference(_column(ours[a], place), _column(theirs[b], place)) for a, b in pairs]
        judged = answers(family)
        size = sum(one.p_value is not None for one in family)
        for (a, b), one, (answer, corrected) in zip(pairs, family, judged, strict=True):
            found.append(CellDifference(a, b, word, one, corrected, answer, _why(one, corrected, size)))
    return sorted(found, key=lambda one: pairs.index((one.cell, one.against)))


def _widest(record: SweepRecord, words: tuple[str, ...], validated: Replicates) -> tuple[str, Replicates]:
    tested = objectives_by_seed(record, words, "test")
    whole = all(tested.get(cell, {}).keys() == seeds.keys() for cell, seeds in validated.items())
    return (
        ("test", {cell: tested[cell] for cell in validated}) if whole and validated else ("validation", validated)
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
