"""Two ways to do one thing, by turns in one run; the ratio of their medians."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Row = dict[str, float | str]


@dataclass(frozen=True)
class Pair:
    """One thing done twice, `theirs` and `ours`; `share` is the part of the thing that `theirs` does."""

    name: str
    theirs: Callable[[], object]
    ours: Callable[[], object]
    share: float = 1.0


def measured(pair: Pair, repeats: int) -> Row:
    """Run both by turns, once to warm up and then so many times; return medians, seconds, and their ratio."""
    times: dict[str, list[float]] = {"theirs": [], "ours": []}
    for turn in range(repeats + 1):
        for name, run in (("theirs", pair.theirs), ("ours", pair.ours)):
            began = time.perf_counter()
            run()
            if turn:
                times[name].append(time.perf_counter() - began)
    return row(pair.name, [seconds / pair.share for seconds in times["theirs"]], times["ours"], "s")


def row(name: str, theirs: list[float], ours: list[float], unit: str) -> Row:
    """Return a row: both medians, and how many times better ours is; `unit` is s, MB, or a rate."""
    a, b = statistics.median(theirs), statistics.median(ours)
    spread = max(ours) / min(ours)
    ratio = b / a if unit.endswith("/s") else a / b
    return {"name": name, "unit": unit, "reference": a, "ours": b, "ratio": ratio, "spread": spread}
