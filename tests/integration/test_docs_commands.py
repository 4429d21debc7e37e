"""Every command of README and docs, run in a sandbox as it stands there; what cannot run stands in ELSEWHERE."""

import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.documented.elsewhere import HOURS, elsewhere, is_short
from tests.documented.pages import NOTEBOOKS, Listing, commands, listings
from tests.documented.sandbox import furnish, meant_here, run, surroundings
from tests.integration.mlflow_seen import free_port
from tests.run import made_once

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

FIRST = ("vae-sweep launch search_spaces/quickstart.yaml", "vae-sweep launch my.yaml")
"""What the sandbox is made with; every other command finds these sweeps complete."""

SERVER = "mlflow ui --backend-store-uri sqlite:///$PWD/sweeps/mlflow.db"
ENDS = {"vae-sweep stop": (2,), "vae-sweep doctor": (0, 1)}
"""Exit codes: nobody drives the sandbox's sweep, and the tests' machine may be open to strangers."""

HERE = {
    meant_here(command.words): command.words
    for command in commands()
    if not elsewhere(command) and not is_short(command)
}
"""Commands that run here; those that mean the same in the sandbox run once."""

PYTHON = [each for each in listings() if each.language == "python" and each.page not in NOTEBOOKS]
PLANNED = [command.words for command in commands() if (entry := elsewhere(command)) and entry.why is HOURS]


@pytest.fixture(scope="session")
def made() -> Path:
    """A home in which the documented launches ran; not to be changed."""
    return made_once("documented", make)


def make(home: Path) -> None:
    furnish(home)
    for words in FIRST:
        done = run(home, words)
        assert done.returncode == 0, done.stdout + done.stderr
    shutil.copytree(home / "sweeps" / "quickstart", home / "sweeps" / "other")


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy of it, so that no command meets what another left."""
    return shutil.copytree(made, tmp_path / "home", symlinks=True)


def test_the_sandbox_runs_documented_launches() -> None:
    assert set(FIRST) <= set(HERE)
    assert SERVER in HERE
    assert len(HERE) > 30
    assert len(PLANNED) > 5


@pytest.mark.parametrize("words", [words for words in HERE if words not in (*FIRST, SERVER)])
def test_a_command_runs(home: Path, words: str) -> None:
    done = run(home, words)
    allowed = next((codes for start, codes in ENDS.items() if words.startswith(start)), (0,))
    assert done.returncode in allowed, f"{HERE[words]}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", PLANNED)
def test_a_long_sweep_has_a_plan(home: Path, words: str) -> None:
    done = run(home, words.replace(" launch ", " plan ", 1) + " --no-estimate")
    assert done.returncode == 0, done.stderr
    assert "trials, each on" in done.stdout


@pytest.mark.parametrize("listing", [each for each in PYTHON if "sweeps/" in each.text], ids=str)
def test_python_that_reads_a_sweep_runs(made: Path, listing: Listing) -> None:
    command = [sys.executable, "-c", listing.text]
    done = subprocess.run(command, cwd=made, env=surroundings(made), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_a_notebook_runs(tmp_path: Path, page: str) -> None:
    """Its blocks run in order in one process, which launches a sweep smaller than its reader's."""
    furnish(tmp_path)
    notebook = "\n".join(each.text for each in listings() if (each.page, each.language) == (page, "python"))
    command = [sys.executable, "-c", notebook]
    done = subprocess.run(
        command, cwd=tmp_path, env=surroundings(tmp_path), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    printed = [each.text for each in listings() if (each.page, each.language) == (page, "text")]
    assert all(text in done.stdout for text in printed)


def test_the_plan_counts_what_the_tutorial_says(made: Path) -> None:
    done = run(made, "vae-sweep plan my.yaml --no-estimate --set storage.directory=elsewhere")
    assert "7 cells × 2 seeds = 14 trials" in done.stdout
    assert "2 pretrainings for 6 trials" in done.stdout


def test_a_corpus_of_ones_own_is_planned_as_its_page_says(home: Path) -> None:
    own = [each for each in listings() if each.page == "docs/own_corpus.md"]
    assert [each.language for each in own] == ["sh", "yaml", "sh", "sh"]
    (home / "my.yaml").write_text(own[1].text)
    for each in (own[0], own[2]):
        done = run(home, each.text)
        assert done.returncode == 0, done.stderr
    assert "4 cells × 1 seed = 4 trials" in done.stdout


def test_the_curves_are_served(made: Path) -> None:
    port = free_port()
    words = f"exec {SERVER} --port {port} --workers 1"
    server = subprocess.Popen(
        ["bash", "-euc", words],
        cwd=made,
        env=surroundings(made),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        assert answers(server, f"http://127.0.0.1:{port}/health") == "OK"
    finally:
        server.terminate()
        server.communicate(timeout=60)


def answers(server: "subprocess.Popen[bytes]", url: str) -> str:
    """Return what a server says when it has come up; fails when its process ends before."""
    while True:
        try:
            return httpx.get(url, trust_env=False, timeout=60).text
        except httpx.TransportError:
            assert server.poll() is None, server.communicate()[1].decode()
        try:
            server.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
