"""What a status costs beside a journal of many lines: `python -m benchmarks.long_journal [LINES]`."""

import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.metrics import METRICS
from vae_sweep.journal.sweep_log import sweep_log
from vae_sweep.monitoring.status import status_now
from vae_sweep.storage.layout import JOURNAL_FILE

EPOCHS, SEEDS = 20, 5
TRAINED, MEASURED = 19, 26
"""How many numbers an epoch has, and a score."""


def main(lines: int) -> None:
    """Print seconds of the processor and memory of the first status, and of one after another line."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory) / "long"
        folder.mkdir()
        path = folder / JOURNAL_FILE
        with path.open("w") as file:
            for number, line in enumerate(_journal(lines)):
                file.write(json.dumps({"time": 1e9 + number} | line) + "\n")
        print(f"a journal of {path.stat().st_size / 1e6:.0f} MB")
        log = sweep_log(folder)
        for what in ("the first status", "after another line"):
            started = time.process_time()
            found = status_now(log)
            print(f"{what}: {time.process_time() - started:.2f} s for {found.lines} lines")
            with path.open("a") as file:
                file.write(json.dumps({"time": 2e9, "kind": "end", "outcome": "stopped"}) + "\n")
        print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _journal(lines: int) -> Iterator[dict[str, Any]]:
    methods = {"ours": {"target_rate": {"float": [1, 20]}}}
    search = {"kind": "random", "trials": lines, "objectives": ["perplexity"]}
    fields = {
        "name": "long",
        "corpus": {"name": "captions"},
        "model": {"precision": "float32"},
        "methods": methods,
    }
    spec = SweepSpec.model_validate(fields | {"search": search, "seeds": list(range(SEEDS))})
    plain, corpus = spec.model_dump(mode="json", by_alias=True), {"fingerprint": "f00d"}
    yield {"kind": "launch", "sweep": "long", "attempt": 1, "spec": plain, "versions": {}, "corpus": corpus}
    for cell in range(lines // (SEEDS * (EPOCHS + 3))):
        own: dict[str, Any] = {"method": "ours", "values": {"target_rate": random.uniform(1, 20)}}  # noqa: S311
        yield {"kind": "cell", "cell": cell} | own
        for seed in range(SEEDS):
            trial = spec.trial("ours", own["values"], seed, "f00d").model_dump(mode="json")
            yield from _trial(
                f"{cell:04d}-ours-s{seed}", {"cell": cell, "seed": seed, "attempt": 1, "spec": trial} | own
            )


def _trial(name: str, start: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"kind": "trial", "trial": name} | start
    for epoch in range(EPOCHS):
        about = {"phase": "vae", "epoch": epoch, "host": "node", "damaged": []}
        place = f"ray/attempt-1/{name}/checkpoint_{epoch:06d}"
        yield {"kind": "epoch", "trial": name, "numbers": _numbers("train", TRAINED), "checkpoint": place} | about
    yield {"kind": "final", "trial": name, "outcome": "finished", "numbers": _numbers("validation", MEASURED)}
    yield {"kind": "scored", "trial": name, "numbers": _numbers("test", MEASURED)}


def _numbers(split: str, count: int) -> dict[str, float]:
    return {f"{split}/{metric}": random.uniform(0, 100) for metric in list(METRICS)[:count]}  # noqa: S311


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
