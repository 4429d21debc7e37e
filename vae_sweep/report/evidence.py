"""How far the seeds bear out a report: the front, its hypervolume, the differences between cells, importances."""

from collections.abc import Iterator
from dataclasses import dataclass

from vae_sweep.report.differences import Differences, differences
from vae_sweep.report.front import objectives_by_seed
from vae_sweep.search.importance import Importance, importances
from vae_sweep.statistics.intervals import Interval
from vae_sweep.statistics.replicates import (
    front_counts,
    front_hypervolume,
    means,
    reference_point,
    single_seeds,
)
from vae_sweep.tracking.names import METRICS
from vae_sweep.tracking.records import SweepRecord


@dataclass(frozen=True)
class Evidence:
    """What the complete cells of a sweep say on its objectives, on validation unless `differences` says test.

    `hypervolume` is that of the front of means up to `reference`, None with fewer than two cells. `front_seeds`
    holds for each cell in how many seeds it stands on the front of that seed alone, and of how many; `single` are
    cells with one seed where others have more.
    """

    objectives: tuple[str, ...]
    hypervolume: Interval | None
    reference: tuple[float, ...]
    front_seeds: dict[int, tuple[int, int]]
    single: list[int]
    differences: Differences
    importances: list[Importance]

    @property
    def replicated(self) -> bool:
        """Say whether some cell has more than one seed."""
        return any(of > 1 for _, of in self.front_seeds.values())


def evidence(record: SweepRecord, words: tuple[str, ...]) -> Evidence:
    """Return the evidence of a sweep, also while it runs."""
    cells = objectives_by_seed(record, words)
    level = means(cells)
    reference = reference_point(level.values())
    return Evidence(
        objectives=words,
        hypervolume=front_hypervolume(cells, reference) if len(cells) > 1 else None,
        reference=reference,
        front_seeds=front_counts(cells),
        single=single_seeds(cells),
        differences=differences(record, words),
        importances=importances(record.cells, level, words),
    )


def evidence_lines(found: Evidence) -> Iterator[str]:
    """Yield the evidence in words, but for the differences themselves, which are a table."""
    if found.hypervolume is not None:
        axes = volume_axes(found.objectives, found.reference)
        yield f"hypervolume of the validation front, {axes}: {interval_text(found.hypervolume)}"
    if found.hypervolume is not None and not found.replicated:
        yield "one seed a cell: no difference can be told; launch --extend with more seeds adds intervals"
    elif found.single:
        cells = ", ".join(map(str, found.single))
        yield f"cells {cells} rest on one seed: how far they scatter is in no interval"
    for row, told in _by_row(found.importances).items():
        place = "over all rows" if row is None else f"within {row}"
        reasons = {one.why for one in told}
        if len(reasons) == 1 and told[0].why:
            yield f"importance {place}: {told[0].why}"
        else:
            yield f"importance {place}, {told[0].cells} cells: " + "; ".join(map(_shares_text, told))


def volume_axes(words: tuple[str, ...], reference: tuple[float, ...]) -> str:
    """Return the axes of a hypervolume and its reference in words."""
    axes = " x ".join(METRICS[word].symbol for word in words)
    return f"{axes} up to ({', '.join(f'{number:.4g}' for number in reference)})"


def interval_text(found: Interval) -> str:
    """Return a mean with its interval over seeds."""
    if found.half_width is None:
        return f"{found.mean:.4g} from one seed"
    return f"{found.mean:.4g} ± {found.half_width:.2g} over {found.count} seeds"


def _by_row(told: list[Importance]) -> dict[str | None, list[Importance]]:
    rows: dict[str | None, list[Importance]] = {}
    for one in told:
        rows.setdefault(one.row, []).append(one)
    return rows


def _shares_text(one: Importance) -> str:
    if one.why:
        return f"{METRICS[one.objective].symbol}: {one.why}"
    shares = ", ".join(f"{name} {share:.0%}" for name, share in one.shares.items())
    return f"{METRICS[one.objective].symbol}: {shares}"
