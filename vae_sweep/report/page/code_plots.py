"""Plots of the code z: the KL of each unit, and maps of validation sentences."""

from html import escape
from typing import Any

from trainables.probes.latent_summary import LatentSummary
from vae_sweep.report.latent_summaries import CellExemplar, UnitRow
from vae_sweep.report.page.plot import Plot, layout, short, whole_ticks
from vae_sweep.report.palette import label_style

ROW_HEIGHT, LONGEST_NAME = 24, 26


def unit_plot(shown: list[UnitRow]) -> Plot | None:
    """Return the KL per unit, a line of squares a cell, each sorted by its KL; None where nobody has units."""
    if not shown:
        return None
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": [],
        "text": [],
        "y": [_tick(found) for found in shown],
        "colorscale": "Cividis",
        "zmin": 0,
        "hovertemplate": "%{text}<extra></extra>",
        "colorbar": {"title": {"text": "nats", "side": "right"}, "thickness": 12, "outlinewidth": 0},
        "xgap": 1,
        "ygap": 2,
    }
    for row in shown:
        trace["z"].append([short(row.kl[unit]) for unit in row.order])
        trace["text"].append([_unit_hover(row, unit) for unit in row.order])
    trace["x"] = list(range(1, 1 + max(map(len, trace["z"]))))
    height = 110 + ROW_HEIGHT * len(shown)
    x = {"title": {"text": "unit, by its KL"}, "showgrid": False, "zeroline": False}
    x |= whole_ticks(len(trace["x"])) | {"range": [0.5, len(trace["x"]) + 0.5]}
    y = {"autorange": "reversed", "automargin": True, "showgrid": False, "type": "category"}
    return Plot(
        id="units",
        title="KL per unit",
        alt=f"KL of each unit in nats, means over validation sentences, for {len(shown)} cells; units sorted.",
        spec={"data": [trace], "layout": layout(x, y, height)},
    )


def map_plot(exemplar: CellExemplar, names: list[str]) -> Plot | None:
    """Return the map of a cell's posterior means, a colour a label of `names`; None where there is none."""
    summary = exemplar.summary
    if summary is None or not summary.positions:
        return None
    labels = summary.labels or ("",) * len(summary.positions)
    shares = [
        f"component {number} ({share:.0%} of the variance)" for number, share in enumerate(summary.shares, 1)
    ]
    x, y = ({"title": {"text": text}, "zeroline": False, "automargin": True} for text in shares)
    traces = [_map_trace(summary, labels, *found) for found in enumerate(names if summary.labels else [""])]
    by_label = f" by label ({', '.join(names)})" if summary.labels else ""
    return Plot(
        id=f"map-{exemplar.trial.cell}",
        title=f"cell {exemplar.trial.cell}, {exemplar.name}",
        alt=f"Posterior means of {len(labels)} validation sentences on two principal components{by_label}, cell "
        f"{exemplar.trial.cell}.",
        spec={"data": traces, "layout": layout(x, y, 360)},
    )


def _map_trace(summary: LatentSummary, labels: tuple[str, ...], number: int, name: str) -> dict[str, Any]:
    colour, marker, _ = label_style(number)
    rows = [row for row, label in enumerate(labels) if label == name]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": escape(name),
        "x": [short(summary.positions[row][0]) for row in rows],
        "y": [short(summary.positions[row][1]) for row in rows],
        "marker": {"color": colour, "symbol": marker, "size": 6, "opacity": 0.75},
        "text": [f"{escape(name)}{': ' if name else ''}{escape(summary.texts[row])}" for row in rows],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _unit_hover(row: UnitRow, unit: int) -> str:
    return (
        f"{escape(row.name)} (cell {row.cell})<br>unit {unit}: KL {row.kl[unit]:.3g} nats, "
        f"variance of means {row.variance[unit]:.3g}"
    )


def _tick(row: UnitRow) -> str:
    name = f"{row.cell} {row.name}"
    return escape(name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…")
