"""Front filling: the next cell goes where the front of those known has its widest gap, for what it costs."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from trainables.spec import Value
from vae_sweep.config.domains import Domain, FloatRange, IntRange, LogRange, is_range, points
from vae_sweep.config.sweep_spec import Draw, SweepSpec
from vae_sweep.search.state import EvaluatedCell
from vae_sweep.statistics.hypervolume import hypervolume
from vae_sweep.statistics.replicates import reference_point

NARROWEST = 0.01
"""Neighbours closer than this share of a range have nothing worth trying between them."""

CellCostOf = Callable[[str, Draw], float]
"""What a cell takes, in any unit that is the same for all: its trainings, without pretrainings that are paid."""


@dataclass(frozen=True)
class Candidate:
    """A cell that may be tried: what it would give by its neighbours along λ, None where it has not two.

    `width` is the share of the range between the neighbours.
    """

    method: str
    values: Draw
    objectives: tuple[float, ...] | None
    width: float


def propose(
    spec: SweepSpec, known: Sequence[EvaluatedCell], tried: Sequence[tuple[str, Draw]], price: CellCostOf
) -> Candidate | None:
    """Return the cell with the most hypervolume to gain for its cost; None where nothing is left to try.

    A method of which too little is known comes first, at the ends of its range, the cheapest first. `tried`
    are cells that are not to be proposed again, such as those that run.
    """
    guesses = [guess for guess in _guesses(spec, known) if (guess.method, guess.values) not in tried]
    blank = [guess for guess in guesses if guess.objectives is None]
    if blank:
        return min(blank, key=lambda guess: price(guess.method, guess.values))
    if not guesses:
        return None
    now = [cell.objectives for cell in known]
    behind = reference_point(now)
    covered = hypervolume(now, behind)

    def worth(guess: Candidate) -> tuple[float, float]:
        gain = hypervolume([*now, guess.objectives or ()], behind) - covered
        return gain / price(guess.method, guess.values), guess.width

    return max(guesses, key=worth)


def _guesses(spec: SweepSpec, known: Sequence[EvaluatedCell]) -> Iterator[Candidate]:
    """Yield what may be tried in each method, for each combination of its values that are no range."""
    for method, row in spec.methods.items():
        ranged = next((name for name, domain in row.items() if is_range(domain)), None)
        others = {name: points(domain) or () for name, domain in row.items() if name != ranged}
        for values in product(*others.values()):
            fixed = dict(zip(others, values, strict=True))
            here = [cell for cell in known if cell.method == method and fixed.items() <= cell.values.items()]
            if ranged is None:
                if not here:
                    yield Candidate(method, fixed, None, 1.0)
            else:
                yield from _along(method, fixed, ranged, row[ranged], here)


def _along(
    method: str, fixed: Draw, name: str, domain: Domain, here: Sequence[EvaluatedCell]
) -> Iterator[Candidate]:
    """Yield the ends of a range that are unknown and the middle between neighbours, guessed by straight lines."""
    scale: Callable[[float], float] = math.log if isinstance(domain, LogRange) else float
    low, high = _ends(domain)
    extent = scale(high) - scale(low)
    by_value = {float(cell.values[name]): cell.objectives for cell in here}
    for end in (low, high):
        if end not in by_value:
            yield Candidate(method, {**fixed, name: _as_value(domain, end)}, _line(by_value, end, scale), 1.0)
    for a, b in pairwise(sorted(by_value)):
        middle = math.sqrt(a * b) if isinstance(domain, LogRange) else (a + b) / 2
        value = _as_value(domain, middle)
        width = (scale(b) - scale(a)) / extent
        if width > NARROWEST and float(value) not in (a, b):
            yield Candidate(method, {**fixed, name: value}, _line(by_value, float(value), scale), width)


def _line(
    known: Mapping[float, Sequence[float]], at: float, scale: Callable[[float], float]
) -> tuple[float, ...] | None:
    """Return the objectives at a value, on the line through its two nearest known ones; None for fewer."""
    below, above = [v for v in sorted(known) if v < at], [v for v in sorted(known) if v > at]
    pair = [below[-1], above[0]] if below and above else (below[-2:] or above[:2])
    if len(pair) < 2:
        return None
    a, b = pair
    share = (scale(at) - scale(a)) / (scale(b) - scale(a))
    return tuple(x + share * (y - x) for x, y in zip(known[a], known[b], strict=True))


def _ends(domain: Domain) -> tuple[float, float]:
    if not isinstance(domain, IntRange | FloatRange | LogRange):
        raise TypeError(f"{domain} is no range")
    return float(domain.ends[0]), float(domain.ends[1])


def _as_value(domain: Domain, value: float) -> Value:
    return round(value) if isinstance(domain, IntRange) else value
