"""Whom a sweep's numbers favour."""

from pathlib import Path

from tests.handmade import Handmade, spec_in
from vae_sweep.results.leaders import Leaders
from vae_sweep.results.retention import front_to_be
from vae_sweep.results.winners import leaders, no_front


def test_nothing_ended_has_no_winners(tmp_path: Path) -> None:
    sweep = Handmade(spec_in(tmp_path))
    sweep.start(0, 0)
    assert leaders(sweep.spec, sweep.record) == Leaders()


def test_a_cell_that_is_not_known_wins_nothing_and_its_weights_are_kept(tmp_path: Path) -> None:
    sweep = Handmade(spec_in(tmp_path, search={"objectives": ["perplexity", "reconstruction"]}, seeds=[0]))
    sweep.end(sweep.start(0, 0), perplexity=9.0, reconstruction=5.0)
    sweep.end(sweep.start(1, 0, "ours", target_rate=2), perplexity=1.0, reconstruction=1.0, pareto_k_bad=0.51)
    sweep.end(sweep.start(2, 0, "ours", target_rate=4), perplexity=9.5, reconstruction=6.0, pareto_k_bad=0.5)
    found = leaders(sweep.spec, sweep.record)
    assert found.winners == ("0000-vae-s0",)
    assert found.best == {"perplexity": 9.0, "reconstruction": 5.0}
    sweep.write("end", outcome="complete", reason=None)
    assert front_to_be(sweep.spec, sweep.record) == {0, 1}


def test_of_a_cells_replicates_one_that_is_known_is_the_best(tmp_path: Path) -> None:
    sweep = Handmade(spec_in(tmp_path))
    sweep.end(sweep.start(0, 0), perplexity=8.0, pareto_k_bad=0.8)
    sweep.end(sweep.start(0, 1), perplexity=9.0, pareto_k_bad=0.0)
    assert leaders(sweep.spec, sweep.record).winners == ("0000-vae-s1",), "the cell's mean share, 40 %, is allowed"


def test_a_sweep_of_before_has_no_winner_and_says_why(tmp_path: Path) -> None:
    sweep = Handmade(spec_in(tmp_path))
    for cell in (0, 1):
        sweep.end(sweep.start(cell, 0, "ours", target_rate=cell + 2), perplexity=8.0 + cell, iw_nll=20.0 + cell)
    sweep.write("end", outcome="complete", reason=None)
    assert leaders(sweep.spec, sweep.record) == Leaders()
    assert no_front(sweep.spec, sweep.record) == (
        "has no cell that can be ranked (cell 0: no tight value of NLL and PPL, only that of samples from q; "
        "vae-sweep score measures it anew)"
    )
    assert front_to_be(sweep.spec, sweep.record) == {0, 1}, "garbage collection keeps what may be measured anew"


def test_winners_are_the_fronts_best_replicates_and_collapsed_ones_come_last(tmp_path: Path) -> None:
    sweep = Handmade(spec_in(tmp_path, search={"objectives": ["perplexity", "reconstruction"]}))
    ends = {
        (0, 0): ("finished", 9.0, 5.0),
        (0, 1): ("finished", 8.0, 6.0),
        (1, 0): ("finished", 10.0, 4.0),
        (2, 0): ("finished", 11.0, 6.0),
        (3, 0): ("collapsed", 7.0, 9.0),
    }
    for (cell, seed), (outcome, perplexity, reconstruction) in ends.items():
        name = sweep.start(cell, seed, "ours", target_rate=cell + 1)
        sweep.end(name, outcome, perplexity=perplexity, reconstruction=reconstruction)
    found = leaders(sweep.spec, sweep.record)
    assert found.winners == ("0000-ours-s1", "0001-ours-s0", "0003-ours-s0")
    assert found.best == {"perplexity": 7.0, "reconstruction": 4.0}
