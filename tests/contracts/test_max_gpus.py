"""`max_gpus`: the searcher starts nothing that would not fit beside what runs, and forgets nothing."""

from collections.abc import Sequence

import pytest
from ray.tune.search import Searcher

from tests.contracts.test_sweep_search import GRID, Bench, sweep
from vae_sweep.search.state import Assignment

SHARES = {"vae": 0.5, "vae_fbp": 0.25, "ours": 1.0}


class Narrow(Bench):
    """A searcher that has room for one GPU."""

    def __init__(self) -> None:
        super().__init__(sweep(GRID, seeds=(0, 1)), room=self.room)

    @staticmethod
    def room(running: Sequence[Assignment], wanted: Assignment | None) -> bool:
        return sum(SHARES[each.cell.method] for each in (*running, wanted) if each is not None) <= 1


@pytest.mark.parametrize("last_first", [False, True])
def test_never_more_than_there_is_room_for_and_all_run(last_first: bool) -> None:
    bench = Narrow()
    running: dict[str, float] = {}
    most, ran = 0.0, 0
    while True:
        trial, config = bench.next()
        if config == Searcher.FINISHED and not running:
            break
        if config is None or config == Searcher.FINISHED:
            ended = list(running)[-1 if last_first else 0]
            running.pop(ended)
            bench.end(ended)
            continue
        running[trial] = SHARES[config["cell"].method]
        most, ran = max(most, sum(running.values())), ran + 1
    assert (most, ran) == (1.0, 12)
