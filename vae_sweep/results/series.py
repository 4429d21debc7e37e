"""What the figures of a report show, as plain series: fronts, curves over λ, curves over epochs."""

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.methods import METHODS
from vae_sweep.journal.metrics import values_text
from vae_sweep.journal.records import SweepRecord, TrialRecord
from vae_sweep.results.cells import CellResult
from vae_sweep.results.published import published
from vae_sweep.results.verdicts import Verdict, comparisons
from vae_sweep.statistics.intervals import Interval

ACROSS, UP = "reconstruction", "perplexity"
"""The axes of a front."""

PUBLISHED_UP = "iw_perplexity"
"""What the paper has in the place of UP."""

RATE_METRICS = ("perplexity", "reconstruction", "kl", "active_units", "mutual_information")
EPOCH_METRICS = ("neg_elbo", "reconstruction", "kl", "active_units", "mutual_information")
PHASES = ("pretrain", "vae")


@dataclass(frozen=True)
class PublishedPoint:
    """A line of the paper's tables on the axes of a front."""

    method: str
    rate: float | None
    across: float
    up: float


@dataclass(frozen=True)
class Front:
    """One split's cells on the axes of a front; `line` joins those on the validation front, by ACROSS."""

    split: str
    rows: tuple[CellResult, ...]
    line: tuple[CellResult, ...]
    published: tuple[PublishedPoint, ...]


@dataclass(frozen=True)
class RateCurve:
    """A method's metric over λ; `rates` is empty for a method without λ, which has one level.

    `others` says the cells' values but for λ, in words; `cells` are their numbers.
    """

    method: str
    others: str
    rates: tuple[float, ...]
    levels: tuple[Interval, ...]
    cells: tuple[int, ...]


@dataclass(frozen=True)
class EpochCurve:
    """A trial's metrics over the epochs of one phase, in their order; None where an epoch has no such metric."""

    trial: str
    method: str
    phase: str
    epochs: tuple[int, ...]
    metrics: dict[str, tuple[float | None, ...]]

    def has(self, metric: str) -> bool:
        """Say whether an epoch has the metric."""
        return any(value is not None for value in self.metrics.get(metric, ()))


def fronts(record: SweepRecord, rows: list[CellResult]) -> list[Front]:
    """Return the validation front, then the same cells on the test split, beside the paper's if they compare."""
    found = []
    for split in ("validation", "test"):
        shown = tuple(row for row in rows if row.split == split and {ACROSS, UP} <= row.numbers.keys())
        if shown:
            line = tuple(sorted((row for row in shown if row.front), key=lambda row: row.numbers[ACROSS]))
            theirs = _published_points(record) if split == "test" else ()
            found.append(Front(split, shown, line, theirs))
    return found


def widest_split(rows: list[CellResult]) -> str:
    """Return the split that compares all cells: test where each cell has it, else validation."""
    tested = {row.cell for row in rows if row.split == "test"}
    return "test" if tested and tested == {row.cell for row in rows} else "validation"


def rate_curves(record: SweepRecord, rows: list[CellResult], split: str) -> dict[str, list[RateCurve]]:
    """Return metric -> a curve for each method and set of other values; empty where no cell has a λ."""
    shown = [row for row in rows if row.split == split]
    first = {trial.cell: trial for trial in reversed(record.trials.values())}
    rates = {row.cell: target_rate(first[row.cell]) for row in shown}
    if not any(rate is not None for rate in rates.values()):
        return {}
    found = {metric: list(_curves_of(shown, rates, metric)) for metric in RATE_METRICS}
    return {metric: curves for metric, curves in found.items() if curves}


def epoch_curves(record: SweepRecord) -> list[EpochCurve]:
    """Return the curves of every trial with an epoch, a phase each."""
    return [
        curve
        for name in sorted(record.trials)
        for phase in PHASES
        if (curve := _epoch_curve(record.trials[name], phase)).epochs
    ]


def target_rate(trial: TrialRecord) -> float | None:
    """Return λ of a trial, nats; None where its method has none."""
    return None if trial.target_rate is None else float(trial.target_rate)


def _published_points(record: SweepRecord) -> tuple[PublishedPoint, ...]:
    """Return the paper's points; none unless some cell may be compared with them on both axes."""
    compared = [one for one in comparisons(record) if one.verdict is not Verdict.NOT_COMPARABLE]
    comparable = [(one.cell, one.metric) for one in compared]
    if not any((cell, ACROSS) in comparable and (cell, PUBLISHED_UP) in comparable for cell in record.cells):
        return ()
    name = (record.spec.get("corpus") or {}).get("name")
    rows = published(name) if isinstance(name, str) else {}
    return tuple(
        PublishedPoint(method, rate, metrics[ACROSS].value, metrics[PUBLISHED_UP].value)
        for (method, rate), metrics in rows.items()
        if {ACROSS, PUBLISHED_UP} <= metrics.keys()
    )


def _curves_of(shown: list[CellResult], rates: dict[int, float | None], metric: str) -> Iterator[RateCurve]:
    groups: dict[tuple[str, str, bool], list[CellResult]] = {}
    for row in shown:
        if metric in row.numbers and metric not in METHODS[row.method].undefined_metrics:
            others = values_text({name: value for name, value in row.values.items() if name != "target_rate"})
            groups.setdefault((row.method, others, rates[row.cell] is not None), []).append(row)
    for (method, others, has_rate), group in groups.items():
        known = {row.cell: rate for row in group if (rate := rates[row.cell]) is not None}
        ordered = sorted(group, key=lambda row: known.get(row.cell, 0.0))
        if has_rate:
            yield _curve(method, others, ordered, known, metric)
        else:
            for row in ordered:
                yield _curve(method, others, [row], {}, metric)


def _curve(method: str, others: str, rows: list[CellResult], rates: dict[int, float], metric: str) -> RateCurve:
    return RateCurve(
        method=method,
        others=others,
        rates=tuple(rates[row.cell] for row in rows if row.cell in rates),
        levels=tuple(row.interval(metric) for row in rows),
        cells=tuple(row.cell for row in rows),
    )


def _epoch_curve(trial: TrialRecord, phase: str) -> EpochCurve:
    epochs = sorted((epoch for epoch in trial.epochs if epoch.phase == phase), key=lambda epoch: epoch.epoch)
    undefined_metrics = METHODS[trial.method].undefined_metrics
    metrics = {
        metric: tuple(epoch.numbers.get(f"validation/{metric}") for epoch in epochs)
        for metric in EPOCH_METRICS
        if metric not in undefined_metrics
    }
    return EpochCurve(trial.id, trial.method, phase, tuple(epoch.epoch + 1 for epoch in epochs), metrics)
