"""A user's directory in which the documented commands run: small sweeps, and names for what pages leave open."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.documented.pages import REPOSITORY, listings
from tests.integration.cluster import environment
from tests.run import warm_programs

MEANINGS = {
    "SPACE.yaml": "my.yaml",
    "SWEEP": "sweeps/quickstart",
    "sweeps/full_ptb": "sweeps/quickstart",
    "sweeps/snli_rows_cpu": "sweeps/quickstart",
    "sweeps/yelp_cpu": "sweeps/quickstart",
    "sweeps/before": "sweeps/quickstart",
    "sweeps/after": "sweeps/my",
    "sweeps/grid": "sweeps/quickstart",
    "sweeps/tpe": "sweeps/my",
    "sweeps/nsga2": "sweeps/other",
    "TRIAL": "0001",
    "TRIAL...": "0001",
    "MODEL": "sweeps/quickstart",
    "STORAGE": "sweeps",
    "VERB": "status",
    "FOLDER": "sweeps/quickstart",
    "…": "$VAE_SWEEP_DATA",
}
"""What stands for a word of the pages in the sandbox."""

QUICKSTART = """
corpus: {name: captions, limit: {train: 60, validation: 12, test: 12}}
model: {embedding_size: 8, encoder_size: 12, decoder_size: 12, latent_size: 4, initialisation: torch}
training: {optimizer: adam, learning_rate: 0.005, batch_size: 16, epochs: 2, schedule: {kind: linear_decay}}
methods:
  ours: {target_rate: 4, anneal_epochs: 1}
  vae:
evaluation: {search_samples: 25, final: all, final_samples: 25}
"""
"""The demo with two cells and next to no sentences."""

SENTENCES = "a man walks .\na woman reads a book .\ntwo dogs play in the park .\n"
CORPORA = ("ptb", "snli", "yelp", "yahoo")


def meant_here(words: str) -> str:
    """Return a command with the sandbox's names for what it leaves open."""
    names = "|".join(map(re.escape, sorted(MEANINGS, key=len, reverse=True)))
    plain = re.sub(rf"(?<![\w/.])({names})(?![\w/])", lambda match: MEANINGS[match[0]], words)
    return plain.replace(".venv/bin/", "")


def furnish(home: Path) -> None:
    """Put the sweep files, the tutorial's own among them, and a few sentences of each corpus into a directory."""
    shutil.copytree(REPOSITORY / "search_spaces", home / "search_spaces")
    (home / "search_spaces" / "quickstart.yaml").write_text(QUICKSTART)
    (home / "benchmarks").mkdir()
    shutil.copy(REPOSITORY / "benchmarks" / "precision.yaml", home / "benchmarks")
    (home / "my.yaml").write_text(tutorials_file())
    for folder in (*(home / "data" / name for name in CORPORA), home / "corpora" / "mine"):
        folder.mkdir(parents=True)
        for stem in ("train", "valid", "test"):
            (folder / f"{stem}.txt").write_text(SENTENCES)


def tutorials_file() -> str:
    """The sweep file that the tutorial asks for."""
    [text] = [each.text for each in listings() if (each.page, each.language) == ("docs/tutorial.md", "yaml")]
    return text


def surroundings(home: Path) -> dict[str, str]:
    """The environment of its user: the commands of the tests' own Python, and nobody's secrets."""
    own = environment(home)
    tools = f"{warm_programs()}:{Path(sys.executable).parent}:{own['PATH']}"
    return own | {"PATH": tools, "VAE_SWEEP_DATA": str(home / "data"), "GIT_PYTHON_REFRESH": "quiet"}


def run(home: Path, words: str) -> "subprocess.CompletedProcess[str]":
    """Run a documented command as a shell does, to its end; to one that reads, two sentences are given."""
    return subprocess.run(
        ["bash", "-euc", meant_here(words)],
        input="a man walks .\na woman reads a book .\n",
        cwd=home, env=surroundings(home), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
