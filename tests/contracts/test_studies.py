"""The study on disk: made anew from the journal where it is damaged or of another space; none for a grid."""

from pathlib import Path
from typing import Any

from tests.search_bench import GRID, Bench, drain, sweep
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.search.state import Assignment, SearchState
from vae_sweep.search.study import STUDY_FILE, open_study


def searching(**changes: Any) -> SweepSpec:
    return sweep(GRID, **({"kind": "random", "trials": 4, "seed": 3} | changes))


def ended(spec: SweepSpec, folder: Path) -> Bench:
    """A search that ran to its end, with its study in a folder."""
    bench = Bench(spec, open_study(spec, folder)[0])
    drain(bench)
    return bench


def told(bench: Bench) -> dict[int, Any]:
    return {each.user_attrs["cell"]: each.values for each in bench.study.trials if "cell" in each.user_attrs}


def test_a_torn_study_is_set_aside_and_filled_from_the_journal(tmp_path: Path) -> None:
    spec = searching()
    first = ended(spec, tmp_path)
    torn = (tmp_path / STUDY_FILE).read_bytes()[:-5]
    (tmp_path / STUDY_FILE).write_bytes(torn)
    study, said = open_study(spec, tmp_path)
    assert said is not None
    assert "the study is damaged" in said
    assert (tmp_path / f"{STUDY_FILE}.1").read_bytes() == torn
    second = Bench(spec, study, SearchState(list(first.journaled), first.ended))
    assert told(second) == told(first)
    assert len(told(second)) == 4


def test_a_sweep_with_more_seeds_has_a_study_of_means_over_all(tmp_path: Path) -> None:
    first = ended(searching(), tmp_path)
    spec = searching(seeds=(0, 1))
    study, said = open_study(spec, tmp_path)
    assert said is not None
    assert "draws from the space of before" in said
    left = [Assignment(cell, 1) for cell in first.journaled]
    second = Bench(spec, study, SearchState(list(first.journaled), first.ended, left))
    for _ in left:
        second.end(second.next()[0], ppl=5.0)
    assert told(second) == {cell.number: [4.0, 9.0] for cell in first.journaled}


def test_a_grid_writes_no_study_and_leaves_one_of_an_earlier_version(tmp_path: Path) -> None:
    assert open_study(sweep(GRID), tmp_path) == (None, None)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / STUDY_FILE).write_text("of an earlier version")
    assert open_study(sweep(GRID), tmp_path) == (None, None)
    assert (tmp_path / STUDY_FILE).read_text() == "of an earlier version"
