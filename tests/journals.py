"""Journals of small sweeps, written as a driver writes them."""

from pathlib import Path
from typing import Any

from vae_sweep.journal.journal import Journal

SPEC: dict[str, Any] = {"name": "small", "search": {"kind": "grid"}, "seeds": [0]}
CORPUS: dict[str, Any] = {"name": "captions", "fingerprint": "f00d"}
TRIAL_SPEC: dict[str, Any] = {
    "model": {"latent_size": 4},
    "method": {"name": "ours", "objective": {"kl": {"target_rate": 4.0}}},
    "note": "n" * 900,
    "limits": [1, None],
}


def launch(
    journal: Journal, attempt: int = 1, spec: dict[str, Any] = SPEC, corpus: dict[str, Any] = CORPUS
) -> None:
    journal.write(
        "launch",
        sweep="small",
        attempt=attempt,
        spec=spec,
        versions={"torch": "2.13.0"},
        git_commit="abc123",
        corpus=corpus,
    )


def trial_id(number: int) -> str:
    return f"{number:04d}-ours-s0"


def start(journal: Journal, number: int, attempt: int = 1) -> None:
    values = {"target_rate": 4.0}
    if attempt == 1:
        journal.write("cell", cell=number, method="ours", values=values)
    journal.write(
        "trial",
        trial=trial_id(number),
        cell=number,
        seed=0,
        method="ours",
        values=values,
        attempt=attempt,
        spec=TRIAL_SPEC,
    )


def numbers(epoch: int, seconds: float = 1.0) -> dict[str, float | None]:
    metrics = {"validation/kl": epoch / 8, "validation/neg_elbo": 20.0 - epoch, "train/learning_rate": None}
    return metrics | {"train/seconds": seconds}


def epoch(journal: Journal, number: int, at: int, phase: str = "vae", **other: Any) -> None:
    fields = {"numbers": numbers(at), "checkpoint": None} | other
    journal.write("epoch", trial=trial_id(number), phase=phase, epoch=at, **fields)


def final(journal: Journal, number: int, outcome: str = "finished", **other: Any) -> None:
    fields: dict[str, Any] = {"reason": None, "numbers": {"validation/perplexity": 9.5}, "checkpoint": None}
    journal.write("final", trial=trial_id(number), outcome=outcome, **(fields | other))


def scored(journal: Journal, number: int, **more: float) -> None:
    journal.write("scored", trial=trial_id(number), numbers={"test/perplexity": 9.75} | more)


def outputs(directory: Path, number: int) -> str:
    """Write what a trial leaves behind; return where."""
    place = directory / f"checkpoint {number}"
    place.mkdir()
    for name in ("weights.safetensors", "vocabulary.json", "trial.json", "samples.txt"):
        (place / name).write_text(f"{name} of {number}")
    return str(place)


def whole_sweep(path: Path, directory: Path) -> None:
    with Journal(path) as journal:
        launch(journal)
        for number in range(3):
            start(journal, number)
            epoch(journal, number, 0, "pretrain")
            for at in range(4):
                epoch(journal, number, at)
        final(journal, 0, checkpoint=outputs(directory, 0))
        final(journal, 1, "diverged", reason="the loss is not finite", numbers={})
        final(journal, 2, "collapsed", checkpoint=str(directory / "gone"))
        scored(journal, 0)
        journal.write("end", outcome="complete")
