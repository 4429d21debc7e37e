"""Whom a sweep's numbers favour."""

from pathlib import Path

from tests.handmade import Handmade, spec_in
from vae_sweep.sweep.winners import merits
from vae_sweep.tracking.merits import Merits


def test_nothing_ended_has_no_merits(tmp_path: Path) -> None:
    sweep = Handmade(spec_in(tmp_path))
    sweep.start(0, 0)
    assert merits(sweep.spec, sweep.record) == Merits()


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
    found = merits(sweep.spec, sweep.record)
    assert found.winners == ("0000-ours-s1", "0001-ours-s0", "0003-ours-s0")
    assert found.best == {"perplexity": 7.0, "reconstruction": 4.0}
