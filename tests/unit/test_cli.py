"""The command line: helps and errors load nothing heavy, and a mistake ends in words."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

VERBS = (
    "plan",
    "submit",
    "job",
    "launch",
    "resume",
    "status",
    "list",
    "stop",
    "explain",
    "replay",
    "gc",
    "doctor",
    "report",
    "compare",
    "probe",
    "score",
    "generate",
    "reconstruct",
    "interpolate",
    "encode",
    "register",
    "sync",
    "data",
    "schema",
)
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
