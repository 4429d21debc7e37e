"""The tables of the page as plain text: every cell of a split, and ours beside the paper's."""

from dataclasses import dataclass

from vae_sweep.journal.metrics import METRICS, number_text
from vae_sweep.journal.records import SweepRecord
from vae_sweep.report.likelihood_table import likelihood_line
from vae_sweep.report.terminal import BESIDE_METRICS, beside_lines, by_cell, cell_name, entropy_bound_line, outcome
from vae_sweep.report.terminal_evidence import difference_head, difference_parts, difference_title
from vae_sweep.results.cells import BESIDE, CellResult, entropy_bounds, shown_metrics
from vae_sweep.results.evidence import evidence_lines
from vae_sweep.results.results import Results

Heading = tuple[str, str]
"""The symbol of a column and what it means."""

BESIDE_HEADINGS = tuple(
    (METRICS[BESIDE.get(metric, metric)].symbol, METRICS[metric].meaning) for metric in BESIDE_METRICS
)
"""Those of the table beside the paper's."""


@dataclass(frozen=True)
class CellLine:
    """A cell: its numbers in the order of the headings, its trials as (id, seed)."""

    cell: int
    name: str
    method: str
    front: bool
    unknown_likelihood: str
    numbers: list[str]
    above_floor: str
    outcome: str
    trials: list[tuple[str, int]]


@dataclass(frozen=True)
class CellTable:
    """The cells of a split; `floor` is the entropy bound, the exact −log p of its sentences, where it is known.

    `likelihoods` say how well the numbers are known, empty where nothing was measured so.
    """

    split: str
    headings: list[Heading]
    lines: list[CellLine]
    floor: list[str] | None
    likelihoods: list[list[str]]


@dataclass(frozen=True)
class BesideLine:
    """A cell's numbers, and below them, with whose they are, the tight ones, the paper's and the verdicts."""

    cell: int
    name: str
    method: str
    seeds: int
    ours: list[str]
    below: list[tuple[str, list[str]]]


@dataclass(frozen=True)
class EvidenceTable:
    """The evidence in sentences, and the differences between cells; `text_columns` are those that hold text."""

    lines: list[str]
    title: str
    head: list[str]
    text_columns: set[int]
    parts: list[list[list[str]]]


def cell_tables(record: SweepRecord, report: Results) -> list[CellTable]:
    """Return a table for each split that was measured."""
    found, trials = [], dict[int, list[tuple[int, str]]]()
    for name, trial in record.trials.items():
        trials.setdefault(trial.cell, []).append((trial.seed, name))
    for split in dict.fromkeys(row.split for row in report.rows):
        chosen = [row for row in report.rows if row.split == split]
        known, metrics = entropy_bounds(chosen), shown_metrics(chosen)
        lines = [_line(row, metrics, sorted(trials[row.cell])) for row in chosen]
        floor = entropy_bound_line(known[0], metrics) if known else None
        likelihoods = [line for row in chosen if (line := likelihood_line(row))]
        headings = [(METRICS[metric].symbol, METRICS[metric].meaning) for metric in metrics]
        found.append(CellTable(split, headings, lines, floor, likelihoods))
    return found


def beside_table(report: Results) -> list[BesideLine]:
    """Return every cell with a test score beside the paper's numbers; empty where there is nothing to compare."""
    lines = []
    for found in by_cell(report.comparisons):
        first, seeds = found[0], max(one.ours.count for one in found)
        texts = beside_lines(found)
        lines.append(BesideLine(first.cell, cell_name(first), first.method, seeds, texts.ours, texts.labelled))
    return lines


def evidence_table(report: Results) -> EvidenceTable:
    """Return how far the seeds bear out what the report says."""
    head = difference_head(report.evidence.objectives)
    text_columns = {place for place, name in enumerate(head) if name in ("method", "on front", "answer")}
    lines, parts = list(evidence_lines(report.evidence)), difference_parts(report)
    return EvidenceTable(lines, difference_title(report) if parts else "", head, text_columns, parts)


def _line(row: CellResult, metrics: tuple[str, ...], trials: list[tuple[int, str]]) -> CellLine:
    gap, error = row.numbers.get("floor_gap"), row.numbers.get("floor_gap_error")
    return CellLine(
        cell=row.cell,
        name=cell_name(row),
        method=row.method,
        front=row.front,
        unknown_likelihood=row.unknown_likelihood,
        numbers=[number_text(metric, row.numbers.get(metric), row.half_widths.get(metric)) for metric in metrics],
        above_floor="-" if gap is None or error is None else f"{gap:+.2f} ± {error:.2f}",
        outcome=outcome(row),
        trials=[(name, seed) for seed, name in trials],
    )
