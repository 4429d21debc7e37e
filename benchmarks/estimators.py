"""What samples from q say against the tight estimate, by method and λ: what the price of a rate is, and was.

`python -m benchmarks.estimators --corpus snli --rates 2 4 6 8 --seeds 0 1 2 --sentences 100 --out snli.jsonl`

Trains each cell of the corpus's small sweep (its weights are kept beside `--out`), measures test sentences with
every estimator, writes a JSON line for each, and prints tables. Started again it goes on where it stopped.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from rich.console import Console
from safetensors.torch import load_file, save_file

from benchmarks.estimator_tables import Line, by_cell, by_rate
from trainables.base import digest
from trainables.measure.adapted import Effort
from trainables.measure.final import evaluation_batches, spread
from trainables.measure.importance import ImportanceEstimate, importance
from trainables.measure.likelihood import token_count
from trainables.measure.psis import UNTRUSTED_K
from trainables.measure.spec import EvaluationSpec
from trainables.measure.tight import tight
from trainables.model.vae import Vae
from trainables.spec import TrialSpec, Value
from trainables.text.batches import Batch
from trainables.text.corpus import Corpus, load_corpus
from trainables.training.state import TrialState
from trainables.trial import run_trial
from vae_sweep.config.environment import data_directory
from vae_sweep.config.reader import read_spec
from vae_sweep.config.sweep_spec import SweepSpec

SPACES = Path(__file__).parent.parent / "search_spaces"
FILES = {"captions": "quickstart.yaml", "snli": "snli_rows_cpu.yaml", "ptb": "ptb_rows_cpu.yaml"}
ASKED = EvaluationSpec()
SEARCH, FINAL = "tight, search", "tight, test"
LONG = "tight, long"
ESTIMATORS: dict[str, int | Effort] = {
    "q 50": 50,
    "q 1000": 1000,
    SEARCH: Effort(ASKED.search_samples, ASKED.search_error),
    FINAL: Effort(ASKED.final_effort, ASKED.final_error),
    LONG: Effort(10 * ASKED.final_effort, (ASKED.final_error or 0.1) / math.sqrt(10)),
    "q 20000": 20_000,
}
KEY = ("corpus", "latent", "method", "rate", "seed", "sentences", "estimator")


def main() -> None:
    """Train, measure and print, one thread, one cell after the other."""
    options = parsed()
    torch.set_num_threads(1)
    overrides = ["model.precision=float32", f"model.latent_size={options.latent}"]
    spec = read_spec(SPACES / FILES[options.corpus], overrides)
    corpus = load_corpus(spec.corpus, data_directory(options.data))
    lines = list(read(options.out))
    known = {tuple(line[word] for word in KEY) for line in lines}
    for seed in options.seeds:
        for method, rate in cells(options):
            cell = (options.corpus, options.latent, method, rate, seed, options.sentences)
            missing = [name for name in options.estimators if (*cell, name) not in known]
            if missing:
                trial = trial_of(spec, corpus, method, rate, seed)
                model = trained(trial, corpus, options.out.with_suffix(""))
            for name in missing:
                line = dict(zip(KEY, (*cell, name), strict=True)) | measured(model, corpus, trial, name, options)
                with options.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                lines.append(line)
                print(
                    f"{method} {rate or ''} seed {seed}, {name}: {statistics.fmean(line['nll']):.3f}", flush=True
                )
    console = Console(width=130)
    for table in (by_cell(lines, LONG), by_rate(lines)):
        console.print(table)


def parsed() -> argparse.Namespace:
    """Return the command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", choices=FILES, default="captions")
    parser.add_argument("--latent", type=int, default=16, help="units of the code")
    parser.add_argument("--methods", nargs="+", default=["ours", "vae_fbp"])
    parser.add_argument(
        "--rates", type=float, nargs="+", default=[2.0, 4.0, 6.0, 8.0], help="target rates λ, nats"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--sentences", type=int, default=100, help="test sentences, spread over the split")
    parser.add_argument("--estimators", nargs="+", choices=ESTIMATORS, default=list(ESTIMATORS))
    parser.add_argument("--data", type=Path, default=None, help="folder of the corpora")
    parser.add_argument("--out", type=Path, required=True, help="JSON lines, gone on with where they are")
    return parser.parse_args()


def read(path: Path) -> Iterator[Line]:
    """Yield the lines written so far; a last line cut short by a kill is left out and written over."""
    whole = path.read_bytes() if path.exists() else b""
    end = whole.rfind(b"\n") + 1
    if end < len(whole):
        path.write_bytes(whole[:end])
    yield from map(json.loads, whole[:end].splitlines())


def cells(options: argparse.Namespace) -> Iterator[tuple[str, float | None]]:
    """Yield methods with each rate; one without a rate comes once."""
    for method in options.methods:
        rates = options.rates if method in ("ours", "vae_fb", "vae_fbp") else [None]
        yield from ((method, rate) for rate in rates)


def trial_of(spec: SweepSpec, corpus: Corpus, method: str, rate: float | None, seed: int) -> TrialSpec:
    """Return a cell of the small sweep, at another rate. Raises SystemExit where it has no such method."""
    points: dict[str, dict[str, Value]] = dict(spec.points() or [])
    if method not in points:
        raise SystemExit(f"--methods: {method} is not in {spec.name}; there are {', '.join(points)}")
    values = points[method] | ({} if rate is None else {"target_rate": rate})
    return spec.trial(method, values, seed, corpus.fingerprint)


PRETRAINED: dict[str, TrialState] = {}


def trained(trial: TrialSpec, corpus: Corpus, folder: Path) -> Vae:
    """Return the trained model, from the folder where it lies there; a pretraining is trained once."""
    folder.mkdir(parents=True, exist_ok=True)
    name = digest([phase.key() for phase in trial.phases()])[:16]
    place, first = folder / f"{name}.safetensors", trial.phases()[0].key()
    model = Vae(len(corpus.vocabulary), trial.model)
    if not place.exists():
        state = TrialState()
        for _, state in run_trial(trial, corpus, PRETRAINED.get(first, TrialState())):
            if trial.method.pretrain and state.counters.phase == 0:
                PRETRAINED[first] = state
        beside = place.with_suffix(".part")
        save_file(state.best, beside)
        beside.rename(place)
    model.load_state_dict(load_file(place))
    return model


def measured(model: Vae, corpus: Corpus, trial: TrialSpec, name: str, options: argparse.Namespace) -> Line:
    """Return an estimator's numbers on the chosen test sentences."""
    split = corpus.splits["test"]
    chosen = spread(len(split.sentences), options.sentences)
    batches: list[Batch] = evaluation_batches([split.sentences[row] for row in chosen], "cpu")
    asked, began = ESTIMATORS[name], time.perf_counter()
    seed = trial.seed + 1000 * (list(ESTIMATORS).index(name) + 1)
    found: ImportanceEstimate = (
        tight(model, batches, asked, seed)
        if isinstance(asked, Effort)
        else importance(model, batches, asked, seed)
    )
    k = found.pareto_k
    return {
        "seconds": time.perf_counter() - began,
        "passes": float(found.samples.mean()),
        "words": token_count(batches),
        "k_bad": None if k is None else float((k > UNTRUSTED_K).double().mean()),
        "nll": [round(value, 5) for value in found.nll.tolist()],
        "exact": None if split.exact_nll is None else [round(float(split.exact_nll[row]), 5) for row in chosen],
    }


if __name__ == "__main__":
    main()
