"""Results of cells: the metrics of the paper's tables, means over seeds, and who stands on the front."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from trainables.methods import METHODS
from vae_sweep.journal.records import CellRecord, SweepRecord, TrialRecord
from vae_sweep.results.front import front_cells, split_numbers, why_unknown
from vae_sweep.statistics.intervals import Interval, half_width, mean_interval
from vae_sweep.statistics.trust import TIGHT, sampling_error

OTHER_METRICS = ("reconstruction", "kl", "mutual_information", "active_units", "neg_elbo")
SHOWN = ("perplexity", "nll", *OTHER_METRICS)
"""Metrics of the tables of cells; PPL(q) stands beside PPL where a split has it."""

COMPARED = ("iw_perplexity", "iw_nll", *OTHER_METRICS, "elbo_perplexity")
"""Metrics that may be compared with the paper's tables: its likelihoods are those of samples from q."""

BESIDE = {"iw_perplexity": "perplexity", "iw_nll": "nll"}
"""The tight estimate of what the paper measures with samples from q."""

MAIN_METRICS = (*BESIDE.values(), *COMPARED)
FLOOR_METRICS = ("floor", "floor_perplexity", "floor_gap", "floor_gap_error")
ERROR_METRICS = ("nll_error", "reconstruction_error", "kl_error", "mutual_information_error")
"""Standard errors over the sentences of a split."""

GAP_METRICS = ("elbo_gap", "amortisation_gap", "approximation_gap")
"""−ELBO − NLL and its two parts, each with its standard error."""

TRUST_METRICS = (
    *ERROR_METRICS,
    "nll_sampling_error",
    *(metric for gap in GAP_METRICS for metric in (gap, f"{gap}_error")),
    *("samples", "ess", "pareto_k", "pareto_k_bad"),
    *("iw_nll_error", "iw_samples", "iw_ess", "iw_pareto_k", "iw_pareto_k_bad"),
)
_SPLITS = ("test", "validation")


@dataclass(frozen=True)
class CellResult:
    """One cell on one split; `numbers` are means over its ended seeds, its method's undefined metrics are absent.

    With several seeds `half_widths` holds half the width of each mean's 95 % interval; `sampling` what of it the
    sampling of NLL and PPL makes, also with one seed. `unknown_likelihood` says why NLL and PPL are not known on
    this split, empty where they are.
    """

    cell: int
    method: str
    title: str
    values: dict[str, Any]
    split: str
    seeds: int
    outcomes: dict[str, int]
    front: bool
    numbers: dict[str, float]
    half_widths: dict[str, float]
    sampling: dict[str, float]
    unknown_likelihood: str

    def interval(self, metric: str) -> Interval:
        """Return the mean of a metric; with one seed its interval is what sampling alone leaves."""
        return Interval(self.numbers[metric], self.half_widths.get(metric, self.sampling.get(metric)), self.seeds)

    @property
    def mark(self) -> str:
        """Return the sign behind the cell's number: on the front, or not known."""
        return "?" if self.unknown_likelihood else "*" if self.front else ""


@dataclass(frozen=True)
class EntropyBound:
    """The exact −log p of the scored sentences of a split: nats per sentence, and as a perplexity."""

    split: str
    nll: float
    perplexity: float


def cell_results(record: SweepRecord, objectives: tuple[str, ...]) -> list[CellResult]:
    """Return the results of the cells on every split that has numbers, in the order of the cells."""
    front, ended = front_cells(record, objectives), ended_trials(record)
    return [
        row
        for split in _SPLITS
        for number, trials in ended.items()
        for row in _row(record.cells[number], trials, split, number in front)
    ]


def shown_metrics(found: list[CellResult]) -> tuple[str, ...]:
    """Return the metrics of a table of these cells: PPL(q) stands beside PPL where a cell has it."""
    first, *others = SHOWN
    return (first, *["iw_perplexity"] * any("iw_perplexity" in row.numbers for row in found), *others)


def entropy_bounds(found: list[CellResult]) -> list[EntropyBound]:
    """Return the entropy bound of each split where the corpus' exact probabilities are known."""
    result = []
    for split in _SPLITS:
        known = [row.numbers for row in found if row.split == split and "floor" in row.numbers]
        if known:
            result.append(EntropyBound(split, known[0]["floor"], known[0]["floor_perplexity"]))
    return result


def ended_trials(record: SweepRecord) -> dict[int, list[TrialRecord]]:
    """Return the trials of each cell that have ended, in the order of their starts; cells by their numbers."""
    found: dict[int, list[TrialRecord]] = {number: [] for number in sorted(record.cells)}
    for trial in record.trials.values():
        if trial.final is not None and trial.cell in found:
            found[trial.cell].append(trial)
    return {number: trials for number, trials in found.items() if trials}


def as_plain(found: list[CellResult]) -> list[dict[str, Any]]:
    return [asdict(row) for row in found]


def _row(cell: CellRecord, trials: list[TrialRecord], split: str, front: bool) -> Iterator[CellResult]:
    tables = [split_numbers(trial, split) for trial in trials]
    if split == "test" and not any(tables):
        return
    errors = {metric: sampling_error(tables, metric) for metric in TIGHT}
    intervals = {
        metric: mean_interval([table[metric] for table in tables], error=errors.get(metric, 0.0))
        for metric in (*MAIN_METRICS, *TRUST_METRICS, *FLOOR_METRICS)
        if all(metric in table for table in tables)
    }
    outcomes: dict[str, int] = {}
    for trial in trials:
        name = trial.final.outcome if trial.final else ""
        outcomes[name] = outcomes.get(name, 0) + 1
    yield CellResult(
        cell=cell.number,
        method=cell.method,
        title=METHODS[cell.method].title,
        values=dict(cell.values),
        split=split,
        seeds=len(trials),
        outcomes=outcomes,
        front=front and not METHODS[cell.method].reference,
        numbers={metric: found.mean for metric, found in intervals.items()},
        half_widths={
            metric: found.half_width for metric, found in intervals.items() if found.half_width is not None
        },
        sampling={metric: half_width(error) for metric, error in errors.items() if error},
        unknown_likelihood=why_unknown(tables, TIGHT),
    )
