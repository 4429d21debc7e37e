"""Every metric, from the one place where metrics are declared."""

from reference_pages.markdown import code, free, table
from vae_sweep.journal.metrics import METRICS

BETTER = {"min": "lower", "max": "higher", None: ""}


def metrics() -> str:
    """Return a table of all metrics in the order of their declaration."""
    headings = ("metric", "shown as", "unit", "better", "digits", "meaning")
    return table(
        headings,
        [
            (
                code(name),
                metric.symbol,
                metric.unit,
                BETTER[metric.better],
                str(metric.digits),
                free(metric.meaning),
            )
            for name, metric in METRICS.items()
        ],
    )
