"""The mirror against a real MLflow database: what is there, once, however often it is replayed."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.mlflow_seen import EXPERIMENT, Seen, expected
from tests.journals import SPEC, epoch, final, launch, numbers, start, trial_id, whole_sweep
from vae_sweep.journal.journal import Journal
from vae_sweep.tracking.client import TrackingError
from vae_sweep.tracking.mirror import sync_journal
from vae_sweep.tracking.writer import MlflowWriter


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


def test_a_sweep_is_a_parent_with_nested_trials(path: Path, uri: str, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    counts = sync_journal(path, uri, EXPERIMENT, artifact_location=(tmp_path / "artifacts").as_uri())
    seen = Seen(uri)
    assert (counts.lines, counts.runs, counts.outputs) == (27, 4, 1)
    assert counts.points == sum(sum(expected(path, trial_id(number)).values()) for number in range(3))
    [parent] = seen.sweeps
    assert (parent.info.run_name, parent.info.status) == ("small: captions, grid", "FINISHED")
    assert parent.data.params["search.kind"] == "grid"
    assert parent.data.tags["vae_sweep.outcome"] == "complete"
    assert parent.data.tags["vae_sweep.version.torch"] == "2.13.0"
    assert seen.files(parent) == {"spec.json"}
    assert set(seen.trials) == {trial_id(number) for number in range(3)}
    for trial, run in seen.trials.items():
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert seen.history(run) == expected(path, trial)
    statuses = [seen.trials[trial_id(number)].info.status for number in range(3)]
    assert statuses == ["FINISHED", "FAILED", "FINISHED"]


def test_params_tags_and_files_of_a_trial(path: Path, uri: str, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    sync_journal(path, uri, EXPERIMENT)
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
    assert seen.files(run) == {"weights.safetensors", "vocabulary.json", "trial.json", "samples.txt"}
    assert seen.files(gone) == set()
    assert "not found in" in gone.data.tags["vae_sweep.outputs"]
    place = Path(str(seen.experiment.artifact_location).removeprefix("file://").replace("%20", " "))
    assert place == tmp_path / "my storage" / "mlartifacts"
    assert (place / run.info.run_id / "artifacts" / "samples.txt").read_text() == "samples.txt of 0"


def test_syncing_twice_changes_nothing(path: Path, uri: str, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    sync_journal(path, uri, EXPERIMENT)
    first = Seen(uri)
    again = sync_journal(path, uri, EXPERIMENT)
    second = Seen(uri)
    assert (again.runs, again.points, again.outputs) == (0, 0, 0)
    assert [run.to_dictionary() for run in second.trials.values()] == [
        run.to_dictionary() for run in first.trials.values()
    ]
    for run in second.trials.values():
        assert second.history(run) == expected(path, run.data.tags["vae_sweep.trial"])


def test_points_sent_again_stay_single(path: Path, uri: str, tmp_path: Path) -> None:
    """As after a crash between the points and the mark that says that they were sent."""
    whole_sweep(path, tmp_path)
    sync_journal(path, uri, EXPERIMENT)
    seen = Seen(uri)
    for run in seen.trials.values():
        seen.client.delete_tag(run.info.run_id, "vae_sweep.mirrored")
    assert sync_journal(path, uri, EXPERIMENT).points > 0
    for run in Seen(uri).trials.values():
        assert seen.history(run) == expected(path, run.data.tags["vae_sweep.trial"])


def test_a_run_created_twice_is_made_one(path: Path, uri: str, tmp_path: Path) -> None:
    """As after a create whose answer was lost."""
    whole_sweep(path, tmp_path)
    sync_journal(path, uri, EXPERIMENT)
    before = Seen(uri)
    tags = before.trials[trial_id(1)].data.tags
    stray = {key: tags[key] for key in ("vae_sweep.sweep_id", "vae_sweep.trial", "mlflow.parentRunId")}
    before.client.create_run(before.experiment.experiment_id, tags=stray)
    sync_journal(path, uri, EXPERIMENT)
    after = Seen(uri)
    assert {run.info.run_id for run in after.trials.values()} == {
        run.info.run_id for run in before.trials.values()
    }


def test_a_parent_that_was_deleted_comes_back_with_its_trials(path: Path, uri: str, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    sync_journal(path, uri, EXPERIMENT)
    before = Seen(uri)
    before.client.delete_run(before.sweeps[0].info.run_id)
    sync_journal(path, uri, EXPERIMENT)
    after = Seen(uri)
    assert after.trials.keys() == before.trials.keys()
    parents = {run.data.tags["mlflow.parentRunId"] for run in after.trials.values()}
    assert parents == {after.sweeps[0].info.run_id}


def test_an_interrupted_sweep_is_taken_up_in_the_same_runs(path: Path, uri: str) -> None:
    with Journal(path) as journal:
        launch(journal)
        for number in range(3):
            start(journal, number)
            epoch(journal, number, 0)
        final(journal, 0, "failed", reason="out of memory", numbers={})
        final(journal, 1)
        journal.write("end", outcome="stopped")
    sync_journal(path, uri, EXPERIMENT)
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
    sync_journal(path, uri, EXPERIMENT)
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
    sync_journal(path, uri, EXPERIMENT)
    assert {run.info.status for run in Seen(uri).trials.values()} == {"FINISHED"}


def test_a_report_that_came_back_different_is_shown(path: Path, uri: str) -> None:
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        epoch(journal, 0, 0)
        epoch(journal, 0, 0, numbers=numbers(1))
    sync_journal(path, uri, EXPERIMENT)
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
    assert sync_journal(path, uri, EXPERIMENT).points == 2100
    seen = Seen(uri)
    assert seen.history(seen.trials[trial_id(0)]) == expected(path, trial_id(0))


def test_two_sweeps_of_one_name_share_an_experiment(tmp_path: Path, uri: str) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        with Journal(tmp_path / name / "journal.jsonl") as journal:
            launch(journal)
        sync_journal(tmp_path / name / "journal.jsonl", uri, EXPERIMENT)
    assert len(Seen(uri).sweeps) == 2


def test_nothing_launched_is_nothing_to_mirror(path: Path, new_uri: str, tmp_path: Path) -> None:
    Journal(path).close()
    assert sync_journal(path, new_uri, EXPERIMENT).lines == 0
    assert not (tmp_path / "my storage").exists()


def test_a_deleted_experiment_is_named(path: Path, uri: str, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    sync_journal(path, uri, EXPERIMENT)
    seen = Seen(uri)
    seen.client.delete_experiment(seen.experiment.experiment_id)
    with pytest.raises(TrackingError, match="experiment 'small sweeps' was deleted; restore it") as caught:
        sync_journal(path, uri, EXPERIMENT)
    assert caught.value.lasting


def test_a_damaged_database_is_told_in_words(path: Path, tmp_path: Path) -> None:
    whole_sweep(path, tmp_path)
    database = tmp_path / "mlflow.db"
    database.write_bytes(b"this is no database" * 100)
    with pytest.raises(TrackingError, match=r"mlflow\.db: .*not a database"):
        sync_journal(path, f"sqlite:///{database}", EXPERIMENT)
