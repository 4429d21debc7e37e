"""The tracking server is off for a whole sweep, and comes back."""

from pathlib import Path

import pytest

from tests.integration.cluster import run
from tests.integration.mlflow_seen import Seen, expected, free_port, server
from tests.integration.sweeps import home_with, journal_of, numbers_of

pytestmark = pytest.mark.slow


def test_a_sweep_without_its_server_loses_nothing_and_sync_brings_all_once(tmp_path: Path) -> None:
    home, port = home_with(tmp_path / "home"), free_port()
    uri = f"http://127.0.0.1:{port}"
    at = ("--set", f"tracking.uri={uri}", "--set", "tracking.experiment=small sweeps")
    done = run(home, "launch", "tiny.yaml", *at)
    assert done.returncode == 0, done.stderr
    assert "nothing is lost" in done.stdout
    refused = run(home, "sync", "sweeps/tiny")
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    trials = numbers_of(home).keys()
    with server(tmp_path / "server", port):
        for _ in range(2):
            synced = run(home, "sync", "sweeps/tiny")
            assert synced.returncode == 0, synced.stderr
            seen = Seen(uri)
            assert seen.trials.keys() == trials
            assert len(seen.sweeps) == 1
            for name, mlflow_run in seen.trials.items():
                assert seen.history(mlflow_run) == expected(journal_of(home), name)
                assert {"weights.safetensors", "trial.json", "samples.txt"} <= seen.files(mlflow_run)
        assert "0 points sent, 0 runs made, files of 0 trials uploaded" in synced.stdout
