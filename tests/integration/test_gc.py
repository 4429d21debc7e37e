"""`vae-sweep gc` on a real small sweep: bytes as foretold, and all that goes on after it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.handmade import taken
from tests.integration.cluster import SPACE, lines, run
from tests.integration.sweeps import home_with, journal_of, kinds_of, numbers_of, report_of

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.in_order]

SWEEP = "sweeps/tiny"
TWO_CELLS = SPACE.replace("[2, 4]", "[4]").replace("epochs: 3", "epochs: 2")
ONE_OBJECTIVE = TWO_CELLS + "search: {objectives: [perplexity]}\nseeds: [0, 1]\n"


def weights(home: Path) -> set[str]:
    return {path.parent.parent.name for path in (home / SWEEP / "ray").glob("*/*/*/weights.safetensors")}


def collected(home: Path, *options: str) -> dict[str, Any]:
    done = run(home, "gc", SWEEP, "--json", *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a finished sweep of two cells and two seeds, whose weights that are no longer needed went."""
    home = home_with(tmp_path_factory.mktemp("collected"), ONE_OBJECTIVE)
    done = run(home, "launch", "tiny.yaml")
    assert done.returncode == 0, done.stderr
    before, journal, size = report_of(home), journal_of(home).read_bytes(), taken(home / SWEEP)
    foretold = collected(home, "--dry-run")
    assert len(weights(home)) == 4
    assert taken(home / SWEEP) == size
    done = run(home, "gc", SWEEP)
    assert done.returncode == 0, done.stderr
    assert f"vae-sweep sync {home / SWEEP}" in done.stdout
    assert "tiny: freed" in done.stdout
    freed = size - taken(home / SWEEP)
    assert freed == foretold["freed"] > (size - taken(home / SWEEP / "report")) / 2
    assert weights(home) == set(foretold["wanted"])
    assert report_of(home) == before
    assert journal_of(home).read_bytes() == journal
    return home


def test_the_front_and_one_of_each_cell_are_left(home: Path) -> None:
    again = collected(home)
    assert (again["freed"], again["kinds"]) == (0, {})
    assert sorted(again["wanted"].values()) == ["best", "front", "front"]
    assert again["kept"] == taken(home / SWEEP / "ray") + taken(home / "sweeps" / "pretrained")


def test_a_probe_says_what_was_collected_and_probes_the_rest(home: Path) -> None:
    gone = next(line["trial"] for line in kinds_of(home, "final") if line["trial"] not in weights(home))
    done = run(home, "probe", SWEEP, "--only", "bleu")
    assert done.returncode == 0, done.stderr
    assert f"{gone}: not probed: its weights were collected by vae-sweep gc; the best replicate" in done.stdout
    assert {line["trial"] for line in kinds_of(home, "probed")} == weights(home)


def test_a_resume_trains_and_scores_nothing(home: Path) -> None:
    before = len(lines(journal_of(home)))
    done = run(home, "resume", SWEEP)
    assert done.returncode == 0, done.stderr
    assert [line["kind"] for line in lines(journal_of(home))[before:]] == ["launch", "nodes", "end"]


def test_the_sweep_extends_by_a_seed_as_ever(home: Path) -> None:
    numbers = numbers_of(home)
    done = run(home, "launch", "tiny.yaml", "--extend", "--set", "seeds=[0,1,2]")
    assert done.returncode == 0, done.stderr
    after = numbers_of(home)
    assert {trial: after[trial] for trial in numbers} == numbers
    assert len(after) == 6
    started = [line["trial"] for line in kinds_of(home, "trial") if line["attempt"] > 1]
    assert sorted(started) == ["0000-vae-s2", "0001-ours-s2"]
    found = collected(home)
    assert found["freed"] > 0
    assert weights(home) <= set(found["wanted"])
