"""`vae-sweep score` on a sweep that commit 0964958 trained: killed, repeated, refused, mirrored."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cluster import kill_tree, lines, run, start, wait_for
from tests.integration.test_probe import mlflow_runs
from tests.stored.sweeps import TRIALS, stored_sweep
from vae_sweep.storage.driver_lock import driver_lock

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]
SWEEP = "sweeps/before"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the stored sweep."""
    stored_sweep(tmp_path / "sweeps")
    return tmp_path


def journal(home: Path) -> Path:
    return home / SWEEP / "journal.jsonl"


def new_scores(home: Path) -> list[dict[str, Any]]:
    return [line for line in lines(journal(home)) if line["kind"] == "scored" and line.get("evaluation")]


def test_what_cannot_be_is_refused_in_words(home: Path) -> None:
    before = journal(home).read_bytes()
    for arguments, words in (
        ((SWEEP, "0009"), "has no trial '0009'"),
        ((SWEEP, "--set", "seeds=[1]"), "only evaluation.* can be set here"),
        ((SWEEP, "--set", "evaluation.final_sample=9"), "did you mean final_samples?"),
        (("sweeps/nothing",), "no sweep there"),
    ):
        refused = run(home, "score", *arguments)
        assert refused.returncode == 2, refused.stderr
        assert words in refused.stderr
        assert "Traceback" not in refused.stderr
    with driver_lock(home / SWEEP):
        refused = run(home, "score", SWEEP)
    assert refused.returncode == 2
    assert "the sweep is driven by process" in refused.stderr
    assert journal(home).read_bytes() == before


def test_killed_and_repeated_it_measures_each_trial_once(home: Path) -> None:
    driver = start(home, "score", SWEEP)
    try:
        wait_for(driver, journal(home), lambda line: line["kind"] == "scored" and "evaluation" in line)
    finally:
        kill_tree(driver)
    done = run(home, "score", SWEEP)
    assert done.returncode == 0, done.stdout + done.stderr
    check_scored_once(new_scores(home))
    before = journal(home).read_bytes()
    again = run(home, "score", SWEEP)
    assert again.returncode == 0
    assert "nothing to measure" in again.stdout
    assert journal(home).read_bytes() == before


def test_the_newest_score_is_read_and_an_earlier_one_is_kept(home: Path) -> None:
    for arguments in ((), ("0001", "--set", "evaluation.final_effort=120")):
        done = run(home, "score", SWEEP, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    check_the_newest_is_read(home, new_scores(home)[-1])
    check_the_first_evaluation_again(home)


def check_scored_once(scores: list[dict[str, Any]]) -> None:
    """What the killed command journaled was not measured again; the evaluation is that of the plan."""
    assert sorted(line["trial"] for line in scores) == sorted(TRIALS)
    assert len({line["evaluation"] for line in scores}) == 1
    metrics = {
        f"{split}/{metric}" for split in ("validation", "test") for metric in ("perplexity", "reconstruction")
    }
    for line in scores:
        assert line["numbers"].keys() >= metrics
        assert line["settings"] is None


def check_the_newest_is_read(home: Path, score: dict[str, Any]) -> None:
    """By the report, explain, status and MLflow."""
    assert (score["trial"], score["settings"]["final_effort"]) == (TRIALS[1], 120)
    shown = json.loads(run(home, "report", SWEEP, "--format", "json").stdout)
    [row] = [row for row in shown["rows"] if row["split"] == "test" and row["cell"] == 1]
    assert row["numbers"]["perplexity"] == score["numbers"]["test/perplexity"]
    explained = run(home, "explain", SWEEP, "0001").stdout
    assert "by an earlier version of vae-sweep" in explained
    assert "final_effort 120, which is read" in explained
    assert "2 trials of 3 measured under another evaluation" in run(home, "status", SWEEP).stdout
    _, runs = mlflow_runs(home)
    metrics = runs[TRIALS[1]].data.metrics
    assert {f"final/{key}": value for key, value in score["numbers"].items()}.items() <= metrics.items()
    assert metrics["test_perplexity"] == score["numbers"]["test/perplexity"]


def check_the_first_evaluation_again(home: Path) -> None:
    """The numbers that the journal has of it become the newest; nothing is measured."""
    first = next(line for line in new_scores(home) if line["trial"] == TRIALS[1])
    before = len(lines(journal(home)))
    done = run(home, "score", SWEEP)
    assert done.returncode == 0, done.stdout + done.stderr
    added = lines(journal(home))[before:]
    assert [line["kind"] for line in added] == ["scored", "scored"], "no node was asked"
    assert {key: value for line in added for key, value in line["numbers"].items()} == first["numbers"]


def test_lost_weights_are_told_and_the_others_go_on(home: Path) -> None:
    [weights] = (home / SWEEP / "ray" / "attempt-1" / TRIALS[2]).glob("*/weights.safetensors")
    weights.unlink()
    done = run(home, "score", SWEEP)
    assert done.returncode == 1
    assert f"{TRIALS[2]}: not scored: no weights.safetensors in" in done.stdout
    assert "Traceback" not in done.stderr
    assert sorted(line["trial"] for line in new_scores(home)) == [TRIALS[0], TRIALS[1]]


def test_a_sweep_without_test_scores_gets_them_later(home: Path) -> None:
    folder = home / SWEEP
    spec = json.loads((folder / "sweep.json").read_text())
    spec["evaluation"]["final"] = "none"
    (folder / "sweep.json").write_text(json.dumps(spec))
    kept = [line for line in (folder / "journal.jsonl").read_text().splitlines() if '"kind": "scored"' not in line]
    (folder / "journal.jsonl").write_text("".join(f"{line}\n" for line in kept))
    done = run(home, "score", SWEEP)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "evaluation.final is none, so no test split was measured" in done.stdout
    assert {key.partition("/")[0] for line in new_scores(home) for key in line["numbers"]} == {"validation"}
    done = run(home, "score", SWEEP, "--set", "evaluation.final=all")
    assert done.returncode == 0, done.stdout + done.stderr
    rest = new_scores(home)[3:]
    assert sorted(line["trial"] for line in rest) == sorted(TRIALS)
    assert {key.partition("/")[0] for line in rest for key in line["numbers"]} == {"test"}
