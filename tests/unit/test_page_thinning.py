"""A page of many trials: what it leaves out, and that it says so."""

from pathlib import Path

from tests.replicated import Cells, journal
from tests.reported_sweep import reporting_spec
from tests.unit.test_page import page_of
from vae_sweep.report.page.thinning import MOST_TRIALS

CELLS: Cells = [
    *(("ours", {"target_rate": number}, {0: (9.0, 20.0)}) for number in range(MOST_TRIALS + 49)),
    ("vae", {}, {0: (8.0, 19.0)}),
]
"""More cells than a page shows whole; the last one alone is on the front."""


def test_of_many_trials_the_front_and_some_others_are_shown_whole(tmp_path: Path) -> None:
    count = len(CELLS)
    page = page_of(journal(tmp_path / "s", CELLS), reporting_spec(tmp_path))
    assert f"Of {count} trials, {MOST_TRIALS} are shown with their curves and last numbers" in page.text
    assert page.text.count("What it ended with") == MOST_TRIALS
    trials = [found for found in page.all("id") if found.startswith("trial-")]
    assert len(trials) == count, "a cell leads to each of its trials"
    last = page.text.rpartition(f"{count - 1:04d}-vae-s0: finished")[2]
    assert "What it ended with" in last, "the front's cell is shown whole"


def test_few_trials_are_all_shown_whole(tmp_path: Path) -> None:
    page = page_of(journal(tmp_path / "s", CELLS[-3:]), reporting_spec(tmp_path))
    assert page.text.count("What it ended with") == 3
    assert "are shown with their curves" not in page.text
