"""What a sweep costs beside its trainings: trials that do next to nothing, and long ones against plain processes.

    python benchmarks/sweep_overhead.py nothing --trials 50 --trials 200
    python benchmarks/sweep_overhead.py against --trials 20 --seconds 60

Every sweep is `vae-sweep launch` in a process, a home and a storage of its own, with MLflow's mirror and the
pretraining store on; its times are those of its journal. Columns:

- `ray`: from the launch's first line until the nodes are known, which is Ray's start;
- `workers`: from there until the first trial starts: new processes, which import torch;
- `trials`: from there until the last trial has ended, and `each`: the same, for one trial;
- `command`: the whole command, from its start to its end;
- `load`: processes that wanted a core in the minute before; more than 0.5 or so, and the times are others' too.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
AT_A_TIME = 2
LIMIT = {"train": 16, "validation": 4, "test": 4}
SMALLEST: dict[str, Any] = {
    "corpus": {"name": "captions", "limit": LIMIT},
    "model": {
        "embedding_size": 2,
        "encoder_size": 2,
        "decoder_size": 2,
        "latent_size": 2,
        "initialisation": "torch",
        "precision": "float32",
    },
    "training": {
        "optimizer": "adam",
        "learning_rate": 0.005,
        "batch_size": 16,
        "epochs": 1,
        "schedule": {"kind": "linear_decay"},
    },
    "methods": {"vae": {}},
    "evaluation": {"search_samples": 1, "final": "none"},
    "resources": {"cpu": 1, "gpu": 0, "max_concurrent": AT_A_TIME},
}
QUICKSTART: dict[str, Any] = {
    "corpus": {"name": "captions"},
    "model": {
        "embedding_size": 48,
        "encoder_size": 64,
        "decoder_size": 64,
        "latent_size": 16,
        "initialisation": "torch",
        "precision": "float32",
    },
    "training": {
        "optimizer": "adam",
        "learning_rate": 0.005,
        "batch_size": 8,
        "schedule": {"kind": "linear_decay"},
    },
    "methods": {"vae": {}},
    "evaluation": {"search_samples": 1, "search_sentences": 100, "final": "none"},
    "resources": {"cpu": 1, "gpu": 0, "max_concurrent": AT_A_TIME},
}
"""A model of the quickstart's size on its corpus: an epoch takes seconds."""

Row = dict[str, Any]
app = typer.Typer(add_completion=False, help=__doc__.splitlines()[0] if __doc__ else None)
Counts = Annotated[list[int], typer.Option(help="trials in a sweep; more than one is more than one sweep")]
Output = Annotated[Path | None, typer.Option(help="write the rows there, as JSON")]


