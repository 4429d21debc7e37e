"""A complete sweep whose trials are trained: what registering and using a model stand on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.handmade import Handmade, spec_in
from tests.helpers import CAPTIONS, MODEL, TRAINING, epochs_and_end, put_files, tiny_corpus
from trainables.outputs import outputs

SPACE: dict[str, Any] = {
    "corpus": CAPTIONS.model_dump(mode="json"),
    "model": MODEL.model_dump(mode="json"),
    "training": TRAINING.model_dump(mode="json"),
    "pretraining": TRAINING.model_dump(mode="json"),
    "evaluation": {"search_samples": 4, "final_samples": 6},
    "methods": {"vae": {}, "ours": {"target_rate": {"choice": [2, 4]}}, "ae": {}, "lstm_lm": {}},
    "seeds": [0],
    "search": {"objectives": ["perplexity", "reconstruction"]},
}


def trained_sweep(storage: Path) -> Handmade:
    """A sweep of a VAE, ours, an autoencoder and a language model, one seed each, trained for an epoch a phase."""
    sweep = Handmade(spec_in(storage, **SPACE))
    corpus = {"name": "captions", "fingerprint": tiny_corpus().fingerprint, "sentences": {"train": 48}}
    plain = sweep.spec.model_dump(mode="json", by_alias=True)
    about = {"spec": plain, "versions": {"torch": "2.13.0"}, "git_commit": "abc123"}
    sweep.write("launch", sweep=sweep.spec.name, attempt=1, corpus=corpus, **about)
    for cell, (method, values) in enumerate(
        (("vae", {}), ("ours", {"target_rate": 4}), ("ae", {}), ("lstm_lm", {}))
    ):
        train(sweep, cell, method, values)
    sweep.write("end", outcome="complete", reason=None)
    return sweep


def train(sweep: Handmade, cell: int, method: str, values: Mapping[str, Any], **better: float) -> str:
    """Train a trial of a new cell and write what a driver writes; `better` numbers take the place of its own."""
    spec = sweep.spec.trial(method, dict(values), 0, tiny_corpus().fingerprint)
    name = f"{cell:04d}-{method}-s0"
    epochs, final, state = epochs_and_end(spec)
    sweep.write("cell", cell=cell, method=method, values=values)
    identity = {"trial": name, "cell": cell, "seed": 0, "method": method, "values": values, "attempt": 1}
    sweep.write("trial", **identity, spec=spec.model_dump(mode="json"))
    for report, _ in epochs:
        sweep.write("epoch", trial=name, **report.model_dump(mode="json"), checkpoint=None)
    place = sweep.folder / "ray" / "attempt-1" / name / f"checkpoint_{len(epochs):06d}"
    place.mkdir(parents=True)
    put_files(place, outputs(spec, tiny_corpus(), state))
    numbers = final.numbers | {f"validation/{metric}": value for metric, value in better.items()}
    ended = final.model_copy(update={"numbers": numbers})
    sweep.write("final", trial=name, **ended.model_dump(mode="json"), checkpoint=str(place))
    return name
