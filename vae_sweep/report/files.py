"""A report as JSON, CSV and LaTeX."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from vae_sweep.journal.metrics import METRICS, number_text
from vae_sweep.report.likelihood_table import likelihood_head, likelihood_line, likelihood_title
from vae_sweep.report.terminal import beside_lines, beside_symbols, by_cell, cell_name, outcome
from vae_sweep.report.terminal_evidence import difference_head, difference_parts, difference_title, report_lines
from vae_sweep.results.cells import (
    COMPARED,
    FLOOR_METRICS,
    MAIN_METRICS,
    TRUST_METRICS,
    CellResult,
    as_plain,
    entropy_bounds,
    shown_metrics,
)
from vae_sweep.results.comparison import SweepComparison
from vae_sweep.results.results import Results
from vae_sweep.results.verdicts import PaperComparison

ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "λ": r"$\lambda$",
        "Δ": r"$\Delta$",
        "±": r"$\pm$",
        "<": r"$<$",
        ">": r"$>$",
        **{sign: f"\\{sign}" for sign in "_%&#${}"},
    }
)


def as_json(report: Results) -> str:
    """Return the whole report as a JSON document."""
    document = {
        "rows": as_plain(report.rows),
        "floors": [vars(floor) for floor in entropy_bounds(report.rows)],
        "comparisons": [_plain(one) for one in report.comparisons],
        "violations": [
            {"trial": one.trial, "place": one.place, **one.violation._asdict(), "more": one.more}
            for one in report.violations
        ],
        "warnings": report.warnings,
        "evidence": asdict(report.evidence),
    }
    return json.dumps(document, indent=1, sort_keys=True)


def compared_as_json(found: SweepComparison) -> str:
    """Return sweeps beside each other as a JSON document."""
    return json.dumps(asdict(found), indent=1, sort_keys=True)


def as_csv(report: Results) -> str:
    """Return the cells as CSV, empty where a cell has no such metric.

    `<metric>_ci95` is half the width of a mean's interval. Where the corpus has published numbers each metric has
    the paper's and the verdict beside it; where cells have several seeds each objective has its difference from
    the baseline and the answer.
    """
    text = io.StringIO()
    metrics = (*MAIN_METRICS, *TRUST_METRICS, *FLOOR_METRICS)
    several = any(row.half_widths for row in report.rows)
    compared = {(one.cell, one.metric): one for one in report.comparisons}
    head = ["cell", "method", "values", "split", "seeds", "outcome", "front", *metrics]
    head += [f"{metric}_ci95" for metric in metrics if several]
    head += [f"{kind}_{metric}" for metric in COMPARED if compared for kind in ("published", "verdict")]
    answered = _answered(report)
    objectives = report.evidence.objectives if answered else ()
    head += [f"{kind}_{metric}" for metric in objectives for kind in ("difference", "difference_ci95", "answer")]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    for row in report.rows:
        values = json.dumps(row.values, sort_keys=True)
        line: list[Any] = [row.cell, row.method, values, row.split, row.seeds, outcome(row), int(row.front)]
        line += [row.numbers.get(metric, "") for metric in metrics]
        line += [row.half_widths.get(metric, "") for metric in metrics if several]
        for metric in COMPARED if compared else ():
            one = compared.get((row.cell, metric)) if row.split == "test" else None
            line += [one.published.value if one and one.published else "", one.verdict.value if one else ""]
        for metric in objectives:
            line += answered.get((row.cell, row.split, metric), ["", "", ""])
        writer.writerow(line)
    return text.getvalue()


def as_latex(report: Results) -> str:
    """Return a plain tabular for each table of a terminal, then the remarks as comments."""
    parts = []
    for split in dict.fromkeys(row.split for row in report.rows):
        chosen = [row for row in report.rows if row.split == split]
        metrics = shown_metrics(chosen)
        head = ["cell", "method", *(METRICS[metric].symbol for metric in metrics)]
        parts.append(_tabular(f"{report.sweep}, {split} split", head, [_line(row, metrics) for row in chosen], 2))
        if body := [line for row in chosen if (line := likelihood_line(row))]:
            parts.append(_tabular(f"{report.sweep}, {likelihood_title(split)}", list(likelihood_head()), body, 2))
    if report.comparisons:
        head = ["cell", "method", "", *beside_symbols()]
        body = [line for found in by_cell(report.comparisons) for line in _beside(found)]
        parts.append(_tabular(f"{report.sweep}, test split beside Li et al. 2019", head, body, 3))
    if body := [line for part in difference_parts(report) for line in part]:
        parts.append(_tabular(difference_title(report), difference_head(report.evidence.objectives), body, 4))
    parts += [f"% {remark}\n" for remark in report_lines(report)]
    return "\n".join(parts)


def escaped(text: str) -> str:
    """Return a text as LaTeX prints it."""
    return text.translate(ESCAPES)


def _answered(report: Results) -> dict[tuple[int, str, str], list[Any]]:
    """Return (cell, split, metric) -> difference from the baseline, half its interval, answer."""
    differences = report.evidence.differences
    return {
        (one.cell, differences.split, one.metric): [
            one.difference.mean,
            one.difference.half_width,
            one.answer.value,
        ]
        for one in differences.against_baseline
        if report.evidence.replicated
    }


def _line(row: CellResult, metrics: Sequence[str]) -> list[str]:
    numbers = [number_text(metric, row.numbers.get(metric), row.half_widths.get(metric)) for metric in metrics]
    return [f"{row.cell}{row.mark}", cell_name(row), *numbers]


def _beside(found: list[PaperComparison]) -> Iterator[list[str]]:
    lines = beside_lines(found)
    yield [str(found[0].cell), cell_name(found[0]), "ours", *lines.ours]
    for whose, texts in lines.labelled:
        yield ["", "", whose, *texts]


def _tabular(title: str, head: list[str], body: list[list[str]], left: int) -> str:
    columns = "l" * left + "r" * (len(head) - left)
    lines = [" & ".join(map(escaped, cells)) + r" \\" for cells in (head, *body)]
    return "\n".join(
        [
            f"% {title}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\hline",
            lines[0],
            r"\hline",
            *lines[1:],
            r"\hline",
            r"\end{tabular}",
            "",
        ]
    )


def _plain(one: PaperComparison) -> dict[str, Any]:
    return {
        **asdict(one),
        "verdict": one.verdict.value,
    }
