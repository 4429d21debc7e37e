"""ELSEWHERE: the documented commands that a plain test cannot run, why, and what checks them instead."""

import re
import shlex
import subprocess
import tomllib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise

import typer.main
from typer.core import TyperGroup

from tests.documented.pages import REPOSITORY, Command
from tests.documented.sandbox import meant_here
from vae_sweep.cli.main import app
from vae_sweep.cli.verbs import VERBS, load
from vae_sweep.config.reader import read_spec


@dataclass(frozen=True)
class Elsewhere:
    """Commands that begin so: why they do not run here, and the check that they get."""

    start: str
    why: str
    check: Callable[[str], None]


def bare(words: str) -> list[str]:
    """Return a command's words without the variables that it sets and the place of its program."""
    plain = re.sub(r"^([A-Z_a-z]+=\S+ )*(\.venv/bin/)?", "", words)
    return shlex.split(plain.replace("python -m vae_sweep.cli.main", "vae-sweep"))


def parses(words: str) -> None:
    """The command line takes these words; a shipped sweep file among them can be read as overridden."""
    own = bare(words)
    assert own[0] == "vae-sweep", words
    if own[1].startswith("--"):
        with typer.main.get_command(app).make_context("vae-sweep", own[1:], resilient_parsing=True):
            return
    assert own[1] in VERBS, f"{words}: no command {own[1]}"
    node, rest = load(own[1]), own[2:]
    while isinstance(node, TyperGroup):
        assert rest, f"{words}: which command?"
        assert rest[0] in node.commands, f"{words}: no command {rest[0]}"
        node, rest = node.commands[rest[0]], rest[1:]
    node.make_context(own[1], list(rest))
    space = next((word for word in rest if word.startswith("search_spaces/")), None)
    if space:
        read_spec(REPOSITORY / space, [value for flag, value in pairwise(rest) if flag == "--set"])


