"""Sweeps beside each other: cells that they share, their fronts and that of all, hypervolumes, costs, settings."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainables.base import flat
from vae_sweep.errors import CompareError
from vae_sweep.journal.records import CellRecord, SweepRecord
from vae_sweep.results.costs import SweepCosts, together, trial_costs
from vae_sweep.results.differences import CellDifference, held
from vae_sweep.results.front import Cells, cells_of
from vae_sweep.statistics.differences import Answer
from vae_sweep.statistics.front import on_front
from vae_sweep.statistics.intervals import Interval
from vae_sweep.statistics.replicates import (
    Replicates,
    front_hypervolume,
    hypervolume_difference,
    means,
    reference_point,
)

NOT_COMPARED = ("name", "resources", "storage", "tracking", "data")
"""Parts of a spec that change no number."""


@dataclass(frozen=True)
class CellRef:
    """A complete cell of a sweep: its mean objectives over its seeds, and where it stands."""

    cell: int
    method: str
    values: dict[str, Any]
    seeds: tuple[int, ...]
    objectives: list[float]
    on_own_front: bool
    on_joint_front: bool


@dataclass(frozen=True)
class Side:
    """One sweep; `gain` is its hypervolume less that of the first, None for the first, `answer` what it says.

    `common` are the differences of cells that the first has too, this sweep's less the first's; `own` are the
    cells that no other sweep has, `settings` what its spec says otherwise, as `path: first -> this`.
    `unknown_likelihood` are cells whose likelihood is not known, and why: they have no place.
    """

    sweep: str
    places: list[CellRef]
    hypervolume: Interval
    gain: Interval | None
    answer: Answer | None
    costs: SweepCosts
    common: list[CellDifference]
    own: list[int]
    unknown_likelihood: dict[int, str]
    settings: list[str]


@dataclass(frozen=True)
class SweepComparison:
    """Sweeps on one corpus, measured alike; all numbers are of the validation split, up to one reference."""

    corpus: str
    objectives: tuple[str, ...]
    reference: tuple[float, ...]
    sides: list[Side]


def compare_sweeps(records: Mapping[str, SweepRecord]) -> SweepComparison:
    """Return sweeps, by the names to call them, beside the first of them.

    Raises CompareError where they were not measured alike, saying in what, or one has no complete cell.
    """
    if reasons := list(_obstacles(records)):
        raise CompareError("\n".join(["these sweeps cannot be compared:", *(f"  {reason}" for reason in reasons)]))
    first = next(iter(records.values()))
    metrics = tuple(first.spec["search"]["objectives"])
    cells = {name: cells_of(record, metrics) for name, record in records.items()}
    if unmeasured := [name for name, found in cells.items() if found.unknown_likelihood and not found.ranked]:
        raise CompareError(
            f"{', '.join(unmeasured)}: no cell whose likelihood is known ({next(_reasons(cells, unmeasured))}); "
            "vae-sweep score measures a sweep anew"
        )
    if empty := [name for name, found in cells.items() if not found.ranked]:
        raise CompareError(
            f"{', '.join(empty)}: no complete cell yet; vae-sweep status shows how far a sweep is, references "
            "(ae, lstm_lm) stand on no front"
        )
    level = {(name, cell): point for name, found in cells.items() for cell, point in means(found.ranked).items()}
    reference = reference_point(level.values())
    joint = {place for place, flag in zip(level, on_front(list(level.values())), strict=True) if flag}
    sides = [_side(name, records, cells, reference, joint) for name in records]
    return SweepComparison(_corpus(first), metrics, reference, sides)


def _side(
    name: str,
    records: Mapping[str, SweepRecord],
    cells: Mapping[str, Cells],
    reference: tuple[float, ...],
    joint: set[tuple[str, int]],
) -> Side:
    record, mine, first = records[name], cells[name].ranked, next(iter(records))
    metrics = tuple(record.spec["search"]["objectives"])
    elsewhere = {
        _key(records[other].cells[cell]) for other in records if other != name for cell in cells[other].ranked
    }
    known = {_key(records[first].cells[cell]): cell for cell in cells[first].ranked}
    keys = {cell: _key(record.cells[cell]) for cell in sorted(mine)}
    pairs = [(cell, known[key]) for cell, key in keys.items() if name != first and key in known]
    gain = (
        None
        if name == first
        else hypervolume_difference(
            mine, cells[first].ranked, reference, (cells[name].errors, cells[first].errors)
        )
    )
    return Side(
        sweep=name,
        places=_places(name, record, mine, joint),
        hypervolume=front_hypervolume(mine, reference, cells[name].errors),
        gain=gain,
        answer=None if gain is None else _answer(gain),
        costs=together(trial_costs(record)),
        common=held(cells[name], cells[first], pairs, metrics),
        own=[cell for cell, key in keys.items() if key not in elsewhere],
        unknown_likelihood=cells[name].unknown_likelihood,
        settings=list(_settings(records[first].spec, record.spec)),
    )


def _reasons(cells: Mapping[str, Cells], names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield from cells[name].unknown_likelihood.values()


def _answer(gain: Interval) -> Answer:
    if gain.half_width is None or abs(gain.mean) <= gain.half_width:
        return Answer.CANNOT_TELL
    return Answer.BETTER if gain.mean > 0 else Answer.WORSE


def _places(name: str, record: SweepRecord, cells: Replicates, joint: set[tuple[str, int]]) -> list[CellRef]:
    level = means(cells)
    front = dict(zip(level, on_front(list(level.values())), strict=True))
    return [
        CellRef(
            cell=cell,
            method=record.cells[cell].method,
            values=dict(record.cells[cell].values),
            seeds=tuple(sorted(cells[cell])),
            objectives=level[cell],
            on_own_front=front[cell],
            on_joint_front=(name, cell) in joint,
        )
        for cell in sorted(cells)
    ]


def _obstacles(records: Mapping[str, SweepRecord]) -> Iterator[str]:
    """Yield why the numbers of sweeps may not be held against each other."""
    unlaunched = [name for name, record in records.items() if not record.launches]
    if unlaunched:
        yield f"{', '.join(unlaunched)}: never launched"
        return
    measured = {name: _measured(record) for name, record in records.items()}
    first = next(iter(records))
    for name in list(records)[1:]:
        for what in sorted(measured[first].keys() | measured[name].keys()):
            here, there = measured[name].get(what, "-"), measured[first].get(what, "-")
            if here != there:
                yield f"{what}: {there} in {first}, {here} in {name}"


def _measured(record: SweepRecord) -> dict[str, str]:
    """Return all that the numbers of a sweep's objectives depend on beside its models."""
    evaluation = {key: value for key, value in record.spec.get("evaluation", {}).items() if key != "final"}
    return {
        "corpus": _corpus(record),
        "search.objectives": json.dumps(record.spec.get("search", {}).get("objectives")),
        **flat(evaluation, "evaluation"),
    }


def _corpus(record: SweepRecord) -> str:
    corpus = record.launches[-1].corpus
    return f"{corpus.get('name')} (fingerprint {str(corpus.get('fingerprint'))[:12]})"


def _settings(first: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    before, after = (flat({key: spec[key] for key in spec if key not in NOT_COMPARED}) for spec in (first, other))
    for path in sorted(before | after):
        if before.get(path) != after.get(path):
            yield f"{path}: {before.get(path, '-')} -> {after.get(path, '-')}"


def _key(cell: CellRecord) -> tuple[str, str]:
    """Return what cells of two sweeps have in common; 4 and 4.0 are one value."""
    plain = {name: float(value) if type(value) is int else value for name, value in cell.values.items()}
    return cell.method, json.dumps(plain, sort_keys=True)


def joint_front(comparison: SweepComparison) -> Sequence[tuple[str, CellRef]]:
    """Return the cells on the front of all sweeps, each with its sweep, in the order of the first objective."""
    found = [(side.sweep, place) for side in comparison.sides for place in side.places if place.on_joint_front]
    return sorted(found, key=lambda each: each[1].objectives)
