"""A sweep under faults gives, when it is complete, what it would have given without them."""

import os
from pathlib import Path

import pytest

from tests.integration.chaos import SPACE, Storm, storm_over
from tests.integration.cluster import lines, run
from tests.integration.mlflow_seen import Seen, expected
from tests.integration.sweeps import home_with, journal_of, kinds_of, numbers_of, report_of

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.timeout(1200)]

SEED = int(os.environ.get("VAE_SWEEP_CHAOS_SEED", "7"))
BUDGET = 7


def test_a_grid_under_faults_ends_as_the_undisturbed_one(tmp_path: Path) -> None:
    calm = home_with(tmp_path / "calm", SPACE)
    done = run(calm, "launch", "tiny.yaml")
    assert done.returncode == 0, done.stderr
    with storm_over(tmp_path / "storm", SPACE, SEED, BUDGET) as storm:
        storm.rage()
        print(f"chaos seed {SEED}: survived {dict(storm.struck)}")
        assert report_of(storm.home) == report_of(calm)
        assert numbers_of(storm.home) == numbers_of(calm)
        check_order(storm)


def check_order(storm: Storm) -> None:
    """No trial lost, doubled or redone; MLflow with every point and file once."""
    over: set[str] = set()
    for line in (line for kind in ("trial", "final", "lost") for line in kinds_of(storm.home, kind)):
        if line["kind"] == "final" and line["outcome"] != "failed":
            over.add(line["trial"])
    trials = {line["trial"] for line in kinds_of(storm.home, "trial")}
    assert trials == over
    assert len({name[:4] for name in trials}) == len(trials) == 8
    check_nothing_is_redone(storm)
    synced = run(storm.home, "sync", "sweeps/tiny")
    assert synced.returncode == 0, synced.stderr
    seen = Seen(f"http://127.0.0.1:{storm.port}")
    assert len(seen.sweeps) == 1
    assert seen.trials.keys() == trials
    for name, mlflow_run in seen.trials.items():
        assert mlflow_run.info.status == "FINISHED"
        history = seen.history(mlflow_run)
        assert set(history.values()) == {1}
        wanted = {point[:2] for point in expected(journal_of(storm.home), name)}
        assert {point[:2] for point in history} == wanted
        assert {"weights.safetensors", "trial.json", "samples.txt"} <= seen.files(mlflow_run)


def check_nothing_is_redone(storm: Storm) -> None:
    """After its end a trial starts again only where its weights were lost."""
    ended: set[str] = set()
    schedule: dict[str, list[str]] = {}
    for line in lines(journal_of(storm.home)):
        if line["kind"] not in ("trial", "final", "lost"):
            continue
        name, kind = line["trial"], line["kind"]
        schedule.setdefault(name, []).append(f"{kind} at {line['time']:.2f}")
        assert kind != "trial" or name not in ended, (name, schedule[name], storm.study_trials)
        if kind == "final" and line["outcome"] != "failed":
            ended.add(name)
        elif kind == "lost":
            ended.discard(name)
