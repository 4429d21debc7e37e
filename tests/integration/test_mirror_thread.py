"""The mirror on its thread, and against a real server that is killed, hangs and comes back."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests.integration.mlflow_seen import EXPERIMENT, Seen, expected, free_port, server, wait_until
from tests.journals import epoch, final, launch, outputs, scored, start, trial_id, whole_sweep
from vae_sweep.journal.journal import Journal, JournalError
from vae_sweep.tracking.client import TrackingError
from vae_sweep.tracking.mirror import Mirror, sync_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/my storage/mlflow.db"


def test_the_thread_follows_a_growing_journal(path: Path, uri: str, tmp_path: Path) -> None:
    with Journal(path) as journal:
        launch(journal)
        mirror = Mirror(path, uri, EXPERIMENT, "small")
        mirror.start()
        for number in range(2):
            start(journal, number)
            for at in range(5):
                epoch(journal, number, at)
                mirror.poke()
            final(journal, number, checkpoint=outputs(tmp_path, number))
        journal.write("end", outcome="complete")
    assert mirror.close(timeout=60) == 0
    assert mirror.last_error is None
    seen = Seen(uri)
    assert seen.sweeps[0].info.status == "FINISHED"
    for run in seen.trials.values():
        assert seen.history(run) == expected(path, run.data.tags["vae_sweep.trial"])
        assert len(seen.files(run)) == 4
    assert sync_journal(path, uri, EXPERIMENT).points == 0


def test_only_one_process_mirrors_at_a_time(path: Path, uri: str) -> None:
    with Journal(path) as journal:
        launch(journal)
        mirror = Mirror(path, uri, EXPERIMENT, "small")
        mirror.start()
        wait_until(lambda: bool(MlflowClient(tracking_uri=uri).get_experiment_by_name(EXPERIMENT)))
        with pytest.raises(TrackingError, match="another process mirrors this journal"):
            sync_journal(path, uri, EXPERIMENT)
        start(journal, 0)
    assert mirror.close(timeout=60) == 0
    assert sync_journal(path, uri, EXPERIMENT).runs == 0


def test_a_damaged_journal_stops_neither_the_sweep_nor_the_thread(path: Path, uri: str) -> None:
    with Journal(path) as journal:
        launch(journal)
    with path.open("ab") as file:
        file.write(b"damaged\ndamaged\n")
    mirror = Mirror(path, uri, EXPERIMENT, "small")
    mirror.start()
    wait_until(lambda: mirror.last_error is not None)
    assert mirror.last_error is not None
    assert "line 2: not JSON" in mirror.last_error
    assert mirror.close(timeout=30) == 3
    with pytest.raises(JournalError):
        sync_journal(path, uri, EXPERIMENT)


QUIET = """
import sys
from pathlib import Path
from vae_sweep.tracking.mirror import Mirror
assert not {"mlflow", "ray", "optuna", "torch"} & sys.modules.keys()
for uri in sys.argv[2:]:
    mirror = Mirror(Path(sys.argv[1]), uri, "small sweeps", "small")
    mirror.start()
    mirror.close(60 if uri.startswith("sqlite") else 2)
"""


@pytest.mark.slow
@pytest.mark.exhaustive
def test_mlflow_is_imported_late_and_says_nothing(path: Path, uri: str, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    command = [sys.executable, "-c", QUIET, str(path), uri, f"http://127.0.0.1:{free_port()}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert len(Seen(uri).trials) == 3


CREATE = """
import sys
from vae_sweep.tracking.writer import MlflowWriter
for name in range(3):
    MlflowWriter(sys.argv[1], f"experiment {name}", None, "0")
"""


@pytest.mark.slow
@pytest.mark.exhaustive
def test_processes_may_create_database_and_experiments_at_once(uri: str) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", CREATE, uri]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(MlflowClient(tracking_uri=uri).search_experiments()) == 4


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_kill_while_the_database_is_made_breaks_nothing(path: Path, uri: str, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    storage = tmp_path / "my storage"
    creator = subprocess.Popen([sys.executable, "-c", CREATE, uri])
    wait_until(lambda: any(file.stat().st_size > 0 for file in storage.glob("*/mlflow.db")))
    creator.kill()
    creator.wait()
    assert sync_journal(path, uri, EXPERIMENT).lines == 27
    assert len(Seen(uri).trials) == 3


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_server_that_comes_late_dies_and_comes_back_has_every_point_once(path: Path, tmp_path: Path) -> None:
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    appended: list[float] = []

    def report(journal: Journal, number: int, epochs: range) -> None:
        for at in epochs:
            before = time.monotonic()
            epoch(journal, number, at)
            mirror.poke()
            appended.append(time.monotonic() - before)

    with Journal(path) as journal:
        launch(journal)
        mirror = Mirror(path, uri, EXPERIMENT, "small")
        mirror.start()
        start(journal, 0)
        report(journal, 0, range(30))
        wait_until(lambda: mirror.last_error is not None)
        with server(tmp_path / "server", port):
            wait_until(lambda: mirror.last_error is None)
            start(journal, 1)
            report(journal, 1, range(30))
            wait_until(lambda: len(Seen(uri).trials) == 2)
        final(journal, 0, checkpoint=outputs(tmp_path, 0))
        report(journal, 1, range(30, 60))
        wait_until(lambda: mirror.last_error is not None)
        with server(tmp_path / "server", port):
            final(journal, 1, checkpoint=outputs(tmp_path, 1))
            scored(journal, 1)
            journal.write("end", outcome="complete")
            assert mirror.close(timeout=120) == 0
            seen = Seen(uri)
            assert len(seen.sweeps) == 1
            for run in (seen.trials[trial_id(0)], seen.trials[trial_id(1)]):
                assert seen.history(run) == expected(path, run.data.tags["vae_sweep.trial"])
                assert seen.files(run) == {"weights.safetensors", "vocabulary.json", "trial.json", "samples.txt"}
                assert run.info.status == "FINISHED"
            assert sync_journal(path, uri, EXPERIMENT).points == 0
    assert max(appended) < 10


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_server_that_was_off_for_the_whole_sweep(path: Path, tmp_path: Path) -> None:
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    whole_sweep(path, tmp_path)
    mirror = Mirror(path, uri, EXPERIMENT, "small")
    mirror.start()
    before = time.monotonic()
    assert mirror.close(timeout=3) == 27
    assert time.monotonic() - before < 15
    with pytest.raises(TrackingError, match=f"MLflow at {uri}: .*refused"):
        sync_journal(path, uri, EXPERIMENT)
    with server(tmp_path / "server", port):
        assert sync_journal(path, uri, EXPERIMENT).lines == 27
        seen = Seen(uri)
        for run in seen.trials.values():
            assert seen.history(run) == expected(path, run.data.tags["vae_sweep.trial"])
        assert len(seen.files(seen.trials[trial_id(0)])) == 4


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_server_that_hangs_does_not_hold_up_the_end(path: Path, tmp_path: Path) -> None:
    port = free_port()
    with server(tmp_path / "server", port) as process:
        whole_sweep(path, tmp_path)
        os.killpg(process.pid, signal.SIGSTOP)
        mirror = Mirror(path, f"http://127.0.0.1:{port}", EXPERIMENT, "small")
        mirror.start()
        before = time.monotonic()
        assert mirror.close(timeout=2) == 27
        assert time.monotonic() - before < 15
        os.killpg(process.pid, signal.SIGCONT)
        name = "mirror of small"
        wait_until(lambda: name not in {thread.name for thread in threading.enumerate()})
