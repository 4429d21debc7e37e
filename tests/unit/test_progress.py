"""Live progress: what is said of a line of the journal."""

import io

from rich.console import Console

from tests.helpers import tiny_trial
from vae_sweep.cli.progress import LiveProgress
from vae_sweep.journal.events import FinalEvent, JournalEvent, NodesEvent, ScoredEvent, TrialStarted
from vae_sweep.journal.records import Numbers


def final(trial: str, **metrics: float) -> FinalEvent:
    numbers: Numbers = {f"validation/{metric}": value for metric, value in metrics.items()}
    return FinalEvent(trial=trial, outcome="finished", numbers=numbers)


def started(trial: str, method: str) -> TrialStarted:
    spec = tiny_trial(method).model_dump(mode="json")
    return TrialStarted(trial=trial, cell=0, seed=0, method=method, values={}, attempt=1, spec=spec)


def shown(*lines: JournalEvent) -> tuple[str, str]:
    """What is printed for the lines, and the live view after them."""
    said = Console(file=io.StringIO(), width=200)
    view = Console(file=io.StringIO(), width=200)
    progress = LiveProgress(said, trial_count=4)
    for line in lines:
        progress.watch(line)
    view.print(progress)
    assert isinstance(said.file, io.StringIO)
    assert isinstance(view.file, io.StringIO)
    return said.file.getvalue(), view.file.getvalue()


def test_the_autoencoder_has_no_perplexity_and_is_never_the_best() -> None:
    scored = ScoredEvent(trial="0-ae", numbers={"test/reconstruction": 2.5})
    said, view = shown(
        started("0-ae", "ae"),
        started("1-vae", "vae"),
        final("0-ae", reconstruction=2.0),
        final("1-vae", perplexity=3.0, reconstruction=9.0),
        scored,
    )
    assert said.splitlines() == [
        "0-ae: finished reconstruction 2.000",
        "1-vae: finished perplexity 3.000, reconstruction 9.000",
        "0-ae: test reconstruction 2.500",
    ]
    assert "best perplexity 3.000 (1-vae); best reconstruction 9.000 (1-vae)" in view


def test_a_perplexity_that_is_not_known_is_marked_and_never_the_best() -> None:
    said, view = shown(
        started("0-vae", "vae"),
        started("1-vae", "vae"),
        final("0-vae", perplexity=2.0, reconstruction=9.0, pareto_k_bad=0.51),
        final("1-vae", perplexity=3.0, reconstruction=10.0, pareto_k_bad=0.5),
    )
    assert said.splitlines() == [
        "0-vae: finished perplexity 2.000?, reconstruction 9.000",
        "1-vae: finished perplexity 3.000, reconstruction 10.000",
    ]
    assert "best reconstruction 9.000 (0-vae); best perplexity 3.000 (1-vae)" in view


def test_bad_nodes_are_named_with_every_reason() -> None:
    node = {
        "node": "abcdef0123",
        "host": "far",
        "address": "10.0.0.7",
        "good": True,
        "problems": [],
        "warnings": [],
    }
    bad = node | {"good": False, "problems": ["no storage", "no corpus"]}
    said, _ = shown(NodesEvent(nodes=[node, bad], warnings=["MLflow is away"]))
    assert said.splitlines() == [
        "warning: MLflow is away",
        "node abcdef01 (far, 10.0.0.7) cannot run trials: no storage",
        "node abcdef01 (far, 10.0.0.7) cannot run trials: no corpus",
        "1 of 2 nodes left out",
    ]
    assert shown(NodesEvent(nodes=[node], warnings=[]))[0] == "", "all is well: not a word"


def test_counts_of_done_running_and_failed() -> None:
    failed = FinalEvent(trial="1-vae", outcome="failed", reason="Traceback\nboom", numbers={})
    said, view = shown(started("0-vae", "vae"), started("1-vae", "vae"), failed)
    assert said == "1-vae: failed  (boom)\n"
    assert "1/4 trials done, 1 running, 1 failed or diverged" in view