def is_made(words: str) -> None:
    """Make knows the target, and what it would run."""
    done = subprocess.run(
        ["make", "-n", *bare(words)[1:]], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def in_the_makefile(words: str) -> None:
    """The Makefile runs the same, by its own names."""
    text = (REPOSITORY / "Makefile").read_text().replace("$(BIN)", ".venv/bin").replace("$(VENV)", ".venv")
    text = text.replace("$(PYTHON)", "python3").replace(" --quiet", "")
    assert words in text, f"make does not run: {words}"


def has_its_files(words: str) -> None:
    """Every word that names a place of the checkout names one that is there."""
    for word in bare(words):
        place = word.partition("=")[2] if word.startswith("--") else word
        if re.match(r"(docker|search_spaces|tests|benchmarks|docs)/", place) and "secrets/" not in f"{place}/":
            assert (REPOSITORY / place).exists(), f"{words}: there is no {place}"


def is_a_program(words: str) -> None:
    """The package can be run."""
    assert find_spec(f"{words.split()[2]}.__main__"), words


def is_a_benchmark(words: str) -> None:
    """The script is there and knows the options."""
    own = bare(words)
    known = own[1:2]
    if own[1] == "-m":
        module = own[2].replace(".", "/")
        known = [f"{module}.py", f"{module}/__main__.py"]
    [path] = [each for each in known if (REPOSITORY / each).exists()]
    text = (REPOSITORY / path).read_text(encoding="utf-8")
    for word in own[2:]:
        declared = f'"{word}"' in text or f"{word[2:].replace('-', '_')}: " in text
        assert declared or not word.startswith("--"), f"{path} has no option {word}"


def ray_parses(words: str) -> None:
    """Ray's own command line takes these words; what it deprecates of its own is no matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.scripts.scripts import cli

    node, rest = cli, bare(words)[1:]
    while hasattr(node, "commands"):
        if not rest:
            return
        node, rest = node.commands[rest[0].replace("_", "-")], rest[1:]
    with node.make_context("ray", list(rest), resilient_parsing=True):
        pass


def names_an_extra(words: str) -> None:
    """The extra in brackets is one of the project's."""
    known = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra in re.findall(r"\[([a-z,]+)\]", words):
        assert set(extra.split(",")) <= set(known), f"{words}: there are {', '.join(known)}"


def is_told(words: str) -> None:
    """Nothing here can check it."""


CLUSTER = "needs a cluster; tests/integration/test_submit.py does it with a head of its own"
HOSTS = "needs other hosts; make cluster-test has some"
ENGINE = "needs a container engine; make docker-test has one"
KUBERNETES = "needs a cluster; tests/unit/test_manifests.py builds and validates what it applies"
FILL = "trains dozens of cells; tests/integration/test_search.py fills a small front"
HOURS = "takes minutes to days, and the corpus; its plan is made instead"

ELSEWHERE = (
    Elsewhere("make ", "installs, trains, or runs these tests", is_made),
    Elsewhere("python3 -m venv .venv", "make and CI begin so", in_the_makefile),
    Elsewhere("python -m pytest tests/", "is a part of this suite", has_its_files),
    Elsewhere("python -m tests.", "attacks sweeps for many minutes", is_a_program),
    Elsewhere("python benchmarks/", "measures for minutes on a quiet machine", is_a_benchmark),
    Elsewhere("python -m benchmarks.", "measures for minutes on a quiet machine", is_a_benchmark),
    Elsewhere("pip install", "needs a package index", names_an_extra),
    Elsewhere("docker", ENGINE, has_its_files),
    Elsewhere("kubectl", KUBERNETES, has_its_files),
    Elsewhere("kustomize edit set image", KUBERNETES, has_its_files),
    Elsewhere("git clone", "needs the network", is_told),
    Elsewhere("cd ", "goes to a folder", has_its_files),
    Elsewhere("sbatch", "needs Slurm; make cluster-test plays it", has_its_files),
    Elsewhere("ray job", CLUSTER, ray_parses),
    Elsewhere("ray start", HOSTS, ray_parses),
    Elsewhere("ssh ", "needs another host", is_told),
    Elsewhere("mlflow server --app-name basic-auth", "tests/integration/test_security.py does it", is_told),
    Elsewhere("optuna-dashboard", "comes with the extra dashboard, which the tests do without", is_told),
    Elsewhere("vae-sweep submit", CLUSTER, parses),
    Elsewhere("vae-sweep job", CLUSTER, parses),
    Elsewhere("RAY_AUTH_TOKEN_PATH=docker/secrets/ray_token vae-sweep submit", CLUSTER, parses),
    Elsewhere("RAY_ADDRESS=HEAD:6379 vae-sweep launch", HOSTS, parses),
    Elsewhere("vae-sweep doctor search_spaces/ptb.yaml --address", HOSTS, parses),
    Elsewhere("vae-sweep doctor SPACE.yaml --address", HOSTS, parses),
    Elsewhere("python -m vae_sweep.cli.main launch sweep.yaml", "is what a job of a cluster runs", parses),
    Elsewhere("vae-sweep data fetch", "downloads; tests/integration/test_fetch.py does it from loopback", parses),
    Elsewhere("vae-sweep data import", "needs tables; tests/unit/test_import.py has some", parses),
    Elsewhere("vae-sweep launch my.yaml --extend --set search.kind=fill", FILL, parses),
    Elsewhere("vae-sweep --install-completion", "writes into the start-up file of the shell around it", is_told),
    Elsewhere("vae-sweep init", "measures for a minute; tests/unit/test_proposal.py writes files", parses),
    Elsewhere("vae-sweep launch mine.yaml", "launches what init wrote", parses),
    Elsewhere("vae-sweep launch search_spaces/snli_front_cpu.yaml", HOURS, parses),
    Elsewhere("vae-sweep launch search_spaces/snli_rows_cpu.yaml", HOURS, parses),
    Elsewhere("vae-sweep launch search_spaces/ptb_rows_cpu.yaml", HOURS, parses),
    Elsewhere("vae-sweep launch search_spaces/yelp_cpu.yaml", HOURS, parses),
    Elsewhere("VAE_SWEEP_DATA=… vae-sweep launch", HOURS, parses),
    Elsewhere("vae-sweep launch search_spaces/quickstart.yaml --set name=lambda", HOURS, parses),
)


def elsewhere(command: Command) -> Elsewhere | None:
    """Return where a command is tried, where not here: the longest beginning counts."""
    found = [entry for entry in ELSEWHERE if command.words.startswith(entry.start)]
    return max(found, key=lambda entry: len(entry.start), default=None)


def is_short(command: Command) -> bool:
    """Whether a command in a sentence only names a verb: its arguments are understood."""
    if not command.inline or not command.words.startswith("vae-sweep "):
        return False
    try:
        parses(meant_here(command.words))
    except typer.BadParameter as error:
        return type(error).__name__ == "MissingParameter"
    return False
