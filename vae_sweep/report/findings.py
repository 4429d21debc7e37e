"""What a sweep found, in a few sentences."""

from trainables.methods import METHODS
from vae_sweep.journal.metrics import METRICS, number_text
from vae_sweep.report.terminal import cell_name
from vae_sweep.results.cells import CellResult
from vae_sweep.statistics.trust import TIGHT


def finding_sentences(rows: list[CellResult], objectives: tuple[str, ...]) -> list[str]:
    """Return the best cell by each objective on validation, and which cells collapsed; empty without an end."""
    shown = [row for row in rows if row.split == "validation"]
    searched = [row for row in shown if not _reference(row)]
    best = [text for metric in objectives if (text := _best(searched, metric))]
    return [*best, _collapsed(searched)] if searched else []


def _reference(row: CellResult) -> bool:
    return METHODS[row.method].reference


def _best(rows: list[CellResult], metric: str) -> str:
    having = sorted((row for row in rows if _known(row, metric)), key=lambda row: row.numbers[metric])
    if not having:
        unknown = metric in TIGHT and any(row.unknown_likelihood for row in rows)
        text = f"Lowest {METRICS[metric].symbol} on validation: cannot tell, that of no cell is known."
        return text if unknown else ""
    first, others = having[0], having[1:]
    about = METRICS[metric]
    shown = number_text(metric, first.numbers[metric], first.half_widths.get(metric))
    text = f"Lowest {about.symbol} on validation: {cell_name(first)} (cell {first.cell}), {shown}"
    if not others:
        alone = "of which it is known" if any(row.unknown_likelihood for row in rows) else "that has ended"
        return f"{text}; it is the only cell {alone}."
    if first.half_widths.get(metric) is None:
        runner_up = number_text(metric, others[0].numbers[metric])
        return f"{text}, next {cell_name(others[0])} with {runner_up}; one seed says little of a difference."
    close = [row for row in others if _overlap(first, row, metric)]
    if close:
        names = ", ".join(f"{cell_name(row)} (cell {row.cell})" for row in close)
        return f"{text}; the intervals over seeds do not part it from {names}."
    return f"{text}; its interval over seeds lies below those of all other cells."


def _known(row: CellResult, metric: str) -> bool:
    return metric in row.numbers and not (metric in TIGHT and row.unknown_likelihood)


def _overlap(best: CellResult, other: CellResult, metric: str) -> bool:
    ours, theirs = best.interval(metric), other.interval(metric)
    return theirs.mean - (theirs.half_width or 0.0) <= ours.mean + (ours.half_width or 0.0)


def _collapsed(rows: list[CellResult]) -> str:
    fallen = [row for row in rows if row.outcomes.get("collapsed")]
    if not fallen:
        return "No cell collapsed: every one uses its code."
    names = ", ".join(_fallen(row) for row in fallen)
    return f"Collapsed (the decoder ignores z): {names}."


def _fallen(row: CellResult) -> str:
    count = row.outcomes["collapsed"]
    share = "" if count == row.seeds else f", {count} of {row.seeds} seeds"
    return f"{cell_name(row)} (cell {row.cell}{share})"
