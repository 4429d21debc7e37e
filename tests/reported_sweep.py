"""A small sweep with everything that a report shows, by numbers made up on purpose."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.handmade import Handmade, put, spec_in
from trainables.probes.latent_summary import LATENT_SUMMARY_FILE, LatentSummary, Walk
from vae_sweep.config.sweep_spec import SweepSpec

SCRIPT = "<script>alert('x')</script>"
"""What a page must show and not run."""

LATENT_SUMMARY = LatentSummary(
    kl_per_unit=(0.25, 2.0, 0.0),
    variance_per_unit=(0.1, 0.9, 0.0),
    positions=((0.0, 1.0), (1.5, -1.0), (-1.5, 0.25), (0.5, 0.5)),
    shares=(0.75, 0.25),
    texts=("a dog runs", f"a {SCRIPT} runs", "a <unk> sits & waits", "two men"),
    labels=("good", "bad", "good", "bad"),
    walks=(Walk(source="a dog", target=f"two {SCRIPT}", decoded=("a dog", "a man", "two men")),),
)
CELLS: tuple[tuple[str, dict[str, Any], float, float, float], ...] = (
    ("vae", {}, 8.0, 20.0, 0.0),
    ("ours", {"target_rate": 2}, 8.1, 18.0, 2.0),
    ("ours", {"target_rate": 4}, 8.6, 15.0, 4.0),
    ("vae_fbp", {"target_rate": 4}, 9.0, 19.0, 4.0),
)
"""Method, values, and of the first seed: perplexity, reconstruction, KL."""

GAP = 0.1
"""By how much the second seed's perplexity and reconstruction are higher."""


@dataclass(frozen=True)
class Reported:
    """The sweep and the checkpoint of each ended trial."""

    sweep: Handmade
    places: dict[str, Path]


def reporting_spec(storage: Path) -> SweepSpec:
    """Two objectives, methods with and without λ, two seeds."""
    methods = {
        "vae": {},
        "ours": {"target_rate": {"choice": [2, 4]}},
        "vae_fbp": {"target_rate": {"choice": [4]}},
        "lstm_lm": {},
    }
    return spec_in(storage, methods=methods, search={"objectives": ["perplexity", "reconstruction"]})


def reported_sweep(storage: Path) -> Reported:
    """Four cells of two seeds, the first collapsed; and an open trial, whose sweep stands still."""
    sweep = Handmade(reporting_spec(storage))
    places = {}
    for cell, (method, values, perplexity, reconstruction, kl) in enumerate(CELLS):
        for seed in (0, 1):
            name = sweep.start(cell, seed, method, **values)
            write_epochs(sweep, name, "pretrain", 2, kl=50.0)
            write_epochs(sweep, name, "vae", 3, kl=kl)
            numbers = {
                "perplexity": perplexity + GAP * seed,
                "reconstruction": reconstruction + GAP * seed,
                "kl": kl,
                "active_units": 3.0 if kl else 0.0,
                "mutual_information": kl / 2,
                "nll": 10 * math.log(perplexity + GAP * seed),
                "elbo_gap": kl / 4,
                "elbo_gap_error": 0.02,
            }
            places[name] = end(sweep, name, "finished" if kl else "collapsed", numbers)
    sweep.start(4, 0, "lstm_lm")
    return Reported(sweep, places)


def write_epochs(sweep: Handmade, name: str, phase: str, count: int, kl: float) -> None:
    """Report epochs that cost 30 s and 100 MB each."""
    for epoch in range(count):
        reconstruction = 25.0 - epoch
        metrics = {
            "neg_elbo": reconstruction + kl,
            "reconstruction": reconstruction,
            "kl": kl,
            "active_units": 3.0,
        }
        numbers = {f"validation/{metric}": value for metric, value in metrics.items()}
        numbers |= {"train/seconds": 30.0, "train/peak_memory_mb": 100.0}
        sweep.write("epoch", trial=name, phase=phase, epoch=epoch, numbers=numbers, checkpoint=None)


def end(sweep: Handmade, name: str, outcome: str, numbers: dict[str, float]) -> Path:
    """End a trial with these validation numbers, a test score, a page of samples and a latent summary."""
    place = sweep.folder / "ray" / "attempt-1" / name / "checkpoint_000005"
    put(place / "samples.txt", f"Samples:\n  a {SCRIPT} runs\n")
    put(place / LATENT_SUMMARY_FILE, LATENT_SUMMARY.model_dump_json())
    metrics = {f"validation/{metric}": value for metric, value in numbers.items()}
    about = {"trial": name, "outcome": outcome, "reason": f"because of {SCRIPT}", "error": None}
    sweep.write("final", **about, numbers=metrics, checkpoint=str(place))
    sweep.write("scored", trial=name, numbers={f"test/{metric}": value + 1.0 for metric, value in numbers.items()})
    return place
