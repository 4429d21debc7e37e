"""A figure of the page for a notebook: with a title, a legend and a background."""

from html import escape

from plotly.graph_objects import Figure

from vae_sweep.report.page.plot import Plot

TEMPLATE = "plotly_white"
LEAST_HEIGHT, MARGINS = 450, 150
"""Pixels; the page's own heights leave no room for a title."""


def graph_figure(plot: Plot, name: str) -> Figure:
    """Return a plot as plotly's figure, called so; its traces are the page's."""
    figure = Figure(plot.spec)
    figure.update_layout(
        title={"text": escape(f"{name}: {plot.title}")},
        template=TEMPLATE,
        showlegend=True,
        height=max(LEAST_HEIGHT, MARGINS + plot.spec["layout"]["height"]),
        margin=None,
        paper_bgcolor=None,
        plot_bgcolor=None,
    )
    figure.for_each_trace(lambda trace: trace.update(showlegend=bool(trace.name)))
    return figure
