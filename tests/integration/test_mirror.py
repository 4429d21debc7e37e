"""The mirror against real MLflow: a sqlite database, and a server that is killed and comes back."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.journals import SPEC, epoch, final, launch, numbers, outputs, scored, start, trial_id
from vae_sweep.tracking.journal import Journal, JournalError, Tail
from vae_sweep.tracking.mirror import Mirror, sync
from vae_sweep.tracking.mlflow_writer import MlflowWriter, TrackingError

EXPERIMENT = "small sweeps"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = tmp_path_factory.mktemp("template") / "mlflow.db"
    MlflowWriter(f"sqlite:///{database}", "first", None, "0")
    return database


@pytest.fixture
def new_uri(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/my storage/mlflow.db"


@pytest.fixture
def uri(new_uri: str, empty_database: Path, tmp_path: Path) -> str:
    (tmp_path / "my storage").mkdir()
    shutil.copy(empty_database, tmp_path / "my storage")
    return new_uri


class Seen:
    """What a client of its own finds in MLflow."""

    def __init__(self, uri: str) -> None:
        self.client = MlflowClient(tracking_uri=uri)
        experiment = self.client.get_experiment_by_name(EXPERIMENT)
        assert experiment is not None
        self.experiment = experiment
        runs = self.client.search_runs([experiment.experiment_id], max_results=1000)
        self.sweeps = [run for run in runs if "vae_sweep.trial" not in run.data.tags]
        trials = [run for run in runs if "vae_sweep.trial" in run.data.tags]
        assert len(trials) == len({run.data.tags["vae_sweep.trial"] for run in trials})
        self.trials = {run.info.run_name: run for run in trials}

    def history(self, run: Run) -> Counter[tuple[str, int, int, float]]:
        """Return how often each point (key, step, milliseconds, value) of a run is there."""
        found: Counter[tuple[str, int, int, float]] = Counter()
        for key in run.data.metrics:
            for point in self.client.get_metric_history(run.info.run_id, key):
                found[point.key, point.step, point.timestamp, point.value] += 1
        return found

    def files(self, run: Run) -> set[str]:
        return {file.path for file in self.client.list_artifacts(run.info.run_id)}


def expected(path: Path, trial: str) -> Counter[tuple[str, int, int, float]]:
    """Return the points of a trial, straight from the journal; reports that come twice are not for this."""
    points: Counter[tuple[str, int, int, float]] = Counter()
    for line in Tail(path).read():
        if line.get("trial") != trial or "numbers" not in line:
            continue
        prefix, step = (line["phase"], line["epoch"]) if line["kind"] == "epoch" else ("final", 0)
        for key, value in line["numbers"].items():
            if value is not None:
                points[f"{prefix}/{key}", step, round(line["time"] * 1000), value] += 1
    return points


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
        journal.append("end", outcome="complete")


def test_a_sweep_is_a_parent_with_nested_trials(path: Path, uri: str, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    counts = sync(path, uri, EXPERIMENT, artifact_location=(tmp_path / "artifacts").as_uri())
    seen = Seen(uri)
    assert (counts.lines, counts.runs, counts.outputs) == (27, 4, 1)
    assert counts.points == sum(sum(expected(path, trial_id(number)).values()) for number in range(3))
    [parent] = seen.sweeps
    assert (parent.info.run_name, parent.info.status) == ("small", "FINISHED")
    assert parent.data.params["search.kind"] == "grid"
    assert parent.data.tags["vae_sweep.outcome"] == "complete"
    assert parent.data.tags["vae_sweep.version.torch"] == "2.13.0"
    assert seen.files(parent) == {"spec.json"}
    assert set(seen.trials) == {trial_id(number) for number in range(3)}
    for run in seen.trials.values():
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert seen.history(run) == expected(path, str(run.info.run_name))
    statuses = [seen.trials[trial_id(number)].info.status for number in range(3)]
    assert statuses == ["FINISHED", "FAILED", "FINISHED"]


def test_params_tags_and_files_of_a_trial(path: Path, uri: str, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    sync(path, uri, EXPERIMENT)
    seen = Seen(uri)
    run, diverged, gone = (seen.trials[trial_id(number)] for number in range(3))
    params = run.data.params
    assert params.items() >= {"method": "ours", "seed": "0", "cell": "0", "values.target_rate": "4.0"}.items()
    assert params.items() >= {"model.latent_size": "4", "method.name": "ours", "limits": "[1, null]"}.items()
    assert len(params["note"]) == 500
    tags = {key.removeprefix("vae_sweep."): value for key, value in run.data.tags.items()}
    assert (tags["method"], tags["seed"], tags["cell"], tags["target_rate"]) == ("ours", "0", "0", "4.0")
    assert (tags["phase"], tags["outcome"], tags["git_commit"]) == ("vae", "finished", "abc123")
    assert (tags["corpus"], tags["corpus_fingerprint"]) == ("captions", "f00d")
    assert diverged.data.tags["vae_sweep.reason"] == "the loss is not finite"
    assert seen.files(run) == {"weights.safetensors", "trial.json", "samples.txt"}
    assert seen.files(gone) == set()
    assert "not found in" in gone.data.tags["vae_sweep.outputs"]
    place = Path(str(seen.experiment.artifact_location).removeprefix("file://").replace("%20", " "))
    assert place == tmp_path / "my storage" / "artifacts"
    assert (place / run.info.run_id / "artifacts" / "samples.txt").read_text() == "samples.txt of 0"


def test_syncing_twice_changes_nothing(path: Path, uri: str, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    sync(path, uri, EXPERIMENT)
    first = Seen(uri)
    again = sync(path, uri, EXPERIMENT)
    second = Seen(uri)
    assert (again.runs, again.points, again.outputs) == (0, 0, 0)
    assert [run.to_dictionary() for run in second.trials.values()] == [
        run.to_dictionary() for run in first.trials.values()
    ]
    for run in second.trials.values():
        assert second.history(run) == expected(path, str(run.info.run_name))


def test_points_sent_again_stay_single(path: Path, uri: str, tmp_path: Path) -> None:
    """As after a crash between the points and the mark that says that they were sent."""
    whole_sweep(path, tmp_path)
    sync(path, uri, EXPERIMENT)
    seen = Seen(uri)
    for run in seen.trials.values():
        seen.client.delete_tag(run.info.run_id, "vae_sweep.mirrored")
    assert sync(path, uri, EXPERIMENT).points > 0
    for run in Seen(uri).trials.values():
        assert seen.history(run) == expected(path, str(run.info.run_name))


def test_a_run_created_twice_is_made_one(path: Path, uri: str, tmp_path: Path) -> None:
    """As after a create whose answer was lost."""
    whole_sweep(path, tmp_path)
    sync(path, uri, EXPERIMENT)
    before = Seen(uri)
    tags = before.trials[trial_id(1)].data.tags
    stray = {key: tags[key] for key in ("vae_sweep.sweep_id", "vae_sweep.trial", "mlflow.parentRunId")}
    before.client.create_run(before.experiment.experiment_id, tags=stray)
    sync(path, uri, EXPERIMENT)
    after = Seen(uri)
    assert {run.info.run_id for run in after.trials.values()} == {
        run.info.run_id for run in before.trials.values()
    }


def test_an_interrupted_sweep_is_taken_up_in_the_same_runs(path: Path, uri: str) -> None:
    with Journal(path) as journal:
        launch(journal)
        for number in range(3):
            start(journal, number)
            epoch(journal, number, 0)
        final(journal, 0, "failed", reason="out of memory", numbers={})
        final(journal, 1)
        journal.append("end", outcome="stopped")
    sync(path, uri, EXPERIMENT)
    stopped = Seen(uri)
    assert [stopped.trials[trial_id(number)].info.status for number in range(3)] == [
        "FAILED",
        "FINISHED",
        "KILLED",
    ]
    assert stopped.sweeps[0].info.status == "KILLED"

    with Journal(path) as journal:
        launch(journal, attempt=2, spec={**SPEC, "seeds": [0, 1]})
        for number in (0, 2):
            start(journal, number, attempt=2)
            epoch(journal, number, 0, numbers=numbers(0, seconds=99.0))
            epoch(journal, number, 1)
    sync(path, uri, EXPERIMENT)
    running = Seen(uri)
    assert [running.trials[trial_id(number)].info.status for number in range(3)] == [
        "RUNNING",
        "FINISHED",
        "RUNNING",
    ]
    assert running.sweeps[0].info.status == "RUNNING"
    assert running.sweeps[0].data.params["seeds"] == "[0]"
    assert running.trials[trial_id(0)].data.tags["vae_sweep.outcome"] == ""
    assert {run.info.run_id for run in running.trials.values()} == {
        run.info.run_id for run in stopped.trials.values()
    }
    steps = Counter(key[:2] for key in running.history(running.trials[trial_id(2)]))
    assert steps["vae/train/seconds", 0] == steps["vae/train/seconds", 1] == 1

    with Journal(path) as journal:
        final(journal, 0)
        final(journal, 2)
    sync(path, uri, EXPERIMENT)
    assert {run.info.status for run in Seen(uri).trials.values()} == {"FINISHED"}


def test_a_report_that_came_back_different_is_shown(path: Path, uri: str) -> None:
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        epoch(journal, 0, 0)
        epoch(journal, 0, 0, numbers=numbers(1))
    sync(path, uri, EXPERIMENT)
    seen = Seen(uri)
    run = seen.trials[trial_id(0)]
    assert "vae epoch 0 was reported twice" in run.data.tags["vae_sweep.conflicts"]
    assert len(seen.client.get_metric_history(run.info.run_id, "vae/validation/kl")) == 1


def test_many_points_of_one_run(path: Path, uri: str) -> None:
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        for at in range(700):
            epoch(journal, 0, at)
    assert sync(path, uri, EXPERIMENT).points == 2100
    seen = Seen(uri)
    assert seen.history(seen.trials[trial_id(0)]) == expected(path, trial_id(0))


def test_two_sweeps_of_one_name_share_an_experiment(tmp_path: Path, uri: str) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        with Journal(tmp_path / name / "journal.jsonl") as journal:
            launch(journal)
        sync(tmp_path / name / "journal.jsonl", uri, EXPERIMENT)
    assert len(Seen(uri).sweeps) == 2


def test_nothing_launched_is_nothing_to_mirror(path: Path, new_uri: str, tmp_path: Path) -> None:
    Journal(path).close()
    assert sync(path, new_uri, EXPERIMENT).lines == 0
    assert not (tmp_path / "my storage").exists()


def test_a_deleted_experiment_is_named(path: Path, uri: str, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    sync(path, uri, EXPERIMENT)
    seen = Seen(uri)
    seen.client.delete_experiment(seen.experiment.experiment_id)
    with pytest.raises(TrackingError, match="experiment 'small sweeps' was deleted; restore it") as caught:
        sync(path, uri, EXPERIMENT)
    assert caught.value.lasting


def test_a_damaged_database_is_told_in_words(path: Path, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    database = tmp_path / "mlflow.db"
    database.write_bytes(b"this is no database" * 100)
    with pytest.raises(TrackingError, match=r"mlflow\.db: .*not a database"):
        sync(path, f"sqlite:///{database}", EXPERIMENT)


# --- the thread ---


def wait_until(met: Callable[[], bool], timeout: float = 60) -> None:
    end = time.monotonic() + timeout
    while not met():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


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
        journal.append("end", outcome="complete")
    assert mirror.close(timeout=60) == 0
    assert mirror.last_error is None
    seen = Seen(uri)
    assert seen.sweeps[0].info.status == "FINISHED"
    for run in seen.trials.values():
        assert seen.history(run) == expected(path, str(run.info.run_name))
        assert len(seen.files(run)) == 3
    assert sync(path, uri, EXPERIMENT).points == 0


def test_only_one_process_mirrors_at_a_time(path: Path, uri: str) -> None:
    with Journal(path) as journal:
        launch(journal)
        mirror = Mirror(path, uri, EXPERIMENT, "small")
        mirror.start()
        wait_until(lambda: bool(MlflowClient(tracking_uri=uri).get_experiment_by_name(EXPERIMENT)))
        with pytest.raises(TrackingError, match="another process mirrors this journal"):
            sync(path, uri, EXPERIMENT)
        start(journal, 0)
    assert mirror.close(timeout=60) == 0
    assert sync(path, uri, EXPERIMENT).runs == 0


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
        sync(path, uri, EXPERIMENT)


CREATE = """
import sys
from vae_sweep.tracking.mlflow_writer import MlflowWriter
for name in range(3):
    MlflowWriter(sys.argv[1], f"experiment {name}", None, "0")
