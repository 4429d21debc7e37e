"""Sweeps from the command line with real Ray, Optuna and MLflow, undisturbed and killed."""

import json
from pathlib import Path

import pytest

from tests.integration.cluster import SPACE, kill_tree, lines, run, start, wait_for, workers
from tests.integration.mlflow_seen import wait_until
from tests.integration.sweeps import home_with, journal_of, numbers_of

pytestmark = pytest.mark.slow


def test_an_undisturbed_sweep_is_complete(undisturbed: Path) -> None:
    kinds = [line["kind"] for line in lines(undisturbed / "once.jsonl")]
    assert {kind: kinds.count(kind) for kind in set(kinds) - {"store"}} == {
        "launch": 1,
        "nodes": 1,
        "cell": 3,
        "trial": 3,
        "epoch": 15,
        "final": 3,
        "scored": 3,
        "end": 1,
    }
    assert not (undisturbed / "sweeps" / "tiny" / "study.journal").exists(), "a grid needs no study"


def test_the_report_has_a_row_for_each_cell_and_split(undisturbed: Path) -> None:
    document = json.loads(run(undisturbed, "report", "sweeps/tiny", "--format", "json").stdout)
    assert [(row["cell"], row["split"]) for row in document["rows"]] == [
        (cell, split) for split in ("test", "validation") for cell in range(3)
    ]
    floor = {floor["split"]: floor["nll"] for floor in document["floors"]}
    assert all(row["numbers"]["nll"] > floor[row["split"]] for row in document["rows"])
    table = run(undisturbed, "report", "sweeps/tiny")
    assert table.returncode == 0
    assert "exact" in table.stdout
    csv = run(undisturbed, "report", "sweeps/tiny", "--format", "csv").stdout.splitlines()
    assert len(csv) == 7


def test_launching_a_finished_sweep_again_trains_nothing(undisturbed: Path) -> None:
    once = lines(undisturbed / "once.jsonl")
    added = lines(journal_of(undisturbed))[len(once) :]
    assert [line["kind"] for line in added] == ["launch", "nodes", "end"]
    assert added[-1]["outcome"] == "complete"


def test_another_spec_under_the_same_name_is_refused(undisturbed: Path) -> None:
    refused = run(undisturbed, "launch", "tiny.yaml", "--set", "model.latent_size=5")
    assert refused.returncode == 2
    assert "model.latent_size: 4 -> 5" in refused.stderr
    assert "Traceback" not in refused.stderr


def is_between_trials(journal: Path) -> bool:
    """Whether a worker that has ended a trial is taking over the next one.

    Ray Tune does not recover a trial whose worker dies then; it has failed, and runs again with a resume.
    """
    begun, over = (
        {line["trial"] for line in lines(journal) if line["kind"] == kind} for kind in ("trial", "final")
    )
    return len(begun - over) < min(2, 3 - len(over))


@pytest.mark.parametrize("phase", ["pretrain", "vae"])
def test_a_worker_killed_in_a_phase_goes_on_from_its_checkpoint(
    tmp_path: Path, undisturbed: Path, phase: str
) -> None:
    home = home_with(tmp_path)
    process = start(home, "launch", "tiny.yaml")
    journal = journal_of(home)
    hit = wait_for(process, journal, lambda line: line["kind"] == "epoch" and line["phase"] == phase)
    wait_until(lambda: not is_between_trials(journal))
    victims = workers(process)
    assert victims
    for victim in victims:
        victim.kill()
    assert process.wait(300) == 0, (home / "err.txt").read_text()
    assert numbers_of(home) == numbers_of(undisturbed)
    starts = [line for line in lines(journal) if line["kind"] == "trial"]
    assert len(starts) > 3, f"no restart after the kill at {hit}"


def test_a_driver_killed_in_mid_sweep_is_resumed(tmp_path: Path, undisturbed: Path) -> None:
    home = home_with(tmp_path)
    process = start(home, "launch", "tiny.yaml")
    wait_for(process, journal_of(home), lambda line: line["kind"] == "final")
    kill_tree(process)
    finished = {line["trial"] for line in lines(journal_of(home)) if line["kind"] == "final"}
    done = run(home, "resume", "sweeps/tiny")
    assert done.returncode == 0, done.stderr
    assert numbers_of(home) == numbers_of(undisturbed)
    second = [line for line in lines(journal_of(home)) if line["kind"] == "trial" and line["attempt"] == 2]
    assert not finished & {line["trial"] for line in second}


def test_a_diverging_trial_is_an_outcome_and_the_sweep_goes_on(tmp_path: Path) -> None:
    text = SPACE.replace("  vae:\n", "  vae: {training.learning_rate: {choice: [0.005, 1.0e+30]}}\n")
    home = home_with(tmp_path, text)
    done = run(home, "launch", "tiny.yaml")
    assert done.returncode == 0, done.stderr
    outcomes = [line["outcome"] for line in lines(journal_of(home)) if line["kind"] == "final"]
    assert len(outcomes) == 4
    assert outcomes.count("diverged") == 1


def test_a_sweep_of_which_every_trial_diverges_is_not_complete(tmp_path: Path) -> None:
    home = home_with(tmp_path, SPACE.replace("learning_rate: 0.005", "learning_rate: 1.0e+30"))
    for verb, target in (("launch", "tiny.yaml"), ("resume", "sweeps/tiny")):
        done = run(home, verb, target)
        assert done.returncode == 1, done.stderr
        assert "failed: each of the 3 trials diverged" in done.stdout
        assert "vae-sweep resume" not in done.stdout
        assert lines(journal_of(home))[-1]["outcome"] == "failed"
    assert sum(line["kind"] == "trial" for line in lines(journal_of(home))) == 3
    assert "each of the 3 trials diverged" in run(home, "status", "sweeps/tiny").stdout
