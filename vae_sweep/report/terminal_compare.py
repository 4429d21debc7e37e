"""Sweeps beside each other, for a terminal."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from vae_sweep.journal.metrics import METRICS, number_text
from vae_sweep.report.terminal import cell_name
from vae_sweep.report.terminal_evidence import by_pair, delta, difference_texts
from vae_sweep.results.comparison import Side, SweepComparison, joint_front
from vae_sweep.results.evidence import interval_text, unknown_lines, volume_axes

HOUR = 3600.0
_NAMED = 8
"""Most cells of one sweep alone that are all named."""


def compare_tables(found: SweepComparison) -> Iterator[Group]:
    """Yield the sweeps, their joint front, then for each sweep after the first the cells in common with it."""
    yield _titled(f"Sweeps on {found.corpus}, validation split", _sides(found))
    yield _titled("Front of all, by its first objective", _joint(found))
    first = found.sides[0]
    for side in found.sides[1:]:
        if side.common:
            title = f"Cells of {side.sweep} minus those of {first.sweep}, ± 95 % over seeds, Holm's p"
            yield _titled(title, _common(found, side))


def compare_lines(found: SweepComparison) -> Iterator[str]:
    """Yield what stands in no table: the hypervolume's axes, cells of one sweep only, settings that differ."""
    yield f"hypervolume: {volume_axes(found.objectives, found.reference)}, a reference of all sweeps' cells"
    first = found.sides[0].sweep
    for side in found.sides[1:]:
        if not side.common:
            yield f"no cell of {side.sweep} has method and values of one of {first}"
    for side in found.sides:
        own = [place for place in side.places if place.cell in side.own]
        shown = own if len(own) <= _NAMED else [place for place in own if place.on_own_front]
        names = ", ".join(f"{place.cell} {cell_name(place)}" for place in shown)
        if own:
            many = f"{len(own)} cells, on its front " if len(own) > _NAMED else ""
            yield f"only in {side.sweep}: {many}{names or 'none'}"
        single = sum(len(place.seeds) == 1 for place in side.places)
        if 0 < single < len(side.places):
            count = f"{single} of {len(side.places)} cells"
            yield f"{count} of {side.sweep} have one seed: their scatter is in no interval"
        for line in unknown_lines(side.unknown_likelihood):
            yield f"{side.sweep}: {line}"
    for side in found.sides[1:]:
        for line in side.settings:
            yield f"{first} -> {side.sweep}: {line}"


def _sides(found: SweepComparison) -> Table:
    heads = ["cells", "seeds", "front", "of all", "hypervolume", f"minus {found.sides[0].sweep}", "trials"]
    table = _table(["sweep"], [*heads, "training", "saved"])
    for side in found.sides:
        seeds = sorted({seed for place in side.places for seed in place.seeds})
        table.add_row(
            side.sweep,
            str(len(side.places)),
            ",".join(map(str, seeds)),
            str(sum(place.on_own_front for place in side.places)),
            str(sum(place.on_joint_front for place in side.places)),
            interval_text(side.hypervolume),
            "" if side.gain is None else f"{interval_text(side.gain, '+')}, {side.answer}",
            str(side.costs.trials),
            _hours(side.costs.seconds),
            _hours(side.costs.saved),
        )
    return table


def _joint(found: SweepComparison) -> Table:
    table = _table(["sweep", "cell", "method"], [METRICS[metric].symbol for metric in found.objectives])
    for sweep, place in joint_front(found):
        numbers = [
            number_text(metric, value) for metric, value in zip(found.objectives, place.objectives, strict=True)
        ]
        table.add_row(sweep, str(place.cell), cell_name(place), *numbers)
    return table


def _common(found: SweepComparison, side: Side) -> Table:
    names = {place.cell: cell_name(place) for place in side.places}
    table = _table(["method", "cell", "minus"], [])
    for metric in found.objectives:
        table.add_column(delta(metric), justify="right", no_wrap=True)
        table.add_column("answer", no_wrap=True)
    for pair in by_pair(side.common):
        texts = [text for one in pair for text in difference_texts(one)]
        table.add_row(names[pair[0].cell], str(pair[0].cell), str(pair[0].against), *texts)
    return table


def _titled(title: str, table: Table) -> Group:
    return Group(Text(title, style="bold"), table)


def _table(left: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in left:
        table.add_column(name, no_wrap=name != "method")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _hours(seconds: float) -> str:
    return f"{seconds / HOUR:.2f} h"
