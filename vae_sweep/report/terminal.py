"""Tables for a terminal."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from vae_sweep.journal.metrics import METRICS, number_text, spread_text, values_text
from vae_sweep.results.cells import BESIDE, COMPARED, CellResult, EntropyBound, entropy_bounds, shown_metrics
from vae_sweep.results.comparison import CellRef
from vae_sweep.results.paper_splits import OTHER_TRAINING
from vae_sweep.results.results import Results
from vae_sweep.results.verdicts import PaperComparison, Verdict

BESIDE_METRICS = tuple(metric for metric in COMPARED if metric != "elbo_perplexity")
"""Metrics of the table beside the paper's."""

SIGNS = {
    Verdict.REPRODUCED: "=",
    Verdict.BETTER: "better",
    Verdict.WORSE: "worse",
    Verdict.CANNOT_TELL: "?",
    Verdict.OTHER_TRAINING: "(≠)",
    Verdict.NOT_COMPARABLE: "n/c",
}
LEGEND = (
    "= reproduced, (=) (≠) within and beyond the tolerance after another training sample, ? cannot tell, n/c not "
    "comparable; ± the tolerance of the difference (docs/method.md, "
    "Verdicts). The paper prints single runs: their scatter is a hint taken from its tables, and so is ours where "
    "a cell has one seed. PPL and NLL are compared by samples from q on both sides; the tight ones stand below"
)

GAP = "floor_gap"
LEFT_OUT = ("neg_elbo", "nll", GAP, "iw_perplexity", "kl", "mutual_information")
"""Columns of a cell that a narrow terminal does not show, the least wanted first; files have all."""

LONGEST_NAME = 22
"""Characters of a method with its values in a line where width is wanting."""

WIDEST = 1000
"""Characters in which every table has its natural width."""

RESERVATION = (
    f"{OTHER_TRAINING}: agreement speaks for the paper's numbers, a difference may be that of the samples "
    "(docs/method.md, Verdicts)"
)


def rich_tables(report: Results) -> Iterable[Group]:
    """Return one table a split, an asterisk at the cells on the front, and one of ours beside the paper's."""
    for split in dict.fromkeys(row.split for row in report.rows):
        chosen = [row for row in report.rows if row.split == split]
        means = "means over seeds" + (" ± 95 %" if any(row.half_widths for row in chosen) else "")
        unknown = ", ? cannot tell" if any(row.unknown_likelihood for row in chosen) else ""
        title = f"{report.sweep}: {split} split, {means} (* on the validation front{unknown})"
        yield Group(Text(title, style="bold"), CellTable(chosen))
    if report.comparisons:
        yield _beside(report)


def remarks(report: Results) -> list[str]:
    """Return the lines below the tables: why verdicts fell, broken invariants, untrustworthy estimates."""
    lines = [LEGEND, *incomparable_reasons(report.comparisons)] if report.comparisons else []
    lines += [f"invariant broken: {finding.trial}, {finding}" for finding in report.violations]
    return lines + [f"warning: {warning}" for warning in report.warnings]


def incomparable_reasons(compared: list[PaperComparison]) -> list[str]:
    """Return each reason that numbers beside a published one are not comparable, with its cells; a reservation."""
    cells: dict[str, list[int]] = {}
    for one in compared:
        if one.verdict is Verdict.NOT_COMPARABLE and (one.published or one.no_row):
            for reason in one.why.split("; "):
                known = cells.setdefault(reason, [])
                known += [one.cell] if one.cell not in known else []
    lines = [f"n/c in cells {', '.join(map(str, found))}: {reason}" for reason, found in cells.items()]
    return lines + [RESERVATION] * any(one.verdict is Verdict.OTHER_TRAINING for one in compared)


@dataclass(frozen=True)
class BesideLines:
    """A cell beside the paper, by BESIDE_METRICS: ours and theirs by samples from q, verdicts, our tight values.

    `tight` is empty where the cell has none.
    """

    ours: list[str]
    theirs: list[str]
    verdicts: list[str]
    tight: list[str]

    @property
    def labelled(self) -> list[tuple[str, list[str]]]:
        """The lines below our own numbers, each with its label."""
        tight = [("ours, tight", self.tight)] if self.tight else []
        return [*tight, ("paper", self.theirs), ("verdict", self.verdicts)]


def beside_lines(found: list[PaperComparison]) -> BesideLines:
    """Return the numbers of a cell, those of the paper, and the verdicts with their tolerances."""
    known = {one.metric: one for one in found}
    ours, theirs, verdicts, tight = [], [], [], []
    for metric in BESIDE_METRICS:
        one = known.get(metric)
        ours.append(number_text(metric, one.ours.mean, one.ours.half_width) if one else "-")
        theirs.append(number_text(metric, one.published.value) if one and one.published else "-")
        verdicts.append(_verdict(one) if one and one.published else "")
        tight.append(number_text(metric, one.tight.mean, one.tight.half_width) if one and one.tight else "")
    return BesideLines(ours, theirs, verdicts, tight if any(tight) else [])


