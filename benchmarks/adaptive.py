"""Fewer samples from q and the tight estimate beside 1000 from q, on a stored trial: costs and perplexities.

`python -m benchmarks.adaptive SWEEP TRIAL [--sentences 64]`, for a finished trial of a sweep kept on this machine.
"""

import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from trainables.base import derived_seed
from trainables.measure.adapted import Effort
from trainables.measure.final import evaluation_batches, spread
from trainables.measure.importance import ImportanceEstimate, importance
from trainables.measure.likelihood import perplexity, token_count
from trainables.measure.tight import tight
from trainables.outputs import load_model
from trainables.text.corpus import load_corpus
from vae_sweep.config.environment import data_directory
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.stored_spec import existing_spec
from vae_sweep.storage.layout import JOURNAL_FILE

SAMPLES = 1000
FEWER = (50, 100, 200, 400)
EFFORTS = (Effort(500, 0.2), Effort(500, 0.1), Effort(1600, 0.07), Effort(6400, 0.03))


def main(sweep: Path, trial: str, sentences: Annotated[int, typer.Option(min=1)] = 64) -> None:
    """Print passes, seconds and perplexity beside those of 1000 samples, for fewer and for each effort."""
    torch.set_num_threads(1)
    stored, place = read_sweep(sweep / JOURNAL_FILE).trials[trial], existing_spec(sweep).data.directory
    spec = stored.spec.trial
    assert spec is not None, f"{trial}: another version wrote its spec"
    corpus = load_corpus(spec.corpus, data_directory(Path(place) if place else None))
    if stored.final is None or stored.final.checkpoint is None:
        raise typer.BadParameter(
            f"{trial} has no final checkpoint; vae-sweep status {sweep} lists the finished ones"
        )
    model = load_model(stored.final.checkpoint, spec, corpus.vocabulary)
    every = corpus.splits["validation"].sentences
    batches = evaluation_batches([every[row] for row in spread(len(every), sentences)], "cpu")

    def timed(asked: int | Effort) -> tuple[ImportanceEstimate, float]:
        began, seed = time.perf_counter(), derived_seed(spec.seed, "benchmark")
        if isinstance(asked, Effort):
            return tight(model, batches, asked, seed), time.perf_counter() - began
        return importance(model, batches, asked, seed), time.perf_counter() - began

    exact, seconds = timed(SAMPLES)
    whole = perplexity(exact.nll, token_count(batches))
    k = "" if exact.pareto_k is None else f", Pareto k {float(exact.pareto_k.quantile(0.5)):.2f}"
    effective = float(exact.effective_samples.quantile(0.5))
    print(f"{trial}: perplexity {whole:.2f}, {effective:.0f} effective of 1000 (median){k}, {seconds:.1f} s")
    for asked in (*FEWER, *EFFORTS):
        found, taken = timed(asked)
        off = perplexity(found.nll, token_count(batches)) / whole - 1
        name = f"{asked} from q" if isinstance(asked, int) else f"tight {asked.most}, error {asked.error}"
        print(f"{name:<22} {float(found.samples.mean()):6.0f} samples  {off:+.3%}  x{seconds / taken:.1f}")


if __name__ == "__main__":
    typer.run(main)
