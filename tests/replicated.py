"""Journals of sweeps with several seeds, from their cells' numbers alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import Journal
from vae_sweep.journal.records import SweepRecord

Cells = Sequence[tuple[str, Mapping[str, Any], Mapping[int, tuple[float, float]]]]
"""Method, values, and seed -> perplexity and reconstruction."""

More = Mapping[int, Mapping[str, float]]
"""Cell -> further words of all its seeds, on each split."""

EVALUATION = {"search_samples": 100, "search_error": 0.1, "search_sentences": None, "final_samples": 1000}


def journal(
    folder: Path,
    cells: Cells,
    tested: bool = False,
    fingerprint: str = "f00d",
    seconds: float = 0.0,
    saved: float = 0.0,
    more: More = MappingProxyType({}),
    **spec: Any,
) -> SweepRecord:
    """A sweep of these cells, all ended; each trial ran one epoch and was saved so many seconds.

    With `tested` the test split has each number a tenth higher.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = {
        "name": folder.name,
        "search": {"objectives": ["perplexity", "reconstruction"]},
        "evaluation": EVALUATION,
    }
    about = {"versions": {}, "git_commit": None, "corpus": {"name": "captions", "fingerprint": fingerprint}}
    with Journal(folder / "journal.jsonl") as out:
        out.write("launch", sweep=folder.name, attempt=1, spec=whole | spec, **about)
        for cell, (method, values, seeds) in enumerate(cells):
            out.write("cell", cell=cell, method=method, values=values)
            for seed, numbers in seeds.items():
                trial = f"{cell:04d}-{method}-s{seed}"
                identity = {"cell": cell, "seed": seed, "method": method, "values": values}
                out.write("trial", trial=trial, attempt=1, spec={}, **identity)
                out.write("store", trial=trial, key="k", event="hit", seconds=0.0, saved=saved)
                spent = {"train/seconds": seconds + saved}
                out.write("epoch", trial=trial, phase="vae", epoch=0, numbers=spent, checkpoint=None)
                end = {"outcome": "finished", "reason": None, "checkpoint": None}
                out.write("final", trial=trial, numbers=metrics(numbers, **more.get(cell, {})), **end)
                if tested:
                    higher = (numbers[0] + 0.1, numbers[1] + 0.1)
                    out.write("scored", trial=trial, numbers=metrics(higher, "test", **more.get(cell, {})))
    return read_sweep(folder / "journal.jsonl")


def metrics(numbers: tuple[float, float], split: str = "validation", **more: float) -> dict[str, float]:
    """The numbers under their keys."""
    named = {"perplexity": numbers[0], "reconstruction": numbers[1]} | more
    return {f"{split}/{metric}": value for metric, value in named.items()}
