"""The README's figure: perplexity and reconstruction over λ by both estimates, and how the VAE's KL falls to 0.

    vae-sweep launch search_spaces/snli_front_cpu.yaml
    python -m benchmarks.target_rate sweeps/snli_front_cpu

writes every trial's numbers to docs/results/target_rate.csv and target_rate_epochs.csv, and from these files alone
the figure, for light and dark pages, and the table of paired differences. Without a sweep the files are read.
"""

import argparse
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import vae_sweep
from vae_sweep.report.palette import style_of
from vae_sweep.statistics.intervals import mean_interval

RESULTS = Path(__file__).parents[1] / "docs" / "results"
TIGHT, FROM_Q, RECONSTRUCTION = "test/perplexity", "test/iw_perplexity", "test/reconstruction"
NUMBERS = [TIGHT, FROM_Q, RECONSTRUCTION, "test/nll", "test/iw_nll", "test/kl", "test/mutual_information"]
TRUST = [
    "test/samples",
    "test/pareto_k_bad",
    "test/iw_pareto_k_bad",
    "test/amortisation_gap",
    "test/approximation_gap",
]
COMPARED = ("test/iw_nll", "test/nll", RECONSTRUCTION, "test/mutual_information")
CELL = ["method", "target_rate", "seed"]
Cell = tuple[str, float]
KL = "validation/kl"
INK = {"light": "#1f2328", "dark": "#e6edf3"}
STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "vae-sweep",
    "text.parse_math": False,
    "font.family": "sans-serif",
}


def export(folder: Path) -> None:
    """Write what the figure needs of a sweep."""
    sweep = vae_sweep.load_sweep(folder)
    sweep.trials[[*CELL, *NUMBERS, *TRUST]].round(5).to_csv(RESULTS / "target_rate.csv", index=False)
    epochs = sweep.epochs[sweep.epochs.phase == "vae"]
    epochs[[*CELL, "epoch", KL]].round(5).to_csv(RESULTS / "target_rate_epochs.csv", index=False)


def over_rates(axes: Axes, trials: pd.DataFrame, metric: str, from_q: bool = False) -> None:
    """Draw a metric of the free-bits methods over λ, means of seeds with 95 % intervals."""
    for method, found in trials.dropna(subset=["target_rate"]).groupby("method"):
        style = style_of(str(method))
        rates, levels = zip(
            *((rate, mean_interval(list(of[metric]))) for rate, of in found.groupby("target_rate")), strict=True
        )
        axes.errorbar(
            np.array(rates) + (0.08 if method == "ours" else -0.08),
            [level.mean for level in levels],
            yerr=[level.half_width or 0.0 for level in levels],
            color=style.colour,
            marker=style.static_marker,
            linestyle="--" if from_q else "-",
            fillstyle="none" if from_q else "full",
            elinewidth=0.8,
            capsize=2,
            label=f"{method}, {'1000 samples from q' if from_q else 'tight estimate'}",
        )


def references(axes: Axes, trials: pd.DataFrame, metric: str) -> None:
    """Draw the methods without λ as lines."""
    for method, found in trials[trials.target_rate.isna()].groupby("method"):
        axes.axhline(found[metric].mean(), color=style_of(str(method)).colour, linestyle=":", label=str(method))


def kl_by_epoch(axes: Axes, epochs: pd.DataFrame, rate: float) -> None:
    """Draw the validation KL of each seed, of the methods without λ and of one λ of the others."""
    shown = epochs[epochs.target_rate.isna() | (epochs.target_rate == rate)]
    for (method, _), found in shown.groupby(["method", "seed"]):
        style = style_of(str(method))
        axes.plot(found.epoch, found[KL], color=style.colour, marker=style.static_marker, markersize=3)


def figure(trials: pd.DataFrame, epochs: pd.DataFrame, theme: str) -> Figure:
    """Return the figure in the ink of a light or a dark page, on no ground of its own."""
    names = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    with mpl.rc_context(STYLE | dict.fromkeys(names, INK[theme])):
        drawn = Figure(figsize=(9.2, 3.5), layout="constrained")
        perplexity, reconstruction, kl = drawn.subplots(1, 3)
        references(perplexity, trials, TIGHT)
        over_rates(perplexity, trials, FROM_Q, from_q=True)
        over_rates(perplexity, trials, TIGHT)
        perplexity.set(title="perplexity", xlabel="target rate λ, nats")
        references(reconstruction, trials, RECONSTRUCTION)
        over_rates(reconstruction, trials, RECONSTRUCTION)
        reconstruction.set(title="reconstruction, nats", xlabel="target rate λ, nats")
        highest = float(epochs.target_rate.max())
        kl_by_epoch(kl, epochs, highest)
        kl.set(title=f"KL on validation, nats (λ = {highest:g})", xlabel="epoch")
        handles, labels = perplexity.get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return drawn


def difference(trials: pd.DataFrame, cell: Cell, against: Cell) -> str:
    """Return a line of the table: a cell less another, paired by seed, means with 95 % intervals, nats."""
    one, other = (trials.xs(each) for each in (cell, against))
    found = [mean_interval(list((one - other)[metric])) for metric in COMPARED]
    texts = [f"{each.mean:+.2f} ± {each.half_width or float('nan'):.2f}" for each in found]
    names = [f"`{method}`" + (f" λ = {rate:g}" if rate else "") for method, rate in (cell, against)]
    return f"| {names[0]} against {names[1]} | {' | '.join(texts)} |"


def differences(trials: pd.DataFrame) -> str:
    """Return each λ against the lowest, against `vae`, and `vae_fbp` against `ours`, as a table."""
    by_cell = trials.fillna({"target_rate": 0.0}).set_index(CELL).sort_index()
    cells: list[Cell] = sorted({(method, rate) for method, rate, _ in by_cell.index if rate})
    lowest = min(rate for _, rate in cells)
    pairs = [(cell, (cell[0], lowest)) for cell in cells if cell[1] > lowest]
    pairs += [(cell, ("vae", 0.0)) for cell in cells]
    pairs += [(cell, ("ours", cell[1])) for cell in cells if cell[0] == "vae_fbp"]
    head = ["| | NLL by q, 1000 | NLL, tight | Recon | MI |", "|---|---|---|---|---|"]
    return "\n".join([*head, *(difference(by_cell, *pair) for pair in pairs)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", nargs="?", type=Path, help="a finished sweep's folder")
    options = parser.parse_args()
    if options.sweep:
        export(options.sweep)
    trials, epochs = (pd.read_csv(RESULTS / name) for name in ("target_rate.csv", "target_rate_epochs.csv"))
    for theme in INK:
        drawn = figure(trials, epochs, theme)
        with mpl.rc_context(STYLE):
            drawn.savefig(RESULTS / f"target_rate_{theme}.svg", transparent=True, metadata={"Date": None})
    print(differences(trials))


if __name__ == "__main__":
    main()
