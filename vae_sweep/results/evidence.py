"""How far the seeds bear out a report: the front, its hypervolume, the differences between cells, importances."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vae_sweep.journal.metrics import METRICS
from vae_sweep.journal.records import SweepRecord
from vae_sweep.results.differences import Differences, differences
from vae_sweep.results.front import NOT_TIGHT, cells_of
from vae_sweep.search.parameter_importance import ParameterImportance, importances
from vae_sweep.statistics.intervals import Interval
from vae_sweep.statistics.replicates import (
    front_counts,
    front_hypervolume,
    means,
    reference_point,
    single_seeds,
)


@dataclass(frozen=True)
class Evidence:
    """What the complete cells of a sweep say on its objectives, on validation unless `differences` says test.

    `hypervolume` is that of the front of means up to `reference`, None with fewer than two cells. `front_seeds`
    holds for each cell the number of seeds whose own front it is on, and of all its seeds; `single` are
    cells with one seed where others have more. `unknown_likelihood` are the cells whose likelihood is not
    known, and why: they are in no front and no hypervolume.
    """

    objectives: tuple[str, ...]
    hypervolume: Interval | None
    reference: tuple[float, ...]
    front_seeds: dict[int, tuple[int, int]]
    single: list[int]
    unknown_likelihood: dict[int, str]
    differences: Differences
    importances: list[ParameterImportance]

    @property
    def replicated(self) -> bool:
        """Say whether some cell has more than one seed."""
        return any(of > 1 for _, of in self.front_seeds.values())


def evidence(record: SweepRecord, metrics: tuple[str, ...]) -> Evidence:
    """Return the evidence of a sweep, also while it runs."""
    found = cells_of(record, metrics)
    cells = found.ranked
    level = means(cells)
    reference = reference_point(level.values())
    return Evidence(
        objectives=metrics,
        hypervolume=front_hypervolume(cells, reference, found.errors) if len(cells) > 1 else None,
        reference=reference,
        front_seeds=front_counts(cells),
        single=single_seeds(cells),
        unknown_likelihood=found.unknown_likelihood,
        differences=differences(record, metrics),
        importances=importances(record.cells, level, metrics),
    )


def evidence_lines(found: Evidence) -> Iterator[str]:
    """Yield the evidence in words, but for the differences themselves, which are a table."""
    yield from unknown_lines(found.unknown_likelihood)
    if found.hypervolume is not None:
        axes, seeds = volume_axes(found.objectives, found.reference), _seeds_text(found.hypervolume)
        yield f"hypervolume of the validation front, {axes}: {interval_text(found.hypervolume)}, {seeds}"
    if found.hypervolume is not None and not found.replicated:
        yield "one seed a cell: no difference can be judged; launch --extend with more seeds adds intervals"
    elif found.single:
        count = f"{len(found.single)} of {len(found.front_seeds)} cells"
        yield f"{count} have one seed: none of their differences is judged, and their scatter is in no interval"
    yield from dict.fromkeys(map(_importance_text, found.importances))


def unknown_lines(unknown: Mapping[int, str]) -> Iterator[str]:
    """Yield which cells have a likelihood that is not known on validation, and why; a line a reason."""
    old = [str(cell) for cell, reason in unknown.items() if reason == NOT_TIGHT]
    if old:
        where = f"cells {', '.join(old)} stand" if len(old) > 1 else f"cell {old[0]} stands"
        yield f"cannot tell where {where}: {NOT_TIGHT}, ranking nothing; vae-sweep score SWEEP measures it anew"
    for cell, reason in unknown.items():
        if reason != NOT_TIGHT:
            yield f"cannot tell where cell {cell} stands: {reason}; it is in no front and no hypervolume"


def volume_axes(metrics: tuple[str, ...], reference: tuple[float, ...]) -> str:
    """Return the axes of a hypervolume and its reference in words."""
    axes = " x ".join(METRICS[metric].symbol for metric in metrics)
    return f"{axes} up to ({', '.join(f'{number:.4g}' for number in reference)})"


def interval_text(found: Interval, sign: str = "") -> str:
    """Return a mean and half the width of its interval, both to the second digit of the latter."""
    if not found.half_width:
        return f"{found.mean:{sign}.4g}" + ("" if found.half_width is None else " ± 0")
    digits = max(0, 1 - math.floor(math.log10(found.half_width)))
    return f"{found.mean:{sign}.{digits}f} ± {found.half_width:.{digits}f}"


def _seeds_text(found: Interval) -> str:
    return "one seed" if found.half_width is None else f"{found.count} seeds"


def _importance_text(one: ParameterImportance) -> str:
    place = "over all methods" if one.row is None else f"within {one.row}"
    if one.why:
        return f"importance {place}: {one.why}"
    shares = ", ".join(f"{name} {share:.0%}" for name, share in one.shares.items())
    return f"importance for {METRICS[one.objective].symbol} {place}, {one.cells} cells: {shares}"
