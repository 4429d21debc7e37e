"""Run the quickstart's cells on fresh seeds and on fresh samples of its grammar, and print what they show.

    python benchmarks/confirm_quickstart.py --corpus-seed 2019 --seeds 11 12 13

Each line is one trial scored on its test split with the quickstart's evaluation. `gap` is the tight NLL minus the
exact −log p of the same sentences, with its paired standard error.
"""

import argparse
import time
from pathlib import Path

import torch

from trainables.model.vae import Vae
from trainables.text.corpus import captions_corpus
from trainables.training.report import EpochReport, FinalReport
from trainables.training.state import TrialState
from trainables.trial import run_trial, score_split
from vae_sweep.config.reader import read_spec

METRICS = ("nll", "perplexity", "iw_nll", "reconstruction", "kl", "mutual_information", "active_units")


def main() -> None:
    """Train every cell of the quickstart for every seed, one thread, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus-seed", type=int, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    spec = read_spec(
        Path(__file__).parent.parent / "search_spaces" / "quickstart.yaml", ["model.precision=float32"]
    )
    corpus = captions_corpus(spec.corpus, arguments.corpus_seed)
    print(f"corpus seed {arguments.corpus_seed}, fingerprint {corpus.fingerprint[:12]}", flush=True)
    for seed in arguments.seeds:
        for method, values in spec.points() or []:
            trial = spec.trial(method, values, seed, corpus.fingerprint)
            started = time.perf_counter()
            last: dict[str, float] = {}
            for report, state in run_trial(trial, corpus, TrialState()):
                if isinstance(report, FinalReport):
                    model = Vae(len(corpus.vocabulary), trial.model)
                    model.load_state_dict(state.best)
                    test = score_split(trial, corpus, model, "test")
                elif isinstance(report, EpochReport) and report.phase == "pretrain":
                    last = report.numbers
            numbers = " ".join(f"{metric} {test[f'test/{metric}']:.3f}" for metric in METRICS)
            gap = f"gap {test['test/floor_gap']:.3f} ± {test['test/floor_gap_error']:.3f}"
            pretrained = f" ae recon {last['validation/reconstruction']:.2f}" if last else ""
            print(
                f"seed {seed} {method}: {numbers} {gap}{pretrained} {time.perf_counter() - started:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
