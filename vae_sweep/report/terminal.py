"""Tables for a terminal, JSON and CSV."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from vae_sweep.report.tables import FLOOR_WORDS, WORDS, Row, as_plain, floors
from vae_sweep.tracking.names import METRICS

SHOWN = tuple(word for word in WORDS if word != "elbo_perplexity")
SYMBOLS = {"target_rate": "λ", "anneal_epochs": "anneal"}


def rich_tables(found: list[Row], sweep: str) -> Iterable[Group]:
    """Return one table a split; an asterisk marks the cells on the front of the objectives."""
    for split in dict.fromkeys(row.split for row in found):
        chosen = [row for row in found if row.split == split]
        title = f"{sweep}: {split} split, means over seeds (* on the validation front)"
        yield Group(Text(title, style="bold"), _table(chosen))


def as_json(found: list[Row]) -> str:
    """Return the rows and floors as a JSON document."""
    document = {"rows": as_plain(found), "floors": [vars(floor) for floor in floors(found)]}
    return json.dumps(document, indent=1, sort_keys=True)


def as_csv(found: list[Row]) -> str:
    """Return the rows as CSV; words that a row lacks are empty."""
    text = io.StringIO()
    words = (*WORDS, *FLOOR_WORDS)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["cell", "method", "values", "split", "seeds", "outcome", "front", *words])
    for row in found:
        values = json.dumps(row.values, sort_keys=True)
        numbers = [row.numbers.get(word, "") for word in words]
        writer.writerow(
            [row.cell, row.method, values, row.split, row.seeds, outcome(row), int(row.front), *numbers]
        )
    return text.getvalue()


def outcome(row: Row) -> str:
    """Return a cell's outcome in words: one, or how many seeds had which."""
    if len(row.outcomes) == 1:
        return next(iter(row.outcomes))
    return ", ".join(f"{count} {name}" for name, count in sorted(row.outcomes.items()))


def values_text(values: dict[str, Any]) -> str:
    """Return a cell's values in few words; the target rate by its symbol."""
    return " ".join(f"{SYMBOLS.get(name, name)}={_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(chosen: list[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("cell", justify="right", no_wrap=True)
    table.add_column("method", no_wrap=True)
    known = floors(chosen)
    headings = [METRICS[word].symbol for word in SHOWN] + (["above floor"] if known else [])
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    for row in chosen:
        numbers = [_number(word, row.numbers.get(word)) for word in SHOWN]
        gap = [_gap(row.numbers)] if known else []
        name = f"{row.method} {values_text(row.values)}".strip()
        seeds = f" ({row.seeds} seeds)" if row.seeds > 1 else ""
        table.add_row(f"{row.cell}{'*' if row.front else ' '}", name + seeds, *numbers, *gap, outcome(row))
    for floor in known:
        numbers = [_number("perplexity", floor.perplexity), _number("iw_nll", floor.nll)]
        table.add_row("", "exact -log p", *numbers, *["-"] * (len(SHOWN) - 2), "0", "", style="dim")
    return table


def _number(word: str, value: float | None) -> str:
    return "-" if value is None else f"{value:.{METRICS[word].digits}f}"


def _gap(numbers: dict[str, float]) -> str:
    if "floor_gap" not in numbers:
        return "-"
    return f"{numbers['floor_gap']:+.2f} ± {numbers['floor_gap_error']:.2f}"
