"""A figure of the page, and what all figures have in common."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from vae_sweep.report.palette import in_order

FIGURE_DIGITS = 6
"""Significant digits of a number in a figure."""


@dataclass(frozen=True)
class Plot:
    """A figure of the page: `alt` says what it shows to whoever does not see it, `methods` who is in it."""

    id: str
    title: str
    alt: str
    spec: dict[str, Any]
    methods: tuple[str, ...] = ()


def methods_of(plots: Iterable[Plot]) -> list[str]:
    """Return the methods that plots show, in the order of the paper's tables."""
    return in_order({method for plot in plots for method in plot.methods})


def layout(x: dict[str, Any], y: dict[str, Any], height: int) -> dict[str, Any]:
    """Return a plot's layout on a transparent background, without a legend of its own."""
    return {
        "xaxis": x,
        "yaxis": y,
        "height": height,
        "margin": {"l": 56, "r": 12, "t": 12, "b": 44},
        "showlegend": False,
        "hovermode": "closest",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    }


def whole_ticks(last: int) -> dict[str, Any]:
    """Return an axis from 1 to `last` whose ticks are whole numbers, about eight of them."""
    return {"range": [1 - 0.03 * last, 1.03 * last], "tick0": 0, "dtick": max(1, round(last / 8))}


def short(value: float) -> float:
    """Return a number with the digits that a figure keeps."""
    return float(f"{value:.{FIGURE_DIGITS}g}")
