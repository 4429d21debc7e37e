"""Faults that end trials or stop a sweep: bad data, a full disk, damaged files."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.cluster import SPACE, kill_tree, run, start, wait_for
from tests.integration.sweeps import home_with, journal_of, kinds_of, numbers_of, report_of

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

OWN = SPACE.replace("corpus: {name: captions,", "corpus: {path: corpus,").replace(
    "choice: [2, 4]", "choice: [2, 4, 6, 8]"
)


def corpus(home: Path) -> Path:
    """Write a corpus of one's own; return its training file."""
    folder = home / "corpus"
    folder.mkdir()
    words = [*"abcdefghijklmnop"]
    for number, (name, count) in enumerate((("train", 400), ("valid", 40), ("test", 40))):
        text = "".join(
            " ".join(words[(i * 7 + j * (number + 3)) % len(words)] for j in range(4 + i % 5)) + "\n"
            for i in range(count)
        )
        (folder / f"{name}.txt").write_text(text)
    return folder / "train.txt"


def test_the_same_failure_in_a_row_stops_the_sweep_and_a_mended_cause_resumes_it(tmp_path: Path) -> None:
    home = home_with(tmp_path, OWN)
    train = corpus(home)
    process = start(home, "launch", "tiny.yaml", "--set", "resources.max_concurrent=1")
    wait_for(process, journal_of(home), lambda line: line["kind"] == "launch")
    sound = train.read_text()
    train.write_text(sound.replace("a", "z"))
    assert process.wait(300) == 1
    said = (home / "out.txt").read_text()
    assert "3 trials in a row failed in the same way" in said
    assert said.count("give every machine the same files") <= 1 + 3
    failed = [line for line in kinds_of(home, "final") if line["outcome"] == "failed"]
    assert {line["error"] for line in failed} == {"data"}
    assert kinds_of(home, "end")[-1]["outcome"] == "stopped"
    train.write_text(sound)
    done = run(home, "resume", "sweeps/tiny")
    assert done.returncode == 0, done.stderr + done.stdout
    assert len(numbers_of(home)) == 5


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[None]:
    """A file system of a given size; the test is skipped where it may not be mounted."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("size", ["300k", "900k"])
def test_a_full_disk_is_said_in_words_and_the_sweep_resumes_after_space_is_made(
    tmp_path: Path, undisturbed: Path, size: str
) -> None:
    home = home_with(tmp_path)
    with small_disk(home / "sweeps", size):
        full = run(home, "launch", "tiny.yaml")
        assert full.returncode in (1, 2)
        assert "Traceback" not in full.stderr
        said = full.stdout + full.stderr
        assert "full" in said or "No space left" in said
        assert "resume" in said
        subprocess.run(["mount", "-o", "remount,size=200m", str(home / "sweeps")], check=True)
        done = run(home, "launch", "tiny.yaml")
        assert done.returncode == 0, done.stdout + done.stderr
        assert numbers_of(home) == numbers_of(undisturbed)
        assert report_of(home) == report_of(undisturbed)


def test_damaged_files_are_named_and_what_is_sound_is_used(tmp_path: Path, undisturbed: Path) -> None:
    home = home_with(tmp_path)
    process = start(home, "launch", "tiny.yaml")
    wait_for(process, journal_of(home), lambda line: line["kind"] == "epoch" and line["phase"] == "vae")
    kill_tree(process)
    folder = home / "sweeps" / "tiny"
    newest = [line["checkpoint"] for line in kinds_of(home, "epoch") if line["checkpoint"]][-1]
    (folder / newest / "tensors.safetensors").write_bytes(b"damaged")
    (folder / "sweep.json").write_text("{")
    for entry in (home / "sweeps" / "pretrained").glob("*/weights.safetensors"):
        entry.write_bytes(entry.read_bytes()[:-1])
    with journal_of(home).open("a") as journal:
        journal.write('{"kind": "epoch", "tri')
    done = run(home, "resume", "sweeps/tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert "sweep.json: not a sound sweep spec" in said
    assert "was torn" in said
    assert numbers_of(home) == numbers_of(undisturbed)
    assert report_of(home) == report_of(undisturbed)
    named = " ".join(
        text for line in kinds_of(home, "epoch") + kinds_of(home, "store") for text in line["damaged"]
    )
    assert "damaged (sha256" in named


def test_lost_weights_of_an_ended_trial_are_trained_again(tmp_path: Path, undisturbed: Path) -> None:
    home = home_with(tmp_path)
    process = start(home, "launch", "tiny.yaml")
    wait_for(process, journal_of(home), lambda line: line["kind"] == "final")
    kill_tree(process)
    lost = kinds_of(home, "final")[0]
    shutil.rmtree(journal_of(home).parent / lost["checkpoint"])
    done = run(home, "resume", "sweeps/tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line["trial"] for line in kinds_of(home, "lost")] == [lost["trial"]]
    assert numbers_of(home) == numbers_of(undisturbed)
    assert report_of(home) == report_of(undisturbed)
