"""Extending a finished sweep: only what is new runs, and nothing that is there changes."""

from pathlib import Path

import pytest

from tests.integration.cluster import SPACE, run
from tests.integration.sweeps import home_with, kinds_of, numbers_of

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.in_order]

SEEDS = ("--set", "seeds=[0, 1]")
RATES = ("--set", "methods.ours.target_rate={choice: [2, 4, 8]}")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = home_with(tmp_path_factory.mktemp("extended"))
    assert run(home, "launch", "tiny.yaml").returncode == 0
    return home


def test_an_extension_needs_its_word_and_says_so(finished: Path) -> None:
    refused = run(finished, "launch", "tiny.yaml", *SEEDS)
    assert refused.returncode == 2
    assert "seeds: [0] -> [0, 1]" in refused.stderr
    assert "add --extend" in refused.stderr


def test_what_would_alter_cells_is_refused_with_the_difference(finished: Path) -> None:
    for change in ("model.latent_size=5", "methods={vae: }", "evaluation.search_samples=6", "seeds=[1]"):
        refused = run(finished, "launch", "tiny.yaml", "--extend", "--set", change)
        assert refused.returncode == 2, change
        assert "cannot be extended" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert "seeds: 0 would go" in refused.stderr


def test_an_extension_runs_the_new_cells_alone(finished: Path) -> None:
    before = numbers_of(finished)
    done = run(finished, "launch", "tiny.yaml", "--extend", *SEEDS, *RATES)
    assert done.returncode == 0, done.stderr
    after = numbers_of(finished)
    assert {trial: after[trial] for trial in before} == before
    assert sorted(after.keys() - before.keys()) == [
        "0000-vae-s1",
        "0001-ours-s1",
        "0002-ours-s1",
        "0003-ours-s0",
        "0003-ours-s1",
    ]
    second = {line["trial"] for line in kinds_of(finished, "trial") if line["attempt"] == 2}
    assert second == after.keys() - before.keys()


def test_pretraining_is_done_once_a_seed(finished: Path) -> None:
    events = [line["event"] for line in kinds_of(finished, "store") if line["event"] != "waiting"]
    assert (events.count("miss"), len(events)) == (2, 6)


def test_the_space_of_tests_is_the_one_assumed_here() -> None:
    assert "choice: [2, 4]" in SPACE
