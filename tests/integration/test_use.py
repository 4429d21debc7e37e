"""The verbs that use a trained model, as a shell sees them: stdout is data, all else is stderr."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner, Result

from tests.handmade import Handmade
from tests.trained_sweep import trained_sweep
from trainables.base import VaeSweepError
from trainables.outputs import WEIGHTS_FILE
from trainables.text_vae import TextVae, load_text_vae
from vae_sweep.cli.main import app
from vae_sweep.results.winners import leaders
from vae_sweep.tracking.sweep_mirror import sync_sweep, tracking_uri

LINES = "a dog runs .\n\na zyzzyva runs .\n"
TEXTS = LINES.splitlines()


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Handmade:
    return trained_sweep(tmp_path_factory.mktemp("used"))


@pytest.fixture(scope="module")
def best(sweep: Handmade) -> str:
    return leaders(sweep.spec, sweep.record).winners[0]


def vae_of(sweep: Handmade, trial: str) -> TextVae:
    return load_text_vae(sweep.last(trial))


def call(*arguments: object, text: str = "") -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=text)


def refused(*arguments: object, text: str = "") -> str:
    """Return the words with which the command line ends with 2."""
    done = call(*arguments, text=text)
    assert isinstance(done.exception, VaeSweepError), done.output
    assert done.stdout == ""
    return str(done.exception)


def test_the_best_trial_is_taken_where_none_is_named(sweep: Handmade, best: str) -> None:
    done = call("reconstruct", sweep.folder, text=LINES)
    assert done.stdout.splitlines() == vae_of(sweep, best).reconstruct(TEXTS)
    assert f"trial {best}: the best replicate of the front's best cell by perplexity" in done.stderr
    assert "sentence 2 has no words: read as the empty sentence" in done.stderr
    assert "1 of 8 words are not in the model's vocabulary and are read as <unk>: zyzzyva" in done.stderr


def test_a_trial_is_named_by_how_it_begins(sweep: Handmade) -> None:
    done = call("encode", sweep.folder, "0001", "--text", "a dog runs .")
    assert len(json.loads(done.stdout)) == vae_of(sweep, "0001-ours-s0").latent_size
    assert done.stderr == ""


def test_sentences_are_drawn_by_the_seed(sweep: Handmade) -> None:
    vae = vae_of(sweep, "0000-vae-s0")
    assert call("generate", sweep.folder, "0000", "-n", 4).stdout.splitlines() == vae.sample(4, 0)
    assert call("generate", sweep.folder, "0000", "-n", 4, "--seed", 7).stdout.splitlines() == vae.sample(4, 7)
    assert len(call("generate", sweep.folder, "0003", "-n", 2).stdout.splitlines()) == 2


def test_a_cut_is_told_and_can_be_moved(sweep: Handmade) -> None:
    done = call("reconstruct", sweep.folder, "0001", "--longest", 2, "--text", "a dog runs .")
    assert done.stdout.splitlines() == vae_of(sweep, "0001-ours-s0").reconstruct(["a dog runs ."], longest=2)
    assert "1 of 1 sentences are cut after 2 words; --longest sets the most" in done.stderr
    for verb in ("generate", "interpolate"):
        done = call(
            verb, sweep.folder, "0001", "--longest", 1, *(["--text", "a", "--text", "b"] * (verb[0] == "i"))
        )
        assert max(len(line.split()) for line in done.stdout.splitlines()) == 1


def test_two_sentences_are_walked_between(sweep: Handmade) -> None:
    ends = "a dog runs .\na cat sleeps .\n"
    done = call("interpolate", sweep.folder, "0001", "--steps", 3, text=ends)
    assert done.stdout.splitlines() == vae_of(sweep, "0001-ours-s0").interpolate(*ends.splitlines(), 3)
    assert "takes two sentences, its ends; 3 came" in refused("interpolate", sweep.folder, "0001", text=LINES)


def test_codes_are_lines_of_json_or_a_file(sweep: Handmade, tmp_path: Path) -> None:
    codes = vae_of(sweep, "0001-ours-s0").encode(TEXTS).numpy()
    printed = call("encode", sweep.folder, "0001", text=LINES).stdout.splitlines()
    assert np.array_equal(np.array([json.loads(line) for line in printed], dtype=np.float32), codes)
    for name in ("codes.npy", "codes.safetensors"):
        done = call("encode", sweep.folder, "0001", "--output", tmp_path / name, text=LINES)
        assert done.stdout == ""
        assert f"3 codes of 3 units are in {tmp_path / name}" in done.stderr
    assert np.array_equal(np.load(tmp_path / "codes.npy"), codes)
    assert np.array_equal(load_file(tmp_path / "codes.safetensors")["codes"], codes)
    words = refused("encode", sweep.folder, "0001", "--output", "codes.csv", text=LINES)
    assert words.endswith("codes.csv; its name ends with .safetensors or .npy")


def test_what_cannot_be_is_told_in_words(sweep: Handmade, best: str) -> None:
    assert "has no trial '0009'" in refused("generate", sweep.folder, "0009")
    assert "no sweep there" in refused("generate", sweep.folder / "nothing")
    assert "stdin: no sentence came" in refused("encode", sweep.folder, best)
    assert "it has no code z" in refused("reconstruct", sweep.folder, "0003", text=LINES)
    assert "an autoencoder (ae) cannot generate" in refused("generate", sweep.folder, "0002")
    assert "in which registry?" in refused("generate", "models:/one@best")
    assert "expected models:/NAME/VERSION" in refused(
        "generate", "models:/one", "--tracking-uri", "sqlite:///x.db"
    )
    weights = sweep.last(best) / WEIGHTS_FILE
    aside = weights.rename(weights.with_suffix(".aside"))
    try:
        assert f"{weights}: cannot be read" in refused("generate", sweep.folder, best)
        (weights.parent / "weights.collected").touch()
        assert "its weights were collected by vae-sweep gc" in refused("generate", sweep.folder, best)
    finally:
        (weights.parent / "weights.collected").unlink(missing_ok=True)
        aside.rename(weights)


def test_a_registered_model_gives_what_its_trial_gives(sweep: Handmade, best: str) -> None:
    sync_sweep(sweep.spec, sweep.folder)
    where = ("--tracking-uri", tracking_uri(sweep.spec))
    done = call("reconstruct", "models:/one@best", *where, text=LINES)
    assert done.stdout.splitlines() == vae_of(sweep, best).reconstruct(TEXTS)
    again = call("register", sweep.folder)
    assert best in again.stdout.splitlines()[0]
    assert "Model Version (name=none, version=1) not found" in refused("generate", "models:/none/1", *where)
    assert "models:/one@best 0001: a registered model is one trial" in refused(
        "generate", "models:/one@best", "0001"
    )
    assert "--name 'a/b': expected" in refused("register", sweep.folder, "--name", "a/b")


def test_a_reader_that_leaves_ends_the_command_quietly(sweep: Handmade) -> None:
    use = f"{sys.executable} -m vae_sweep.cli.main encode {sweep.folder} 0000"
    shell = f"yes a dog runs . | head -n 9000 | {use} | head -n 1"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, env=environment, check=False)
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")
