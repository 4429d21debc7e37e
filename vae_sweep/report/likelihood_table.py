"""How well each number of a cell is known: standard errors, the gap to the bound in parts, importance weights."""

from vae_sweep.journal.metrics import METRICS, number_text
from vae_sweep.report.terminal import cell_name
from vae_sweep.results.cells import GAP_METRICS, CellResult
from vae_sweep.statistics.intervals import half_width

_ERRORS = {
    "nll": "nll_error",
    "reconstruction": "reconstruction_error",
    "kl": "kl_error",
    "mutual_information": "mutual_information_error",
}
LIKELIHOOD_NOTE = (
    "Standard errors are those over the sentences of a split, so that they hold for other sentences of its kind; "
    "of differences between cells on the same sentences they say nothing. Sampling is how far NLL would move with "
    "other samples. -ELBO - NLL is what q costs: amortisation is the part that a better q saves, "
    "approximation the rest; ± are 95 % intervals, over seeds where a cell has several, else over sentences. "
    "k > 0.7 is the share of sentences whose estimate cannot be trusted. By the tight estimate cells are ranked; "
    "k(q) is of the samples from q that the paper takes, and says why PPL(q) may lie above PPL."
)


def likelihood_title(split: str) -> str:
    """Return what the table shows."""
    return f"{split} split, how well the numbers are known"


def likelihood_head() -> tuple[str, ...]:
    """Return the headings of the table."""
    errors = (f"{METRICS[metric].symbol} s.e." for metric in _ERRORS)
    gaps = (METRICS[metric].symbol for metric in GAP_METRICS)
    return (
        "cell",
        "method",
        *errors,
        "sampling",
        *gaps,
        METRICS["samples"].symbol,
        "k > 0.7",
        "NLL(q)",
        "k(q) > 0.7",
    )


def likelihood_line(row: CellResult) -> list[str] | None:
    """Return a cell's line; None where its likelihood was not measured so. Means over its seeds."""
    if "nll" not in row.numbers:
        return None
    numbers = row.numbers
    errors = [number_text(metric, numbers.get(metric)) for metric in _ERRORS.values()]
    sampling = row.sampling.get("nll")
    return [
        f"{row.cell}{row.mark}",
        cell_name(row),
        *errors,
        "-" if sampling is None else f"±{sampling:.3f}",
        *(_gap(row, metric) for metric in GAP_METRICS),
        number_text("samples", numbers.get("samples")),
        _share(numbers.get("pareto_k_bad")),
        number_text("iw_nll", numbers.get("iw_nll")),
        _share(numbers.get("iw_pareto_k_bad")),
    ]


def _gap(row: CellResult, metric: str) -> str:
    """Return a gap with its interval: over seeds where there are several, else over sentences."""
    value, error = row.numbers.get(metric), row.numbers.get(f"{metric}_error")
    if value is None:
        return "-"
    width = row.half_widths.get(metric, None if error is None else half_width(error))
    return f"{value:+.2f}" if width is None else f"{value:+.2f}±{width:.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
