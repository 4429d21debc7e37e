"""Series as plotly figures: plain dicts of traces and layout; colours of text and grid are the page's."""

from collections.abc import Sequence
from html import escape
from typing import Any

from vae_sweep.journal.metrics import METRICS, number_text
from vae_sweep.report.page.plot import Plot, layout, short, whole_ticks
from vae_sweep.report.palette import in_order, style_of
from vae_sweep.report.terminal import cell_name
from vae_sweep.results.cells import CellResult
from vae_sweep.results.series import ACROSS, EPOCH_METRICS, PHASES, PUBLISHED_UP, UP, EpochCurve, Front, RateCurve
from vae_sweep.statistics.intervals import Interval

FAINT = 0.35
"""Opacity of a cell whose likelihood is not known."""

PHASE_TITLES = {"pretrain": "Pretraining (autoencoder)", "vae": "VAE phase"}


def front_plot(front: Front) -> Plot:
    """Return perplexity over reconstruction: a marker a cell, the front's line, the paper's points open."""
    traces: list[dict[str, Any]] = []
    if len(front.line) > 1:
        traces.append(_front_line(front.line))
    methods = in_order({row.method for row in front.rows} | {point.method for point in front.published})
    for method in methods:
        traces += _published(front, method)
        rows = [row for row in front.rows if row.method == method]
        traces += [_cells(rows, method)] if rows else []
    names = ", ".join(f"{cell_name(row)} at {_pair(row)}" for row in front.line)
    return Plot(
        id=f"front-{front.split}",
        title=f"{front.split.capitalize()} split",
        alt=f"{METRICS[UP].symbol} over {METRICS[ACROSS].symbol} of {len(front.rows)} cells, {front.split} split. "
        f"On the front: {names or 'no cell'}.",
        spec={"data": traces, "layout": layout(_axis(ACROSS), _axis(UP), height=460)},
        methods=tuple(methods),
    )


def rate_plots(curves: dict[str, list[RateCurve]], split: str) -> list[Plot]:
    """Return a plot for each metric over λ; a method without λ is a level line."""
    rates = [rate for found in curves.values() for curve in found for rate in curve.rates]
    ends = (min(rates), max(rates)) if rates else (0.0, 1.0)
    return [_rate_plot(metric, found, ends, split) for metric, found in curves.items()]


def epoch_plots(curves: list[EpochCurve]) -> list[Plot]:
    """Return a plot for each phase and metric over epochs: a line a trial, in the colour of its method."""
    return [
        _epoch_plot(phase, metric, shown)
        for phase in PHASES
        for metric in EPOCH_METRICS
        if (shown := [curve for curve in curves if curve.phase == phase and curve.has(metric)])
    ]


def _axis(metric: str) -> dict[str, Any]:
    about = METRICS[metric]
    return {"title": {"text": f"{about.symbol}, {about.unit}"}, "zeroline": False}


def _front_line(line: Sequence[CellResult]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [short(row.numbers[ACROSS]) for row in line],
        "y": [short(row.numbers[UP]) for row in line],
        "line": {"shape": "hv", "width": 1.5, "dash": "dot", "color": "#808080"},
        "hoverinfo": "skip",
    }


def _cells(rows: Sequence[CellResult], method: str) -> dict[str, Any]:
    style = style_of(method)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": method,
        "legendgroup": method,
        "x": [short(row.numbers[ACROSS]) for row in rows],
        "y": [short(row.numbers[UP]) for row in rows],
        "error_x": _bars([row.interval(ACROSS) for row in rows], style.colour),
        "error_y": _bars([row.interval(UP) for row in rows], style.colour),
        "marker": {
            "color": style.colour,
            "symbol": style.marker,
            "size": [13 if row.front else 9 for row in rows],
            "opacity": [FAINT if row.unknown_likelihood else 1 for row in rows],
            "line": {"width": 0},
        },
        "customdata": [row.cell for row in rows],
        "text": [_hover(row) for row in rows],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _published(front: Front, method: str) -> list[dict[str, Any]]:
    points = [point for point in front.published if point.method == method]
    if not points:
        return []
    style = style_of(method)
    names = [method if point.rate is None else f"{method} λ={point.rate:g}" for point in points]
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": f"{method}, paper",
            "legendgroup": method,
            "x": [point.across for point in points],
            "y": [point.up for point in points],
            "marker": {"color": style.colour, "symbol": f"{style.marker}-open", "size": 8, "opacity": 0.8},
            "text": [
                f"paper: {name}<br>{METRICS[PUBLISHED_UP].symbol} {point.up:g}"
                f"<br>{METRICS[ACROSS].symbol} {point.across:g}"
                for name, point in zip(names, points, strict=True)
            ],
            "hovertemplate": "%{text}<extra></extra>",
        }
    ]


