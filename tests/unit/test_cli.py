"""The command line: helps and errors load nothing heavy, and a mistake ends in words."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vae_sweep.cli.main import app
from vae_sweep.cli.verbs import VERBS, load

HEAVY = ("torch", "ray", "optuna", "mlflow", "numpy")
PROBE = """
import sys
sys.argv = ["vae-sweep", *{arguments}]
from vae_sweep.cli.main import main
try:
    main()
except SystemExit as end:
    code = end.code
print(sorted(set(sys.modules) & set({heavy})), code, file=sys.stderr)
"""


def run(*arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    code = PROBE.format(arguments=list(arguments), heavy=HEAVY)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, env=environment, check=False
    )


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_loads_nothing_heavy(verb: str) -> None:
    done = run(*([verb] if verb else []), "--help")
    assert done.stderr.splitlines()[-1] == "[] 0"
    assert "Usage" in done.stdout


def test_the_list_of_verbs_imports_none_of_them() -> None:
    code = (
        "import sys; from vae_sweep.cli.main import app; app(['--help'], standalone_mode=False);"
        "print({name for name in sys.modules if name.startswith('vae_sweep.cli.')}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip().count("vae_sweep.cli.") == len({"arguments", "main", "verbs"}), done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_listed_under_its_own_help(verb: str) -> None:
    command = load(verb)
    assert command.name == verb
    assert (command.help or "").partition("\n")[0] == VERBS[verb].help


def test_a_mistyped_verb_is_told_the_nearest() -> None:
    done = CliRunner().invoke(app, ["stauts"])
    assert done.exit_code == 2
    assert "Did you mean 'status'?" in done.stderr


@pytest.mark.parametrize("words", [[], ["status"], ["job"], ["job", "stop"], ["data", "import"]])
def test_help_has_a_short_name_everywhere(words: list[str]) -> None:
    short, long = (CliRunner().invoke(app, [*words, flag]) for flag in ("-h", "--help"))
    assert short.exit_code == 0
    assert "Usage" in short.stdout
    assert short.stdout == long.stdout


def test_the_version_names_the_commit_of_a_checkout() -> None:
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    ).stdout.strip()
    done = CliRunner().invoke(app, ["--version"], env={"VAE_SWEEP_COMMIT": ""})
    number = importlib.metadata.version("vae-sweep")
    assert done.stdout == f"vae-sweep {number}" + (f", commit {commit}\n" if commit else "\n")


def test_no_color_takes_colours_away() -> None:
    colour = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
    environment = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    program = "from vae_sweep.cli.arguments import make_console; make_console().print('[red]text[/red]')"

    def shown(**more: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | environment | more,
        ).stdout

    assert colour.search(shown(NO_COLOR=""))
    assert not colour.search(shown(NO_COLOR="1"))


def test_the_shell_completes_verbs() -> None:
    environment = {"_VAE_SWEEP_COMPLETE": "complete_bash", "COMP_WORDS": "vae-sweep re", "COMP_CWORD": "1"}
    done = CliRunner().invoke(app, prog_name="vae-sweep", env=environment)
    assert set(done.stdout.split()) == {verb for verb in VERBS if verb.startswith("re")}


def test_a_broken_file_is_refused_at_once_and_in_words(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("corpus: {name: captoins}\nmethods: {vea: {}}\n")
    done = run("launch", "bad.yaml", cwd=tmp_path)
    *_, last = done.stderr.splitlines()
    assert last == "[] 2"
    assert "did you mean captions?" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_schema_is_json() -> None:
    assert "methods" in json.loads(run("schema").stdout)["properties"]


def test_a_plan_is_shown_without_ray(tmp_path: Path) -> None:
    space = Path(__file__).parents[2] / "search_spaces" / "quickstart.yaml"
    done = run("plan", str(space), "--no-estimate", cwd=tmp_path)
    assert "4 cells × 1 seed = 4 trials" in done.stdout
    assert "estimate" not in done.stdout
    assert "ray" not in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_plan_ends_with_an_estimate_and_starts_nothing(tmp_path: Path) -> None:
    space = Path(__file__).parents[2] / "search_spaces" / "quickstart.yaml"
    limit = "corpus.limit={train: 60, validation: 20, test: 20}"
    done = run("plan", str(space), "--set", limit, "--set", "resources.max_concurrent=1", cwd=tmp_path)
    assert "on this machine, 1 trial at once: training" in done.stdout
    assert "a trial alone: ours " in done.stdout
    assert "ray" not in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_names_places_of_this_machine_is_not_sent(tmp_path: Path) -> None:
    space = Path(__file__).parents[2] / "search_spaces" / "quickstart.yaml"
    done = run("submit", str(space), "--address", "http://127.0.0.1:1", cwd=tmp_path)
    assert "storage.directory: 'sweeps' is relative" in done.stderr
    *_, last = done.stderr.splitlines()
    assert last.endswith(" 2")
    assert "ray" not in last
