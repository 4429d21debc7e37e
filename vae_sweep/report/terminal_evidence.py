"""Differences between cells as lines of a table, and the table for a terminal."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from vae_sweep.report.differences import CellDifference
from vae_sweep.report.document import Report
from vae_sweep.report.terminal import cell_name
from vae_sweep.statistics.differences import Answer
from vae_sweep.tracking.names import METRICS

LEFT = 4
"""Columns before the first objective's."""


def difference_tables(report: Report) -> Iterator[Group]:
    """Yield the table of differences where some cell has several seeds."""
    parts = difference_parts(report)
    if not parts:
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, name in enumerate(difference_head(report.evidence.objectives)):
        right = place in (0, 2) or (place >= LEFT and (place - LEFT) % 2 == 0)
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for part in parts:
        for line in part:
            table.add_row(*line)
        table.add_section()
    yield Group(Text(difference_title(report), style="bold"), table)


def difference_title(report: Report) -> str:
    """Return what the table of differences shows."""
    told = report.evidence.differences
    further = ", then each front cell less the next" if told.along_front else ""
    return (
        f"{report.sweep}: {told.split} split, cells less baseline {told.baseline}{further}; "
        "± 95 % over seeds, p after Holm's correction"
    )


def difference_head(objectives: Sequence[str]) -> list[str]:
    """Return the headings: two columns for each objective."""
    return ["cell", "method", "less", "on front", *(c for word in objectives for c in (delta(word), "answer"))]


def difference_parts(report: Report) -> list[list[list[str]]]:
    """Return the lines against the baseline, then those along the front; empty where no cell has several seeds."""
    told = report.evidence.differences
    if not report.evidence.replicated:
        return []
    names = {row.cell: cell_name(row) for row in report.rows}
    parts = []
    for part in (told.against_baseline, told.along_front):
        lines = []
        for found in by_pair(part):
            cell = found[0].cell
            stands, seeds = report.evidence.front_seeds[cell]
            texts = [text for one in found for text in difference_texts(one)]
            lines.append([str(cell), names[cell], str(found[0].against), f"{stands} of {seeds} seeds", *texts])
        parts += [lines] if lines else []
    return parts


def by_pair(found: Sequence[CellDifference]) -> list[list[CellDifference]]:
    """Return the differences of each pair of cells together."""
    pairs: dict[tuple[int, int], list[CellDifference]] = {}
    for one in found:
        pairs.setdefault((one.cell, one.against), []).append(one)
    return list(pairs.values())


def difference_texts(one: CellDifference) -> tuple[str, str]:
    """Return a difference with half the width of its interval, and its answer with the corrected p-value."""
    found, digits = one.difference, METRICS[one.word].digits
    if found.half_width is None or one.corrected is None:
        return f"{found.mean:+.{digits}f}", f"{Answer.CANNOT_TELL}, too few seeds"
    if found.mean == found.half_width == 0:
        return "0", "equal"
    test = ", Welch" if found.pairing == "welch" else ""
    return f"{found.mean:+.{digits}f}±{found.half_width:.{digits}f}", f"{one.answer}, p {one.corrected:.2g}{test}"


def delta(word: str) -> str:
    """Return the heading of a difference."""
    return f"Δ{METRICS[word].symbol}"