def _rate_plot(metric: str, curves: list[RateCurve], ends: tuple[float, float], split: str) -> Plot:
    traces = [_rate_trace(metric, curve, ends) for curve in curves]
    methods = in_order({curve.method for curve in curves})
    symbol = METRICS[metric].symbol
    x = {"title": {"text": "λ, nats per sentence"}, "zeroline": False}
    return Plot(
        id=f"rate-{metric}",
        title=f"{symbol} ({METRICS[metric].unit})",
        alt=f"{symbol} on the {split} split over λ from {ends[0]:g} to {ends[1]:g}, for {', '.join(methods)}.",
        spec={"data": traces, "layout": layout(x, {"zeroline": False}, height=300)},
        methods=tuple(methods),
    )


def _rate_trace(metric: str, curve: RateCurve, ends: tuple[float, float]) -> dict[str, Any]:
    style = style_of(curve.method)
    levels = curve.levels if curve.rates else curve.levels * 2
    cells = curve.cells if curve.rates else curve.cells * 2
    name = f"{curve.method} {curve.others}".strip()
    return {
        "type": "scatter",
        "mode": "lines+markers" if curve.rates else "lines",
        "name": name,
        "legendgroup": curve.method,
        "x": [short(rate) for rate in curve.rates or ends],
        "y": [short(level.mean) for level in levels],
        "error_y": _bars(levels, style.colour),
        "line": {
            "color": style.colour,
            "width": 2 if curve.rates else 1,
            "dash": style.dash if curve.rates else "dot",
        },
        "marker": {"color": style.colour, "symbol": style.marker, "size": 8},
        "customdata": list(cells),
        "text": [_level_hover(metric, name, cell, level) for cell, level in zip(cells, levels, strict=True)],
        "hovertemplate": "λ %{x:.4g}<br>%{text}<extra></extra>" if curve.rates else "%{text}<extra></extra>",
    }


def _epoch_plot(phase: str, metric: str, curves: list[EpochCurve]) -> Plot:
    methods = in_order({curve.method for curve in curves})
    x = {"title": {"text": "epoch"}, "zeroline": False} | whole_ticks(max(curve.epochs[-1] for curve in curves))
    symbol = METRICS[metric].symbol
    return Plot(
        id=f"epochs-{phase}-{metric}",
        title=f"{symbol} ({METRICS[metric].unit})",
        alt=f"{symbol} on validation after each epoch, {PHASE_TITLES[phase]}: {len(curves)} trials of "
        f"{', '.join(methods)}.",
        spec={
            "data": [_epoch_trace(metric, method, curves) for method in methods],
            "layout": layout(x, {"zeroline": False}, height=260),
        },
        methods=tuple(methods),
    )


def _epoch_trace(metric: str, method: str, curves: list[EpochCurve]) -> dict[str, Any]:
    """Return all lines of a method as one trace, with a gap between two trials."""
    style = style_of(method)
    x: list[int | None] = []
    y: list[float | None] = []
    text: list[str | None] = []
    for curve in curves:
        if curve.method == method:
            x += [*curve.epochs, None]
            y += [*(None if value is None else short(value) for value in curve.metrics[metric]), None]
            text += [*[curve.trial] * len(curve.epochs), None]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": method,
        "legendgroup": method,
        "x": x,
        "y": y,
        "text": text,
        "line": {"color": style.colour, "width": 1.5, "dash": style.dash},
        "marker": {"color": style.colour, "symbol": style.marker, "size": 5},
        "hovertemplate": "%{text}<br>epoch %{x}: %{y:.5g}<extra></extra>",
    }


def _bars(intervals: Sequence[Interval], colour: str) -> dict[str, Any]:
    widths = [None if found.half_width is None else short(found.half_width) for found in intervals]
    known = any(width is not None for width in widths)
    return {"type": "data", "array": widths, "visible": known, "color": colour, "thickness": 1.2, "width": 3}


def _hover(row: CellResult) -> str:
    numbers = [
        f"{METRICS[metric].symbol} {number_text(metric, row.numbers[metric], row.half_widths.get(metric))}"
        for metric in (UP, PUBLISHED_UP, ACROSS, "kl", "active_units", "mutual_information")
        if metric in row.numbers
    ]
    seeds = f"{row.seeds} seed{'s' * (row.seeds != 1)}"
    place = f"cell {row.cell}, {seeds}{', on the front' if row.front else ''}"
    unknown = [f"cannot tell PPL: {row.unknown_likelihood}"] if row.unknown_likelihood else []
    return "<br>".join([f"<b>{escape(cell_name(row))}</b>", place, *map(escape, [*numbers, *unknown])])


def _level_hover(metric: str, name: str, cell: int, level: Interval) -> str:
    return f"{escape(name)} (cell {cell})<br>{number_text(metric, level.mean, level.half_width)}"


def _pair(row: CellResult) -> str:
    return " and ".join(
        f"{METRICS[metric].symbol} {number_text(metric, row.numbers[metric])}" for metric in (UP, ACROSS)
    )
