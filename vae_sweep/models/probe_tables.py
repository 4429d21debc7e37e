"""What probes found, in the form of the paper's Tables 4, 5, 6 and 8 and its Appendix B."""

from dataclasses import dataclass

from trainables.methods import METHODS
from vae_sweep.journal.metrics import METRICS, values_text
from vae_sweep.journal.records import SweepRecord, TrialRecord

TABLES: dict[str, tuple[str, ...]] = {
    "Table 4: reconstruction": ("bleu", "bleu_cut"),
    "Table 5: smoothness": ("pcc",),
    "Table 6: noisy reconstruction loss, by word swaps": tuple(f"recon_swap{k}" for k in range(1, 5)),
    "Table 8: accuracy, by labelled sentences": (
        "accuracy_gmm",
        *(f"accuracy_{n}" for n in (100, 500, 1000, 2000, 10000)),
    ),
    "Appendix B: prior samples and their nearest training sentences": (
        "copy_distance",
        "copy_length",
        "copy_train_length",
    ),
}


@dataclass(frozen=True)
class ProbeTable:
    """A table of the paper: `rows` hold a method with its values, and one text a column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def probe_tables(record: SweepRecord) -> list[ProbeTable]:
    """Return each table that has a number, a line for each probed cell: means over its probed seeds."""
    cells: dict[int, list[TrialRecord]] = {}
    for trial in record.trials.values():
        if trial.probed:
            cells.setdefault(trial.cell, []).append(trial)
    tables = []
    for title, metrics in TABLES.items():
        rows = tuple(_row(cells[number], metrics) for number in sorted(cells) if _any(cells[number], metrics))
        if rows:
            columns = ("method", *(METRICS[metric].symbol.removeprefix("#labeled ") for metric in metrics))
            tables.append(ProbeTable(title, columns, rows))
    return tables


def _any(trials: list[TrialRecord], metrics: tuple[str, ...]) -> bool:
    return any(f"probe/{metric}" in trial.probed for trial in trials for metric in metrics)


def _row(trials: list[TrialRecord], metrics: tuple[str, ...]) -> tuple[str, ...]:
    return (_name(trials), *(_mean(trials, metric) for metric in metrics))


def _name(trials: list[TrialRecord]) -> str:
    first = trials[0]
    rate = {} if first.target_rate is None else {"target_rate": first.target_rate}
    values = {**rate, **first.values}
    title = METHODS[first.method].title if first.method in METHODS else first.method
    seeds = f", {len(trials)} seeds" if len(trials) > 1 else ""
    shown = f"{values_text(values)}{seeds}".removeprefix(", ")
    return f"{title} ({shown})" if shown else title


def _mean(trials: list[TrialRecord], metric: str) -> str:
    found = [trial.probed.get(f"probe/{metric}") for trial in trials]
    known = [value for value in found if value is not None]
    return f"{sum(known) / len(known):.{METRICS[metric].digits}f}" if known else "-"