"""


@pytest.mark.slow
def test_processes_may_create_database_and_experiments_at_once(new_uri: str) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", CREATE, new_uri]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(MlflowClient(tracking_uri=new_uri).search_experiments()) == 4


@pytest.mark.slow
def test_a_kill_while_the_database_is_made_breaks_nothing(path: Path, new_uri: str, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    storage = tmp_path / "my storage"
    creator = subprocess.Popen([sys.executable, "-c", CREATE, new_uri])
    wait_until(lambda: any(file.stat().st_size > 0 for file in storage.glob("*/mlflow.db")))
    creator.kill()
    creator.wait()
    assert sync(path, new_uri, EXPERIMENT).lines == 27
    assert len(Seen(new_uri).trials) == 3


# --- a server ---


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(directory: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Run an MLflow server over the same database, however often it is started; killed with its workers."""
    directory.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{directory}/server.db"]
    command += ["--artifacts-destination", str(directory / "artifacts")]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (directory / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=os.environ | quiet, cwd=directory, stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_until(lambda: answers(port) or process.poll() is not None, timeout=120)
            assert process.poll() is None, (directory / "server.log").read_text()
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
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
            journal.append("end", outcome="complete")
            assert mirror.close(timeout=120) == 0
            seen = Seen(uri)
            assert len(seen.sweeps) == 1
            for run in (seen.trials[trial_id(0)], seen.trials[trial_id(1)]):
                assert seen.history(run) == expected(path, str(run.info.run_name))
                assert seen.files(run) == {"weights.safetensors", "trial.json", "samples.txt"}
                assert run.info.status == "FINISHED"
            assert sync(path, uri, EXPERIMENT).points == 0
    assert max(appended) < 1.0


@pytest.mark.slow
def test_a_server_that_was_off_for_the_whole_sweep(path: Path, tmp_path: Path) -> None:
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    whole_sweep(path, tmp_path)
    mirror = Mirror(path, uri, EXPERIMENT, "small")
    mirror.start()
    before = time.monotonic()
    assert mirror.close(timeout=3) == 27
    assert time.monotonic() - before < 5
    with pytest.raises(TrackingError, match=f"MLflow at {uri}: .*refused"):
        sync(path, uri, EXPERIMENT)
    with server(tmp_path / "server", port):
        assert sync(path, uri, EXPERIMENT).lines == 27
        seen = Seen(uri)
        for run in seen.trials.values():
            assert seen.history(run) == expected(path, str(run.info.run_name))
        assert len(seen.files(seen.trials[trial_id(0)])) == 3


@pytest.mark.slow
def test_a_server_that_hangs_does_not_hold_up_the_end(path: Path, tmp_path: Path) -> None:
    port = free_port()
    with server(tmp_path / "server", port) as process:
        whole_sweep(path, tmp_path)
        os.killpg(process.pid, signal.SIGSTOP)
        mirror = Mirror(path, f"http://127.0.0.1:{port}", EXPERIMENT, "small")
        mirror.start()
        before = time.monotonic()
        assert mirror.close(timeout=2) == 27
        assert time.monotonic() - before < 4
        os.killpg(process.pid, signal.SIGCONT)
        name = "mirror of small"
        wait_until(lambda: name not in {thread.name for thread in threading.enumerate()})
