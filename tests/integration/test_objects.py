"""A sweep on object storage: killed and resumed, mirrored, collected, probed."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from tests.integration.cluster import kill_tree, run, start, wait_for
from tests.integration.sweeps import home_with, journal_of, kinds_of, numbers_of, report_of
from tests.objects import BUCKET, KEY, SECRET, Objects, serving
from trainables.s3_connection import TIMEOUT_VARIABLE
from trainables.storage_paths import S3Place, place_of, write
from trainables.training.state import TENSOR_FILE

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.in_order, pytest.mark.timeout(1200)]

FAR = ("--set", f"storage.objects=s3://{BUCKET}/team/one")
ONE = ("--set", "resources.max_concurrent=1")
SWEEP = "sweeps/tiny"


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Objects]:
    """The server, with its names in the environment of every process that a test starts."""
    with serving(tmp_path_factory.mktemp("moto")) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, objects: Objects) -> Path:
    """A home with the sweep on object storage: its driver is killed in the second phase of a trial, the newest
    checkpoint damaged, the sweep resumed."""
    home = home_with(tmp_path_factory.mktemp("far"))
    process = start(home, "launch", "tiny.yaml", *FAR, *ONE)
    wait_for(
        process,
        journal_of(home),
        lambda line: line["kind"] == "epoch" and line["phase"] == "vae" and "-ours-" in line["trial"],
    )
    kill_tree(process)
    assert not kinds_of(home, "end")
    newest = place_of(kinds_of(home, "epoch")[-1]["checkpoint"])
    assert isinstance(newest, S3Place)
    write(newest / TENSOR_FILE, b"damaged")
    done = run(home, "resume", SWEEP)
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def test_the_numbers_are_those_of_the_local_sweep(home: Path, undisturbed: Path) -> None:
    assert numbers_of(home) == numbers_of(undisturbed)
    assert report_of(home) == report_of(undisturbed)


def test_checkpoints_and_pretrainings_lie_on_the_objects_alone(home: Path, objects: Objects) -> None:
    places = [line["checkpoint"] for kind in ("epoch", "final") for line in kinds_of(home, kind)]
    assert all(place.startswith(f"s3://{BUCKET}/team/one/tiny/ray/attempt-") for place in places if place)
    assert not (home / SWEEP / "ray").exists()
    assert {path.relative_to(home / "sweeps").parts[0] for path in (home / "sweeps").rglob("*.safetensors")} == {
        "mlartifacts"
    }
    keys = objects.listing("team/one")
    assert {key.split("/")[-1] for key in keys if key.startswith("team/one/pretrained/")} == {
        "entry.json",
        "weights.safetensors",
    }
    kept = [path for path in (home / "sweeps").rglob("*") if path.is_file() and "mlartifacts" not in path.parts]
    said = b"".join(path.read_bytes() for path in kept) + (home / "err.txt").read_bytes()
    assert SECRET.encode() not in said
    assert KEY.encode() not in said


def test_a_damaged_checkpoint_is_named_and_its_elder_taken(home: Path) -> None:
    epochs = kinds_of(home, "epoch")
    [(trial, said)] = {(line["trial"], text) for line in epochs for text in line["damaged"]}
    assert said.startswith(f"s3://{BUCKET}/team/one/tiny/ray/attempt-1/{trial}/")
    assert f"/{TENSOR_FILE}: damaged (sha256" in said
    pretraining = [line["epoch"] for line in epochs if (line["trial"], line["phase"]) == (trial, "pretrain")]
    assert pretraining.count(0) == 1, "it went on from the elder, not afresh"


def test_what_the_killed_driver_stored_was_taken_after_it(home: Path) -> None:
    events = [(line["attempt"], line["event"]) for line in _with_attempts(home) if line["event"] != "waiting"]
    assert (events[0], set(events[1:])) == ((1, "miss"), {(2, "hit")})


def test_another_sweep_takes_the_pretraining_too(home: Path) -> None:
    only = ("--set", "methods={ours: {target_rate: 6}}", "--set", "name=other")
    done = run(home, "launch", "tiny.yaml", *FAR, *only)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (home / "sweeps" / "other" / "journal.jsonl").read_text().splitlines()
    assert [line["event"] for line in map(json.loads, lines) if line["kind"] == "store"] == ["hit"]


def test_mlflow_has_the_outputs(home: Path) -> None:
    client = MlflowClient(tracking_uri=f"sqlite:///{home / 'sweeps' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("vae-sweep")
    assert experiment is not None
    found = 0
    for mlflow_run in client.search_runs([experiment.experiment_id]):
        if "vae_sweep.trial" in mlflow_run.data.tags:
            files = {file.path for file in client.list_artifacts(mlflow_run.info.run_id)}
            assert files >= {"weights.safetensors", "trial.json", "samples.txt"}
            assert mlflow_run.data.tags["vae_sweep.outputs"].startswith(f"from s3://{BUCKET}/team/one/")
            found += 1
    assert found == 4


def test_explain_and_replay_read_the_objects(home: Path) -> None:
    explained = run(home, "explain", SWEEP, "0001")
    assert explained.returncode == 0, explained.stderr
    assert f"s3://{BUCKET}/team/one/tiny/ray/" in explained.stdout.replace("\n", "")
    assert "not there now" not in explained.stdout
    again = run(home, "replay", SWEEP, "0002", "--store")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "the pretraining is read from s3://" in again.stdout.replace("\n", " ")
    assert "the same bits" in again.stdout


def test_gc_frees_what_it_foretold_and_a_probe_goes_on(home: Path, objects: Objects) -> None:
    before, report = objects.listing(), report_of(home)
    foretold = _collected(home, "--dry-run")
    assert objects.listing() == before
    found = _collected(home)
    after = objects.listing()
    assert (found["kinds"], found["freed"], found["kept"]) == (
        foretold["kinds"],
        foretold["freed"],
        foretold["kept"],
    )
    assert found["freed"] > 0
    assert sum(before.values()) - sum(after.values()) == found["freed"]
    assert {
        key.split("/")[5] for key in after if "/tiny/ray/" in key and key.endswith("weights.safetensors")
    } == set(found["wanted"])
    assert any("/pretrained/" in key for key in after)
    assert _collected(home)["freed"] == 0
    assert report_of(home) == report
    probed = run(home, "probe", SWEEP, "--only", "bleu")
    assert probed.returncode == 0, probed.stdout + probed.stderr
    assert {line["trial"] for line in kinds_of(home, "probed")} == set(found["wanted"])
    count = len(kinds_of(home, "trial"))
    assert run(home, "resume", SWEEP).returncode == 0
    assert len(kinds_of(home, "trial")) == count


def test_lost_weights_are_trained_again(home: Path, objects: Objects, undisturbed: Path) -> None:
    lost = next(line for line in kinds_of(home, "final"))
    journal = journal_of(home)
    kept = [
        line
        for line in journal.read_text().splitlines()
        if f'"{lost["trial"]}"' not in line or '"scored"' not in line
    ]
    journal.write_text("".join(f"{line}\n" for line in kept))
    objects.files.delete_dir(lost["checkpoint"].removeprefix("s3://"))
    done = run(home, "resume", SWEEP)
    assert done.returncode == 0, done.stdout + done.stderr
    [said] = kinds_of(home, "lost")
    assert (said["trial"], lost["checkpoint"] in said["reason"]) == (lost["trial"], True)
    assert numbers_of(home) == numbers_of(undisturbed)


def test_a_silent_storage_ends_the_sweep_in_words_and_a_resume_goes_on(
    tmp_path: Path, objects: Objects, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = home_with(tmp_path / "silent")
    monkeypatch.setenv(TIMEOUT_VARIABLE, "1")
    process = start(home, "launch", "tiny.yaml", "--set", f"storage.objects=s3://{BUCKET}/silent", *ONE)
    wait_for(process, journal_of(home), lambda line: line["kind"] == "epoch" and line["phase"] == "vae")
    objects.process.send_signal(signal.SIGSTOP)
    try:
        assert process.wait(600) == 1
        refused = run(home, "resume", SWEEP)
    finally:
        objects.process.send_signal(signal.SIGCONT)
    failed = [line for line in kinds_of(home, "final") if line["outcome"] == "failed"]
    assert [line["error"] for line in failed] == ["objects"], "the first one stops the sweep"
    assert all("AWS Error" in line["reason"] for line in failed), failed
    assert "object storage refuses or is out of reach; mend that, then resume" in _said(home)
    assert (refused.returncode, "Traceback" in refused.stderr) == (2, False), refused.stderr
    assert "storage.objects: s3://" in refused.stderr
    done = run(home, "resume", SWEEP)
    assert done.returncode == 0, done.stdout + done.stderr
    assert numbers_of(home) == numbers_of(undisturbed)


def test_what_cannot_be_used_is_refused_before_ray(tmp_path: Path, objects: Objects, home: Path) -> None:
    other = home_with(tmp_path / "other")
    absent = run(other, "launch", "tiny.yaml", "--set", "storage.objects=s3://no-such-bucket/x")
    _refused(other, absent, "storage.objects: s3://no-such-bucket/x", "NO_SUCH_BUCKET")
    _refused(
        other, run(other, "launch", "tiny.yaml", *FAR), "belongs to the storage directory", str(home / "sweeps")
    )
    malformed = run(other, "launch", "tiny.yaml", "--set", "storage.objects=s3://a:b@bucket?x=1")
    _refused(other, malformed, "storage.objects", "expected s3://bucket")
    with serving(tmp_path, INITIAL_NO_AUTH_ACTION_COUNT="2") as strict, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", strict.endpoint)
        denied = run(other, "launch", "tiny.yaml", *FAR)
        _refused(other, denied, f"s3://{BUCKET}/team/one", "INVALID_ACCESS_KEY_ID")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        _refused(other, run(other, "launch", "tiny.yaml", *FAR), "127.0.0.1:9 refuses or is out of reach")


def _said(home: Path) -> str:
    text = (home / "out.txt").read_text() + (home / "err.txt").read_text()
    return " ".join(text.split())


def _refused(home: Path, done: Any, *words: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert not journal_of(home).exists()


def _collected(home: Path, *options: str) -> dict[str, Any]:
    done = run(home, "gc", SWEEP, "--json", *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _with_attempts(home: Path) -> Iterator[dict[str, Any]]:
    """The store's lines of the journal, each with the launch that it came in."""
    attempt = 0
    for line in map(json.loads, journal_of(home).read_text().splitlines()):
        attempt += line["kind"] == "launch"
        if line["kind"] == "store":
            yield line | {"attempt": attempt}