def beside_symbols() -> list[str]:
    """Return the headings of the table beside the paper's: whose PPL and NLL it is, a line says."""
    return [METRICS[BESIDE.get(metric, metric)].symbol for metric in BESIDE_METRICS]


def by_cell(compared: list[PaperComparison]) -> list[list[PaperComparison]]:
    """Return the comparisons of each cell together."""
    cells: dict[int, list[PaperComparison]] = {}
    for one in compared:
        cells.setdefault(one.cell, []).append(one)
    return list(cells.values())


def _verdict(one: PaperComparison) -> str:
    tolerance = "" if one.tolerance is None else f" ±{one.tolerance:.2g}"
    return ("(=)" if one.within else SIGNS[one.verdict]) + tolerance


def outcome(row: CellResult) -> str:
    """Return a cell's outcome in metrics: one, or how many seeds had which."""
    if len(row.outcomes) == 1:
        return next(iter(row.outcomes))
    return ", ".join(f"{count} {name}" for name, count in sorted(row.outcomes.items()))


def cell_name(cell: CellResult | PaperComparison | CellRef) -> str:
    """Return a cell's method and values in few metrics."""
    return f"{cell.method} {values_text(cell.values)}".strip()


def entropy_bound_line(floor: EntropyBound, metrics: Iterable[str]) -> list[str]:
    """Return the exact −log p as a line of a table of these metrics."""
    known = {"perplexity": floor.perplexity, "nll": floor.nll}
    return [number_text(metric, known.get(metric)) for metric in metrics]


@dataclass(frozen=True)
class CellTable:
    """Cells with their columns; a terminal too narrow for all of these gets the first of LEFT_OUT left out."""

    chosen: list[CellResult]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns = [*shown_metrics(self.chosen), *([GAP] if entropy_bounds(self.chosen) else [])]
        left: list[str] = []
        for column in (None, *LEFT_OUT):
            left += [column] if column in columns else []
            table = _table(self.chosen, [column for column in columns if column not in left])
            if _width(console, options, table) <= options.max_width:
                break
        yield table
        if left:
            names = ", ".join(_heading(column) for column in left)
            yield Text(f"left out for want of width: {names}", style="dim")


def _width(console: Console, options: ConsoleOptions, table: Table) -> int:
    """Return how wide a table is whose longest names are broken over lines."""
    name = table.columns[1]
    name.max_width = LONGEST_NAME
    width = Measurement.get(console, options.update(width=WIDEST), table).maximum
    name.max_width = None
    return width


def _heading(column: str) -> str:
    return "above floor" if column == GAP else METRICS[column].symbol


def _table(chosen: list[CellResult], columns: list[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("cell", justify="right", no_wrap=True)
    table.add_column("method")
    for column in columns:
        table.add_column(_heading(column), justify="right", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    metrics = [column for column in columns if column != GAP]
    gaps = len(columns) - len(metrics)
    for row in chosen:
        numbers = [number_text(metric, row.numbers.get(metric)) for metric in metrics]
        table.add_row(
            f"{row.cell}{row.mark or ' '}", cell_name(row), *numbers, *[_gap(row.numbers)] * gaps, outcome(row)
        )
        if row.seeds > 1:
            spread = [spread_text(metric, row.half_widths.get(metric)) for metric in metrics]
            table.add_row("", f"  {row.seeds} seeds", *spread, *[""] * gaps, "", style="dim")
    for floor in entropy_bounds(chosen):
        table.add_row("", "exact -log p", *entropy_bound_line(floor, metrics), *["0"] * gaps, "", style="dim")
    return table


def _beside(report: Results) -> Group:
    title = f"{report.sweep}: test split beside Li et al. 2019"
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("cell", justify="right", no_wrap=True)
    table.add_column("method", no_wrap=True)
    table.add_column("", no_wrap=True)
    for symbol in beside_symbols():
        table.add_column(symbol, justify="right", no_wrap=True)
    for found in by_cell(report.comparisons):
        first = found[0]
        lines = beside_lines(found)
        seeds = max(one.ours.count for one in found)
        table.add_row(str(first.cell), cell_name(first), f"ours, {seeds} seed{'s' * (seeds > 1)}", *lines.ours)
        for whose, texts in lines.labelled:
            last = whose == "verdict"
            table.add_row("", "", whose, *texts, style="dim" if last else None, end_section=last)
    return Group(Text(title, style="bold"), table)


def _gap(numbers: dict[str, float]) -> str:
    if GAP not in numbers:
        return "-"
    return f"{numbers[GAP]:+.2f} ± {numbers['floor_gap_error']:.2f}"
