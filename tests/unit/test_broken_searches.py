"""Broken `search` sections of a sweep file."""

from pathlib import Path

import pytest

from tests.unit.broken_spaces import GOOD, Broken, check

BROKEN: Broken = {
    "grid with trials": (
        f"{GOOD}search:\n  kind: grid\n  trials: 8\n",
        "space.yaml:5: search.trials: a grid runs all its points; leave trials out",
        "(got 8)",
    ),
    "tpe without trials": (
        f"{GOOD}search:\n  kind: tpe\n",
        "space.yaml:3: search.trials: tpe needs trials: how many cells to draw",
    ),
    "an unknown search": (
        f"{GOOD}search: {{kind: gird}}\n",
        "space.yaml:3: search.kind: expected one of grid, random, tpe, nsga2, fill (got 'gird'); did you mean "
        "grid?",
    ),
    "an unknown objective": (
        f"{GOOD}search:\n  objectives:\n  - perplexity\n  - recon\n",
        "space.yaml:6: search.objectives.1: expected one of perplexity, nll, ",
        "reconstruction, neg_elbo (got 'recon')",
    ),
    "an objective of before the tight estimate": (
        f"{GOOD}search: {{objectives: [iw_nll, reconstruction]}}\n",
        "space.yaml:3: search.objectives: iw_nll, the likelihood by samples from q alone, ranks nothing any more; "
        "name the tight one: nll",
    ),
    "one unknown objective alone": (
        f"{GOOD}search: {{objectives: [recon]}}\n",
        "space.yaml:3: search.objectives.0: expected one of perplexity, ",
    ),
    "an objective twice": (
        f"{GOOD}search: {{objectives: [perplexity, perplexity]}}\n",
        "space.yaml:3: search.objectives: listed twice: perplexity",
    ),
    "no objective": (
        f"{GOOD}search: {{objectives: []}}\n",
        "space.yaml:3: search.objectives: must not be empty",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_mistake_gives_one_problem_with_its_place_and_what_is_allowed(name: str, tmp_path: Path) -> None:
    check(tmp_path, *BROKEN[name])
