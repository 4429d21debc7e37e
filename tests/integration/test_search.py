"""A search that prunes, races and fills, with real Ray, Optuna and MLflow."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.cluster import SPACE, lines, run
from tests.integration.sweeps import home_with, journal_of, kinds_of, report_of, study_states

pytestmark = [pytest.mark.slow, pytest.mark.in_order]

SEARCH = """
methods:
  vae:
  vae_pretrain: {training.learning_rate: {choice: [0.01, 0.005, 0.000001]}}
seeds: [0, 1]
search:
  kind: random
  trials: 4
  seed: 4
  first_seeds: 1
  pruning: {rungs: [2], sentences: 16, samples: 4, least: 2, margin: 0.0, keep: 0.1}
"""
"""The search seed draws the cell that learns nothing last; its encoder keeps what pretraining gave it, so that it
is behind and not collapsed."""


def searching(tail: str) -> str:
    """The tiny space with another search."""
    head = SPACE[: SPACE.index("methods:")]
    rest = SPACE[SPACE.index("evaluation:") :] if "evaluation:" in SPACE else ""
    return head + tail + rest


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which such a search ran to its end."""
    home = home_with(tmp_path_factory.mktemp("searched"), searching(SEARCH))
    done = run(home, "launch", "tiny.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def outcomes(home: Path) -> dict[str, str]:
    return {line["trial"]: line["outcome"] for line in kinds_of(home, "final")}


def test_every_trial_is_measured_at_its_rung_on_few_sentences(searched: Path) -> None:
    rungs = kinds_of(searched, "rung")
    assert {line["trial"] for line in rungs} == {line["trial"] for line in kinds_of(searched, "trial")}
    assert {line["numbers"]["validation/sentences"] for line in rungs} == {16.0}
    assert {line["epoch"] for line in rungs} == {2}


def test_a_pruned_trial_ends_with_its_reason_and_is_told_as_pruned(searched: Path) -> None:
    pruned = [line for line in kinds_of(searched, "final") if line["outcome"] == "pruned"]
    assert pruned
    assert all("lie on better fronts" in line["reason"] and not line["numbers"] for line in pruned)
    states = study_states(searched)
    assert states.count("PRUNED") == len({line["trial"].split("-")[0] for line in pruned})
    explained = run(searched, "explain", "sweeps/tiny", pruned[0]["trial"])
    assert explained.returncode == 0, explained.stderr
    assert "after 2 VAE epochs" in explained.stdout


def test_a_collapsed_trial_ends_at_its_rung_with_numbers_that_count(searched: Path) -> None:
    collapsed = [line for line in kinds_of(searched, "final") if line["outcome"] == "collapsed"]
    for line in collapsed:
        assert line["numbers"]["validation/perplexity"] > 1
    early = [line for line in collapsed if "VAE epochs" in line["reason"]]
    measured = {line["trial"] for line in kinds_of(searched, "rung") if line["collapsed"]}
    assert {line["trial"] for line in early} == measured


def test_further_seeds_go_to_contenders_alone(searched: Path) -> None:
    trials = {(line["cell"], line["seed"]) for line in kinds_of(searched, "trial")}
    cells = {line["cell"] for line in kinds_of(searched, "cell")}
    assert {(cell, 0) for cell in cells} <= trials
    raced = {cell for cell, seed in trials if seed == 1}
    ended = {line["trial"]: line["outcome"] for line in kinds_of(searched, "final") if "-s0" in line["trial"]}
    lost = {int(trial.split("-")[0]) for trial, outcome in ended.items() if outcome == "pruned"}
    assert not raced & lost
    front = {row["cell"] for row in report_of(searched)["rows"] if row["front"] and row["split"] == "validation"}
    assert front <= raced


def test_a_complete_search_runs_nothing_again(searched: Path) -> None:
    before = len(kinds_of(searched, "trial"))
    assert run(searched, "resume", "sweeps/tiny").returncode == 0
    assert len(kinds_of(searched, "trial")) == before
    assert lines(journal_of(searched))[-1]["outcome"] == "complete"


def test_the_next_sweep_learns_from_this_one_and_fills_its_front(searched: Path) -> None:
    own: dict[str, Any] = {"name": "next", "search.kind": "fill", "search.trials": "1", "seeds": "[0]"}
    own["methods"] = "{vae: , vae_pretrain: {training.learning_rate: {log: [0.0000001, 0.1]}}}"
    changes = own | {"search.first_seeds": "null", "search.pruning": "null", "search.warm_start": "tiny"}
    arguments = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    done = run(searched, "launch", "tiny.yaml", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    journal = lines(searched / "sweeps" / "next" / "journal.jsonl")
    [warm] = [line for line in journal if line["kind"] == "warm"]
    [cell] = [line for line in journal if line["kind"] == "cell"]
    assert {each["method"] for each in warm["cells"]} <= {"vae", "vae_pretrain"}
    assert (cell["method"], cell["values"]) not in [(each["method"], each["values"]) for each in warm["cells"]]


def test_a_sweep_of_another_corpus_teaches_nothing_and_says_why(searched: Path) -> None:
    changes = ("name=other", "search.kind=tpe", "search.warm_start=tiny", "corpus.limit.train=20")
    done = run(searched, "launch", "tiny.yaml", *(word for change in changes for word in ("--set", change)))
    assert done.returncode == 2
    assert "corpus fingerprint" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (searched / "sweeps" / "other" / "journal.jsonl").is_file()
