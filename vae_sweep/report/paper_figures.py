"""The main figures for papers, by matplotlib, from the same series as the page's: PNG, SVG and PDF."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from vae_sweep.journal.metrics import METRICS
from vae_sweep.report.latent_summaries import CellExemplar, UnitRow
from vae_sweep.report.palette import in_order, label_style, style_of
from vae_sweep.results.series import ACROSS, EPOCH_METRICS, PHASES, UP, EpochCurve, Front, RateCurve
from vae_sweep.statistics.intervals import Interval

KINDS = ("png", "svg", "pdf")
PANEL = (2.6, 2.1)
"""Inches of a panel: two stand in a column of a paper, five in its width."""

STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.0,
    "lines.markersize": 4.0,
    "legend.frameon": False,
    "text.parse_math": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "vae-sweep",
}
DATES = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
"""No date in a file, so that equal figures are equal bytes."""

DOTS = 200


@contextmanager
def paper_style() -> Iterator[None]:
    """Draw and save in the style of a paper's figures."""
    with mpl.rc_context(STYLE):
        yield


def saved(figure: Figure, kind: str) -> bytes:
    """Return a figure as a file of a kind, the same bytes for the same figure."""
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=DOTS, metadata=DATES[kind])
    return content.getvalue()


def front_figure(fronts: Sequence[Front]) -> Figure:
    """Return perplexity over reconstruction, a panel a split."""
    figure, panels = _panels(len(fronts), columns=2, size=(3.4, 2.9))
    for axes, front in zip(panels, fronts, strict=True):
        _draw_front(axes, front)
    methods = {row.method for front in fronts for row in front.rows}
    methods |= {point.method for front in fronts for point in front.published}
    handles = _handles(methods, dashed=False)
    if any(front.published for front in fronts):
        handles.append(_handle("paper (PPL by samples from q)", "#808080", "o", "", hollow=True))
    _legend(figure, handles)
    return figure


def rate_figure(curves: dict[str, list[RateCurve]]) -> Figure:
    """Return each metric over λ, a panel each."""
    figure, panels = _panels(len(curves), columns=3)
    for axes, (metric, found) in zip(panels, curves.items(), strict=True):
        for curve in found:
            _draw_rate(axes, curve)
        axes.set(xlabel="λ, nats per sentence", ylabel=f"{METRICS[metric].symbol}, {METRICS[metric].unit}")
    _legend(figure, _handles({curve.method for found in curves.values() for curve in found}))
    return figure


def epoch_figure(curves: Sequence[EpochCurve]) -> Figure:
    """Return learning curves: a line of panels a phase, a panel a metric, a line a trial."""
    phases = [phase for phase in PHASES if any(curve.phase == phase for curve in curves)]
    figure, panels = _panels(len(phases) * len(EPOCH_METRICS), columns=len(EPOCH_METRICS))
    places = ((phase, metric) for phase in phases for metric in EPOCH_METRICS)
    for axes, (phase, metric) in zip(panels, places, strict=True):
        for curve in curves:
            if curve.phase == phase and metric in curve.metrics:
                style = style_of(curve.method)
                y = [float("nan") if value is None else value for value in curve.metrics[metric]]
                axes.plot(curve.epochs, y, style.static_dash, color=style.colour, marker=".", markersize=2.5)
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        axes.set(xlabel=f"epoch ({phase})", ylabel=f"{METRICS[metric].symbol}, {METRICS[metric].unit}")
    _legend(figure, _handles({curve.method for curve in curves}, marked=False))
    return figure


