"""A whole report for a terminal: its tables, that of the differences between cells, and the lines below."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from vae_sweep.journal.metrics import METRICS
from vae_sweep.report.terminal import cell_name, remarks, rich_tables
from vae_sweep.results.differences import CellDifference
from vae_sweep.results.evidence import evidence_lines
from vae_sweep.results.results import Results

LEFT = 4
"""Columns before the first objective's."""


def report_tables(report: Results) -> Iterator[Group]:
    """Yield every table of a report."""
    yield from rich_tables(report)
    yield from difference_tables(report)


def report_lines(report: Results) -> Iterator[str]:
    """Yield every line below the tables."""
    yield from evidence_lines(report.evidence)
    yield from remarks(report)


def difference_tables(report: Results) -> Iterator[Group]:
    """Yield the table of differences where some cell has several seeds."""
    parts = difference_parts(report)
    if not parts:
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, name in enumerate(difference_head(report.evidence.objectives)):
        right = place in (0, 2, 3) or (place >= LEFT and (place - LEFT) % 2 == 0)
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "method")
    for part in parts:
        for line in part:
            table.add_row(*line)
        table.add_section()
    yield Group(Text(difference_title(report), style="bold"), table)


def difference_title(report: Results) -> str:
    """Return what the table of differences shows."""
    return f"{report.sweep}: {report.evidence.differences.split} split, differences ± 95 % over seeds, Holm's p"


def difference_head(objectives: Sequence[str]) -> list[str]:
    """Return the headings: two columns for each objective."""
    return ["cell", "method", "minus", "front", *(c for metric in objectives for c in (delta(metric), "answer"))]


def difference_parts(report: Results) -> list[list[list[str]]]:
    """Return the lines against the baseline, which comes first, then those along the front.

    Pairs of too few seeds for a test have none; there are no lines at all where no pair has a test.
    """
    differences = report.evidence.differences
    parts = [
        [_line(report, found) for found in _tested(part)]
        for part in (differences.against_baseline, differences.along_front)
    ]
    if parts[0] and differences.baseline is not None:
        blank = [""] * (2 * len(report.evidence.objectives) - 1)
        parts[0].insert(0, [*_about(report, differences.baseline, ""), *blank, "baseline"])
    return [part for part in parts if part]


def by_pair(found: Sequence[CellDifference]) -> list[list[CellDifference]]:
    """Return the differences of each pair of cells together."""
    pairs: dict[tuple[int, int], list[CellDifference]] = {}
    for one in found:
        pairs.setdefault((one.cell, one.against), []).append(one)
    return list(pairs.values())


def difference_texts(one: CellDifference) -> tuple[str, str]:
    """Return a difference with half the width of its interval, and its answer with the corrected p-value."""
    found, digits = one.difference, METRICS[one.metric].digits
    if one.unknown_likelihood:
        return f"{found.mean:+.{digits}f}", "cannot tell, k > 0.7"
    if found.half_width is None or one.corrected is None:
        return f"{found.mean:+.{digits}f}", "too few seeds"
    if found.mean == found.half_width == 0:
        return "0", "equal"
    test = ", Welch" if found.pairing == "welch" else ""
    return f"{found.mean:+.{digits}f}±{found.half_width:.{digits}f}", f"{one.answer}, p {one.corrected:.2g}{test}"


def delta(metric: str) -> str:
    """Return the heading of a difference."""
    return f"Δ{METRICS[metric].symbol}"


def _tested(found: Sequence[CellDifference]) -> list[list[CellDifference]]:
    return [pair for pair in by_pair(found) if any(one.corrected is not None for one in pair)]


def _line(report: Results, found: list[CellDifference]) -> list[str]:
    about = _about(report, found[0].cell, str(found[0].against))
    return [*about, *(text for one in found for text in difference_texts(one))]


def _about(report: Results, cell: int, against: str) -> list[str]:
    name = next(cell_name(row) for row in report.rows if row.cell == cell)
    if cell in report.evidence.unknown_likelihood:
        return [str(cell), name, against, "?"]
    stands, seeds = report.evidence.front_seeds[cell]
    return [str(cell), name, against, f"{stands}/{seeds}"]
