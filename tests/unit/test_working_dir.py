"""What is sent: a resolved file that reads as the local one, code without leavings, no local place."""

import importlib.metadata
from pathlib import Path

import pytest

from vae_sweep.config.reader import read_spec
from vae_sweep.errors import LaunchError, SpecError
from vae_sweep.jobs.portability import refuse_local_paths, remote_notes
from vae_sweep.jobs.working_dir import (
    SPACE_FILE,
    code_digest,
    code_files,
    installed_code,
    resolved,
    write_working_dir,
)

SPACES = sorted((Path(__file__).parents[2] / "search_spaces").glob("*.yaml"))
TEXT = "corpus: {name: captions}\nmethods: {vae: }\nstorage: {directory: /shared/sweeps}\n"


@pytest.mark.parametrize("path", SPACES, ids=lambda path: path.name)
def test_the_resolved_file_reads_as_the_local_one(path: Path, tmp_path: Path) -> None:
    spec = read_spec(path, ["training.learning_rate=1.0e-5", "storage.directory=/shared", "seeds=[3, 5]"])
    write_working_dir(tmp_path, spec, None)
    assert [file.name for file in tmp_path.iterdir()] == [SPACE_FILE]
    there = read_spec(tmp_path / SPACE_FILE)
    assert there == spec
    assert resolved(there) == resolved(spec)


def test_what_a_file_extends_is_resolved(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(TEXT)
    (tmp_path / "mine.yaml").write_text(
        "extends: base.yaml\nmethods: {ours: {target_rate: {log: [1.0e-05, 8]}}}\n"
    )
    spec = read_spec(tmp_path / "mine.yaml", ["search.kind=random", "search.trials=3"])
    write_working_dir(tmp_path / "sent", spec, None)
    assert b"extends" not in (tmp_path / "sent" / SPACE_FILE).read_bytes()
    assert read_spec(tmp_path / "sent" / SPACE_FILE) == spec
    assert code_digest(spec) != code_digest(read_spec(tmp_path / "base.yaml"))


def checkout(root: Path) -> Path:
    for place in ("vae_sweep/__init__.py", "vae_sweep/report/published/a.csv", "trainables/__init__.py"):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text("")
    return root


def test_code_goes_without_leavings_and_neighbours(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    junk = (
        "vae_sweep/__pycache__/x.cpython-311.pyc",
        "vae_sweep/old.pyc",
        "vae_sweep/.env",
        "vae_sweep/.git/config",
        "vae_sweep/report/a.csv.swp",
        "vae_sweep/report/b.py~",
        "vae_sweep/#c.py#",
        "trainables/d.py.orig",
        "trainables/run.log",
        ".ray/auth_token",
        "tests/test_x.py",
        "sweeps/tiny/journal.jsonl",
        "vae_sweep.egg-info/PKG-INFO",
    )
    for place in junk:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text("secret")
    assert {str(place) for place in code_files(root)} == {
        "vae_sweep/__init__.py",
        "vae_sweep/report/published/a.csv",
        "trainables/__init__.py",
    }


def test_the_installed_code_is_all_of_it(tmp_path: Path) -> None:
    write_working_dir(tmp_path, None, installed_code())
    sent = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert Path("vae_sweep/cli/main.py") in sent
    assert Path("vae_sweep/results/published_numbers/li2019.csv") in sent
    assert Path("trainables/trial.py") in sent
    tops = {place.parts[0] for place in sent}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"vae_sweep", "trainables"}
    assert len(tops) == 3
    [label] = importlib.metadata.distributions(name="vae-sweep", path=[str(tmp_path)])
    assert label.version == importlib.metadata.version("vae-sweep"), "the journal records it"
    assert sum((tmp_path / place).stat().st_size for place in sent) < 2_000_000


def test_a_directory_without_the_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="holds no package vae_sweep; give the directory of a checkout"):
        code_files(tmp_path)


def problems(tmp_path: Path, *overrides: str) -> list[str]:
    (tmp_path / "tiny.yaml").write_text(TEXT)
    try:
        refuse_local_paths(read_spec(tmp_path / "tiny.yaml", overrides, here=False), "tiny.yaml")
    except SpecError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(
    "override",
    [
        "storage.directory=sweeps",
        "storage.directory=./sweeps",
        "storage.directory=~/sweeps",
        "storage.directory=s3://bucket/sweeps",
        "storage.study=sqlite:///study.db",
        "storage.study=study.db",
        "storage.study=sqlite://",
        "tracking.uri=mlruns",
        "tracking.uri=file:mlruns",
        "tracking.uri=file:./mlruns",
        "tracking.uri=sqlite:///mlflow.db",
        "data.directory=data",
    ],
)
def test_places_of_this_machine_are_refused(tmp_path: Path, override: str) -> None:
    field, _, value = override.partition("=")
    [said] = problems(tmp_path, override)
    assert said.startswith(f"tiny.yaml: {field}: ")
    assert value in said


@pytest.mark.parametrize(
    "override",
    [
        "storage.directory=/mnt/sweeps",
        "storage.study=sqlite:////mnt/study.db",
        "storage.study=postgresql+psycopg://db/optuna",
        "tracking.uri=http://mlflow:5000",
        "tracking.uri=sqlite:////mnt/mlflow.db",
        "tracking.uri=file:///mnt/mlruns",
        "tracking.uri=/mnt/mlruns",
        "data.directory=/mnt/data",
    ],
)
def test_places_of_the_cluster_are_not(tmp_path: Path, override: str) -> None:
    assert problems(tmp_path, override) == []


def test_all_are_named_at_once(tmp_path: Path) -> None:
    corpus = "corpus={path: mine, vocabulary_size: 100}"
    found = problems(tmp_path, corpus, "storage.directory=a", "tracking.uri=b", "data.directory=c")
    fields = [said.split(": ")[1] for said in found]
    assert fields == ["storage.directory", "tracking.uri", "corpus.path", "data.directory"]


def test_what_may_surprise_is_told(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TEXT)
    plain = "\n".join(remote_notes(read_spec(tmp_path / "tiny.yaml")))
    assert "curves go to /shared/sweeps/mlflow.db" in plain
    notes = "\n".join(remote_notes(read_spec(tmp_path / "tiny.yaml", ["tracking.uri=http://localhost:5000"])))
    assert "localhost is the cluster's head there" in notes