def unit_figure(rows: Sequence[UnitRow]) -> Figure:
    """Return the KL per unit, a line of squares a cell, each sorted by its KL."""
    figure = Figure(figsize=(6.0, 0.9 + 0.22 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    widest = max(len(row.kl) for row in rows)
    values = [[row.kl[unit] for unit in row.order] + [float("nan")] * (widest - len(row.kl)) for row in rows]
    image = axes.imshow(values, cmap="cividis", vmin=0, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(rows)), [f"{row.cell} {row.name}" for row in rows])
    axes.set_xlabel("unit, by its KL")
    figure.colorbar(image, label="nats")
    return figure


def map_figure(exemplars: Sequence[CellExemplar], labels: Sequence[str]) -> Figure:
    """Return maps of the codes of validation sentences, a panel a cell, a colour a label."""
    figure, panels = _panels(len(exemplars), columns=3)
    for axes, exemplar in zip(panels, exemplars, strict=True):
        summary = exemplar.summary
        if summary is None:
            continue
        names = summary.labels or ("",) * len(summary.positions)
        for number, label in enumerate(labels or ("",)):
            colour, _, marker = label_style(number)
            shown = [at for at, name in zip(summary.positions, names, strict=True) if name == label]
            axes.plot(*_columns(shown), marker, color=colour, markersize=2, alpha=0.6)
        axes.set(title=f"cell {exemplar.trial.cell}, {exemplar.name}")
    _legend(figure, [_handle(name, *label_style(number)[::2], "") for number, name in enumerate(labels)])
    return figure


def _columns(positions: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in positions], [y for _, y in positions]


def _panels(count: int, columns: int, size: tuple[float, float] = PANEL) -> tuple[Figure, list[Axes]]:
    columns = max(1, min(columns, count))
    lines = -(-count // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * lines + 0.4), layout="constrained")
    return figure, [figure.add_subplot(lines, columns, number + 1) for number in range(count)]


def _draw_front(axes: Axes, front: Front) -> None:
    line = [(row.numbers[ACROSS], row.numbers[UP]) for row in front.line]
    axes.plot(*_columns(line), drawstyle="steps-post", color="#808080", linestyle=":", zorder=1)
    for point in front.published:
        style = style_of(point.method)
        axes.plot(point.across, point.up, style.static_marker, color=style.colour, fillstyle="none", alpha=0.8)
    for row in front.rows:
        style, across, up = style_of(row.method), row.interval(ACROSS), row.interval(UP)
        axes.errorbar(
            across.mean,
            up.mean,
            xerr=across.half_width,
            yerr=up.half_width,
            marker=style.static_marker,
            markersize=7 if row.front else 4.5,
            color=style.colour,
            alpha=0.35 if row.unknown_likelihood else 1.0,
            elinewidth=0.7,
            capsize=1.5,
        )
    axes.set(
        title=f"{front.split} split",
        xlabel=f"{METRICS[ACROSS].symbol}, {METRICS[ACROSS].unit}",
        ylabel=f"{METRICS[UP].symbol}, {METRICS[UP].unit}",
    )


def _draw_rate(axes: Axes, curve: RateCurve) -> None:
    style = style_of(curve.method)
    if not curve.rates:
        axes.axhline(curve.levels[0].mean, color=style.colour, linestyle=":")
        return
    axes.errorbar(
        curve.rates,
        [level.mean for level in curve.levels],
        yerr=_half_widths(curve.levels),
        marker=style.static_marker,
        linestyle=style.static_dash,
        color=style.colour,
        elinewidth=0.7,
        capsize=1.5,
    )


def _half_widths(levels: Sequence[Interval]) -> list[float]:
    """Return half widths as matplotlib takes them: NaN where a single seed gives none."""
    return [float("nan") if level.half_width is None else level.half_width for level in levels]


def _handles(methods: set[str], marked: bool = True, dashed: bool = True) -> list[Line2D]:
    styles = [(method, style_of(method)) for method in in_order(methods)]
    return [
        _handle(name, style.colour, style.static_marker if marked else "", style.static_dash if dashed else "")
        for name, style in styles
    ]


def _handle(name: str, colour: str, marker: Any, dash: Any, hollow: bool = False) -> Line2D:
    fill: Any = "none" if hollow else "full"
    return Line2D([], [], color=colour, marker=marker, linestyle=dash, label=name, fillstyle=fill)


def _legend(figure: Figure, handles: list[Line2D]) -> None:
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=min(5, len(handles)))
