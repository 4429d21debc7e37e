"""Cells as rows: the words of the paper's tables, means over seeds, and who stands on the front."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from trainables.methods import METHODS
from vae_sweep.report.front import front_cells
from vae_sweep.statistics.intervals import mean_interval
from vae_sweep.tracking.checks import words_of
from vae_sweep.tracking.records import SweepRecord, TrialRecord

WORDS = (
    "perplexity",
    "iw_nll",
    "reconstruction",
    "kl",
    "mutual_information",
    "active_units",
    "neg_elbo",
    "elbo_perplexity",
)
FLOOR_WORDS = ("floor", "floor_perplexity", "floor_gap", "floor_gap_error")
TRUST_WORDS = ("elbo_gap", "iw_samples", "iw_ess", "pareto_k", "pareto_k_bad")
SPLITS = ("test", "validation")


@dataclass(frozen=True)
class Row:
    """One cell on one split; `numbers` are means over its ended seeds, words that a row lacks are absent.

    With several seeds `half_widths` holds half the width of each mean's 95 % interval.
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


@dataclass(frozen=True)
class Floor:
    """The exact −log p of the scored sentences of a split: nats per sentence, and as a perplexity."""

    split: str
    nll: float
    perplexity: float


def rows(record: SweepRecord, objectives: tuple[str, ...]) -> list[Row]:
    """Return the rows of every split that has numbers, in the order of the cells."""
    front = front_cells(record, objectives)
    return [
        row for split in SPLITS for number in sorted(record.cells) for row in _row(record, number, split, front)
    ]


def floors(found: list[Row]) -> list[Floor]:
    """Return the floor of each split where the corpus' exact probabilities are known."""
    result = []
    for split in SPLITS:
        known = [row.numbers for row in found if row.split == split and "floor" in row.numbers]
        if known:
            result.append(Floor(split, known[0]["floor"], known[0]["floor_perplexity"]))
    return result


def ended_trials(record: SweepRecord, cell: int) -> list[TrialRecord]:
    """Return the trials of a cell that have ended, in the order of their starts."""
    return [trial for trial in record.trials.values() if trial.cell == cell and trial.final is not None]


def split_numbers(trial: TrialRecord, split: str) -> dict[str, float]:
    """Return what a trial ended with on a split, as word -> value; empty where it was not measured."""
    source = trial.scored if split == "test" else (trial.final.numbers if trial.final else {})
    return {word: value for word, value in words_of(source, split).items() if value is not None}


def as_plain(found: list[Row]) -> list[dict[str, Any]]:
    """Return rows as plain values."""
    return [asdict(row) for row in found]


def _row(record: SweepRecord, number: int, split: str, front: set[int]) -> Iterator[Row]:
    cell = record.cells[number]
    trials = ended_trials(record, number)
    if not trials:
        return
    tables = [split_numbers(trial, split) for trial in trials]
    if split == "test" and not any(tables):
        return
    intervals = {
        word: mean_interval([table[word] for table in tables])
        for word in (*WORDS, *TRUST_WORDS, *FLOOR_WORDS)
        if all(word in table for table in tables)
    }
    outcomes: dict[str, int] = {}
    for trial in trials:
        name = trial.final.outcome if trial.final else ""
        outcomes[name] = outcomes.get(name, 0) + 1
    yield Row(
        cell=number,
        method=cell.method,
        title=METHODS[cell.method].title,
        values=dict(cell.values),
        split=split,
        seeds=len(trials),
        outcomes=outcomes,
        front=number in front and not METHODS[cell.method].reference,
        numbers={word: found.mean for word, found in intervals.items()},
        half_widths={word: found.half_width for word, found in intervals.items() if found.half_width is not None},
    )
