"""Which pretraining a trial shares, as the searcher is told; whether a sweep has anything to show."""

from pathlib import Path
from typing import Any

import pytest

from tests.journal_writer import small_sweep
from tests.journals import final, launch, start
from trainables.spec import Value
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import Journal
from vae_sweep.planning.plan import Plan, make_plan
from vae_sweep.running.pending_trials import fruitless, pretraining_of
from vae_sweep.search.sampling import Cell
from vae_sweep.search.state import Assignment

METHODS: dict[str, Any] = {"ours": {"target_rate": {"choice": [2, 4]}}, "ae": {}, "vae": {}, "vae_pretrain": {}}


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([], None),
        (["diverged", "finished"], None),
        (["diverged", "collapsed"], None),
        (["diverged", None], None),
        (["diverged"], "the only trial diverged"),
        (["diverged", "diverged"], "each of the 2 trials diverged"),
    ],
)
def test_a_sweep_without_a_number_to_show(outcomes: list[str | None], said: str | None, tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        launch(journal)
        for number, outcome in enumerate(outcomes):
            start(journal, number)
            if outcome is not None:
                final(journal, number, outcome)
    found = fruitless(read_sweep(tmp_path / "journal.jsonl"))
    assert found is None if said is None else (found or "").startswith(said)


def plan_in(directory: Path, **changes: Any) -> Plan:
    storage = {"directory": str(directory), **changes.pop("storage", {})}
    return make_plan(small_sweep(methods=METHODS, storage=storage, **changes))


def trial(method: str, seed: int = 0, **values: Value) -> Assignment:
    return Assignment(Cell(0, method, values), seed)


def test_all_rows_with_the_same_pretraining_share_it_by_seed(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    one = pretraining_of(plan, trial("ours", target_rate=2))
    assert one is not None
    for other in (trial("ours", target_rate=4), trial("vae_pretrain"), trial("ae")):
        assert pretraining_of(plan, other) == one
    assert pretraining_of(plan, trial("ours", seed=1, target_rate=2)) not in (None, one)


def test_a_row_without_one_shares_none(tmp_path: Path) -> None:
    assert pretraining_of(plan_in(tmp_path), trial("vae")) is None


def test_other_threads_are_another_pretraining(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, resources={"methods": {"ae": {"cpu": 2}}})
    assert pretraining_of(plan, trial("ae")) != pretraining_of(plan, trial("vae_pretrain"))


def test_without_the_store_nothing_is_shared(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, storage={"share_pretraining": False})
    assert pretraining_of(plan, trial("vae_pretrain")) is None