def sweep_row(plain: dict[str, Any]) -> Row:
    """Launch a sweep in a directory of its own and return its times in seconds, by its journal."""
    with tempfile.TemporaryDirectory(prefix="overhead.") as name:
        home = Path(name)
        (home / "space.yaml").write_text(json.dumps(plain))
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "VAE_SWEEP_"))}
        own = {"HOME": name, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "vae_sweep.cli.main", "launch", "space.yaml"]
        load, started = os.getloadavg()[0], time.time()
        done = subprocess.run(command, cwd=home, env=kept | own, capture_output=True, text=True, check=False)
        seconds = time.time() - started
        if done.returncode:
            raise RuntimeError(
                f"the sweep ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        journal = home / "sweeps" / "space" / "journal.jsonl"
        return {
            **_times([json.loads(line) for line in journal.read_text().splitlines()]),
            "command": seconds,
            "load": load,
        }


def _times(lines: list[dict[str, Any]]) -> Row:
    of = {kind: [line["time"] for line in lines if line["kind"] == kind] for kind in ("launch", "nodes", "trial")}
    ends = [line["time"] for line in lines if line["kind"] == "final"]
    outcomes = {line["outcome"] for line in lines if line["kind"] == "final"}
    if not outcomes <= {"finished", "collapsed"}:
        raise RuntimeError(f"trials ended as {', '.join(sorted(outcomes))}: their times say nothing")
    first, last = of["trial"][0], ends[-1]
    return {
        "count": len(ends),
        "ray": of["nodes"][0] - of["launch"][0],
        "workers": first - of["nodes"][0],
        "trials": last - first,
        "each": (last - first) / len(ends),
    }


def nothing(counts: list[int]) -> list[Row]:
    """Return a row for each sweep of trials that train as little as a spec allows."""
    return [
        {"what": "sweep of nothing", **sweep_row({**SMALLEST, "seeds": list(range(count))})} for count in counts
    ]


def against(count: int, seconds: float, rounds: int) -> list[Row]:
    """Return rows of sweeps and of the same trials in plain processes, alternating, two trials at a time."""
    epochs = max(1, round(seconds / _alone(_epoch_seconds)))
    plain = {**QUICKSTART, "seeds": list(range(count))}
    plain["training"] = {**plain["training"], "epochs": epochs}
    rows = []
    for number in range(1, rounds + 1):
        about = {"round": number, "epochs": epochs}
        bare = {"what": "plain processes", **about, **bare_row(plain)}
        swept = {"what": "sweep", **about, **sweep_row(plain)}
        swept["overhead"] = swept["trials"] / bare["trials"] - 1
        rows += [bare, swept]
    return rows


def bare_row(plain: dict[str, Any]) -> Row:
    """Run a sweep's trials in two plain processes, which take them from one queue; return their times.

    The processes have imported all and read the corpus before the first trial starts.
    """
    context = multiprocessing.get_context("spawn")
    seeds, ready = context.SimpleQueue(), context.Barrier(AT_A_TIME + 1)
    for seed in [*plain["seeds"], *[None] * AT_A_TIME]:
        seeds.put(seed)
    processes = [context.Process(target=_run_bare, args=(plain, seeds, ready)) for _ in range(AT_A_TIME)]
    for process in processes:
        process.start()
    load = os.getloadavg()[0]
    ready.wait()
    started = time.perf_counter()
    for process in processes:
        process.join()
    trials, count = time.perf_counter() - started, len(plain["seeds"])
    if any(process.exitcode for process in processes):
        raise RuntimeError("a plain process failed, see above")
    return {"count": count, "trials": trials, "each": trials / count, "load": load}


def _run_bare(plain: dict[str, Any], seeds: Any, ready: Any) -> None:
    run = _runner(plain)
    ready.wait()
    while (seed := seeds.get()) is not None:
        run(seed)


def _runner(plain: dict[str, Any]) -> Callable[[int], None]:
    """Return what runs the trial of a seed to its end, alone, in one thread."""
    import torch

    from trainables.text.corpus import load_corpus
    from trainables.training.state import TrialState
    from trainables.trial import run_trial
    from vae_sweep.config.sweep_spec import SweepSpec

    torch.set_num_threads(1)
    spec = SweepSpec.model_validate({"name": "bare", **plain})
    corpus = load_corpus(spec.corpus, Path())

    def run(seed: int) -> None:
        for _ in run_trial(spec.trial("vae", {}, seed, corpus.fingerprint), corpus, TrialState()):
            pass

    return run


def _epoch_seconds() -> float:
    """Return what one more epoch takes while another process does the same."""
    taken = []
    for epochs in (1, 3):
        training = {**QUICKSTART["training"], "epochs": epochs}
        run = _runner({**QUICKSTART, "training": training})
        started = time.perf_counter()
        run(0)
        taken.append(time.perf_counter() - started)
    return (taken[1] - taken[0]) / 2


def _alone(measure: Callable[[], float]) -> float:
    """Return the mean of what two new processes measure at the same time."""
    with multiprocessing.get_context("spawn").Pool(AT_A_TIME) as pool:
        found = [pool.apply_async(measure) for _ in range(AT_A_TIME)]
        return sum(each.get() for each in found) / AT_A_TIME


@app.command("nothing")
def nothing_verb(trials: Counts = [50, 200], output: Output = None) -> None:  # noqa: B006
    """Sweeps of trials that do next to nothing: what a trial costs beside its training."""
    _show(nothing(trials), output)


@app.command("against")
def against_verb(trials: int = 20, seconds: float = 60, rounds: int = 1, output: Output = None) -> None:
    """Sweeps of trials of some seconds against the same trials in two plain processes."""
    _show(against(trials, seconds, rounds), output)


def _show(rows: list[Row], output: Path | None) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(*names, box=SIMPLE, padding=(0, 1, 0, 0))
    for row in rows:
        cells = [row.get(name, "-") for name in names]
        table.add_row(*(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells))
    Console().print(table)
    if output is not None:
        output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    app()
