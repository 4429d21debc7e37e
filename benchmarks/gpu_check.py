"""A GPU in a few minutes: every method against the CPU, steps a second, and one row of the paper to its end.

`python -m benchmarks.gpu_check --data FOLDER --out FOLDER --minutes 8`

Needs torch, numpy, pydantic, safetensors and the corpus under FOLDER/ptb; neither Ray nor MLflow. Writes
agreement.json, rates.json, row.json after every epoch, and the weights of the row. A row that does not end within
the minutes is left with what it reached, and this is said.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_agreement import agreement
from benchmarks.gpu_rates import rates
from trainables.measure.spec import EvaluationSpec
from trainables.methods import METHODS
from trainables.model.spec import ModelSpec
from trainables.outputs import WEIGHTS_FILE, new_model, outputs
from trainables.spec import TrialSpec
from trainables.storage_paths import write_file
from trainables.text.corpus import Corpus, load_corpus
from trainables.text.spec import CorpusSpec, LimitSpec
from trainables.training.report import EpochReport
from trainables.training.state import TrialState
from trainables.training.training_spec import TrainingSpec
from trainables.trial import run_trial, score_split

PARTS = ("agreement", "rates", "row")
SCORING = 60.0
"""Seconds kept back for the row's test score."""


def main() -> None:
    """Run the parts in order, each within what is left of the time."""
    options = parsed()
    end = time.monotonic() + 60 * options.minutes
    machine = {"device": options.device, "torch": torch.__version__, "name": device_name(options.device)}
    if "agreement" in options.parts:
        found = agreement(options.device)
        write(options.out / "agreement.json", machine | {"methods": found})
        wrong = [f"{line['method']} {line['precision']}" for line in found if not line["agrees"]]
        print(
            f"agreement: {len(found) - len(wrong)} of {len(found)}; wrong: {', '.join(wrong) or 'none'}",
            flush=True,
        )
    if "rates" in options.parts:
        lines = []
        for line in rates(options.device, options.sizes, options.processes, options.seconds):
            lines.append(line)
            print(json.dumps(line), flush=True)
            write(options.out / "rates.json", machine | {"rates": lines})
    if "row" in options.parts:
        row(options, machine, end)


def parsed() -> argparse.Namespace:
    """Return the command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, help="holds ptb/train.txt.gz, valid.txt.gz, test.txt.gz"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=8.0, help="for all of it")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--sizes", nargs="+", default=["ptb", "snli", "yahoo"])
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 4, 8], help="that train side by side")
    parser.add_argument("--seconds", type=float, default=8.0, help="of training for each rate")
    parser.add_argument("--method", choices=METHODS, default="ours")
    parser.add_argument("--rate", type=float, default=8.0, help="target rate λ, nats")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hidden", type=int, default=256, help="of encoder and decoder; the paper's is 256")
    parser.add_argument("--limit", type=int, default=None, help="sentences of each split; none is all")
    parser.add_argument(
        "--epochs", type=int, default=100, help="of a phase at most; the paper's rule ends it before"
    )
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    return parser.parse_args()


def row(options: argparse.Namespace, machine: dict[str, Any], end: float) -> None:
    """Train one row until the paper's rule ends it, or the time does; measure the test split of one that ended."""
    limit = LimitSpec(train=options.limit, validation=options.limit, test=options.limit)
    corpus = load_corpus(CorpusSpec(name="ptb", limit=limit), options.data)
    trial = trial_of(options, corpus)
    found = machine | {"trial": trial.model_dump(mode="json"), "epochs": [], "ended": False}
    began = time.monotonic()
    for report, state in run_trial(trial, corpus, TrialState(), options.device):
        found["seconds"] = time.monotonic() - began
        if isinstance(report, EpochReport):
            found["epochs"].append(report.model_dump(mode="json"))
            write(options.out / "row.json", found)
            print(f"{report.phase} {report.epoch}: {report.numbers['validation/neg_elbo']:.2f}", flush=True)
            if time.monotonic() > end - SCORING:
                print("the time is up: this row has not ended", flush=True)
                return
        else:
            found |= {"ended": True, "final": report.model_dump(mode="json")}
            found["test"] = scored(trial, corpus, state, options)
            write(options.out / "row.json", found)
            print(json.dumps(found["test"]), flush=True)


def trial_of(options: argparse.Namespace, corpus: Corpus) -> TrialSpec:
    """Return the row at the paper's sizes (Table 9), but for what the options say."""
    training = TrainingSpec(epochs=options.epochs)
    spec = TrialSpec(
        corpus=CorpusSpec(name="ptb"),
        corpus_fingerprint=corpus.fingerprint,
        method=METHODS[options.method],
        model=ModelSpec(encoder_size=options.hidden, decoder_size=options.hidden, precision=options.precision),
        training=training,
        pretraining=training,
        evaluation=EvaluationSpec(),
        seed=options.seed,
    )
    known = spec.method.parameters()
    return spec.with_values({"target_rate": options.rate} if "target_rate" in known else {})


def scored(trial: TrialSpec, corpus: Corpus, state: TrialState, options: argparse.Namespace) -> dict[str, float]:
    """Leave the weights and return the numbers of the test split, by both estimates."""
    model = new_model(trial, corpus.vocabulary).to(options.device)
    model.load_state_dict(state.best)
    write_file(options.out / WEIGHTS_FILE, outputs(trial, corpus, state)[WEIGHTS_FILE])
    return score_split(trial, corpus, model, "test")


def device_name(device: str) -> str:
    """Return what the device calls itself."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def write(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file whole."""
    write_file(path, json.dumps(value, indent=1).encode())


if __name__ == "__main__":
    main()
