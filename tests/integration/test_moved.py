"""A real sweep on a corpus of one's own: copied, moved, its text replaced, its libraries renewed."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cluster import SPACE, lines, run
from tests.integration.sweeps import home_with
from tests.journal_writer import tree
from trainables.text import captions
from vae_sweep.config.paths import sqlite_uri

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.in_order]

SPLITS = {"train": ("train", 200), "validation": ("valid", 40), "test": ("test", 40)}
TINY = SPACE.replace("{name: captions, limit: {train: 400, validation: 40, test: 40}}", "{path: text}")


def write_text(folder: Path, seed: int, train: int = 200) -> None:
    """Write a corpus as three files; the last line of each is the same, which is worth a remark."""
    folder.mkdir(exist_ok=True)
    drawn = captions.splits(seed)
    for split, (stem, count) in SPLITS.items():
        rows = [" ".join(caption.tokens) for caption in drawn[split][: train if stem == "train" else count]]
        (folder / f"{stem}.txt").write_text("\n".join([*rows, "a dog ."]) + "\n")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose sweep `tiny` is complete, in `sweeps`, with MLflow beside it."""
    home = home_with(tmp_path_factory.mktemp("moving"), TINY)
    write_text(home / "text", 1)
    done = run(home, "launch", "tiny.yaml")
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="module")
def copy(home: Path) -> Path:
    """A copy of its storage; the original stays where it was."""
    return Path(shutil.copytree(home / "sweeps", home / "elsewhere" / "copy", symlinks=True))


def journal(storage: Path) -> list[dict[str, Any]]:
    return lines(storage / "tiny" / "journal.jsonl")


def locations(storage: Path) -> set[str]:
    """Where MLflow's database has the artifacts of runs, models and versions."""
    with closing(sqlite3.connect(storage / "mlflow.db")) as connection:
        query = "SELECT artifact_uri FROM runs UNION SELECT artifact_location FROM logged_models "
        query += "UNION SELECT storage_location FROM model_versions"
        return {place for (place,) in connection.execute(query)}


def succeeds(home: Path, *arguments: str) -> str:
    done = run(home, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_journal_has_paths_in_the_sweeps_folder_and_the_remarks_on_the_corpus(home: Path) -> None:
    places = {line["checkpoint"] for line in journal(home / "sweeps") if line.get("checkpoint")}
    assert places
    assert all(place.startswith("ray/attempt-1/") for place in places)
    [launch] = [line for line in journal(home / "sweeps") if line["kind"] == "launch"]
    assert "lines that are in train, too" in {remark["kind"] for remark in launch["remarks"]}
    assert (home / "sweeps" / "mlartifacts").is_dir()


def test_a_copy_lives_on_its_own_files(home: Path, copy: Path) -> None:
    before = tree(home / "sweeps")
    folder = str(copy / "tiny")
    [weights] = (copy / "tiny" / "ray").glob("*/0000-vae-s0/*/weights.safetensors")
    kept = weights.read_bytes()
    weights.unlink()
    gone = run(home, "generate", folder, "0000")
    assert gone.returncode == 2
    assert str(copy) in gone.stderr
    weights.write_bytes(kept)
    for verb in (("generate", folder, "0000"), ("probe", folder, "--only", "copying"), ("sync", folder)):
        succeeds(home, *verb)
    assert str(copy) in succeeds(home, "explain", folder, "0001")
    assert "models:/mine/1" in succeeds(home, "register", folder, "0001", "--name", "mine")
    uri = sqlite_uri(copy / "mlflow.db")
    succeeds(home, "generate", "models:/mine/1", "--tracking-uri", uri)
    assert all(place.startswith((copy / "mlartifacts").as_uri()) for place in locations(copy))
    assert tree(home / "sweeps") == before, "the original is as it was"


def test_an_interrupted_trial_of_a_copy_goes_on_from_the_checkpoint_there(home: Path) -> None:
    """A trial without its end, as a kill leaves it, in a journal with absolute paths as of earlier versions."""
    again = Path(shutil.copytree(home / "sweeps", home / "again"))
    ends = ("final", "scored", "end")
    kept = [
        one
        for one in journal(again)
        if one["kind"] not in ends or one.get("trial", "0000-vae-s0") != "0000-vae-s0"
    ]
    text = "".join(json.dumps(line) + "\n" for line in kept)
    absolute = text.replace('"checkpoint": "ray/', f'"checkpoint": "{home}/sweeps/tiny/ray/')
    (again / "tiny" / "journal.jsonl").write_text(absolute)
    succeeds(home, "resume", str(again / "tiny"))
    own = [line for line in journal(again) if line.get("trial") == "0000-vae-s0"]
    assert [line["attempt"] for line in own if line["kind"] == "trial"] == [1, 2]
    assert len([line for line in own if line["kind"] == "epoch"]) == 3, "none was run again"
    assert not any(line.get("damaged") for line in own)


def test_a_moved_storage_is_found_by_every_verb(home: Path, copy: Path) -> None:
    moved = home / "moved"
    (home / "sweeps").rename(moved)
    shutil.rmtree(copy)
    folder = str(moved / "tiny")
    counts = json.loads(succeeds(home, "status", folder, "--json"))["trials"]
    assert counts["ended"]["failed"] == 0
    for verb in (
        ("explain", folder, "0000"),
        ("generate", folder),
        ("report", folder),
        ("probe", folder, "--only", "copying"),
        ("register", folder),
        ("score", folder, "0000", "--set", "evaluation.final_samples=7"),
        ("gc", folder),
        ("resume", folder),
    ):
        assert "not there" not in succeeds(home, *verb), verb
    kinds = [line["kind"] for line in journal(moved)]
    assert kinds.count("trial") == 3, "nothing was trained again"
    assert all(place.startswith((moved / "mlartifacts").as_uri()) for place in locations(moved))
    assert not (home / "sweeps").exists(), "the old directory was not made again"


def test_another_text_is_refused_by_every_verb_that_would_mix_it(home: Path) -> None:
    storage, folder = home / "moved", str(home / "moved" / "tiny")
    shutil.copytree(home / "text", home / "old text")
    write_text(home / "text", 2, train=150)
    before = journal(storage)
    for verb in (
        ("launch", "tiny.yaml", "--extend", "--set", "seeds=[0, 1]", "--set", f"storage.directory={storage}"),
        ("resume", folder),
        ("score", folder, "--set", "evaluation.final_samples=8"),
    ):
        refused = run(home, *verb)
        assert refused.returncode == 2, refused.stdout + refused.stderr
        assert "train: 201 sentences before, 151 now" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert journal(storage) == before


def test_the_same_text_elsewhere_and_other_libraries_are_said_once(home: Path) -> None:
    storage = home / "moved"
    path = storage / "tiny" / "journal.jsonl"
    torch = next(line["versions"]["torch"] for line in journal(storage) if line["kind"] == "launch")
    path.write_text(path.read_text().replace(f'"torch": "{torch}"', '"torch": "1.0"'))
    verb = ("launch", "tiny.yaml", "--set", "corpus.path=old text", "--set", f"storage.directory={storage}")
    said = succeeds(home, *verb)
    assert f"torch: 1.0 at the launch before, {torch} now" in said
    assert f"corpus.path: {home}/text at the launch before, {home}/old text now" in said
    [changed] = [line for line in journal(storage) if line["kind"] == "changed"]
    assert changed["by"] == "launch"
    assert "at the launch before" not in succeeds(home, *verb)
