"""Trials that share a pretraining: those that need not wait for it go first, and nothing else changes."""

import itertools
from collections.abc import Hashable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.tune.search import Searcher

from tests.helpers import LAW
from tests.search_bench import Bench, drain, sweep
from trainables.training.report import StoreReport
from vae_sweep.search.schedule import AHEAD
from vae_sweep.search.state import Assignment, SearchState

METHODS: dict[str, Any] = {"ours": {"target_rate": {"choice": [2, 4]}}, "vae_anneal": {}}
MANY: dict[str, Any] = {"ours": {"target_rate": {"choice": [2, 3, 4, 5]}}, "vae": {}, "vae_fb": {"target_rate": 2}}


def of_its_seed(assignment: Assignment) -> Hashable | None:
    """All cells of `ours` share the pretraining of their seed."""
    return ("pretraining", assignment.seed) if assignment.cell.method == "ours" else None


def waiting_bench(methods: dict[str, Any], *given: Any, seeds: tuple[int, ...] = (0,)) -> Bench:
    return Bench(sweep(methods, seeds), *given, shared=of_its_seed)


def names(configs: list[Any]) -> list[tuple[int, str, int]]:
    return [(config["cell"].number, config["cell"].method, config["seed"]) for config in configs]


def stored(event: str) -> dict[str, Any]:
    return {"kind": "store", "report": StoreReport(key="k", event=event).model_dump_json()}  # type: ignore[arg-type]


def test_the_second_of_two_workers_gets_the_trial_that_need_not_wait() -> None:
    bench = waiting_bench(METHODS)
    started = [bench.next()[1] for _ in range(3)]
    assert names(started) == [(0, "ours", 0), (2, "vae_anneal", 0), (1, "ours", 0)]
    assert [cell.number for cell in bench.journaled] == [0, 1, 2], "cells keep their numbers"
    assert bench.next()[1] == Searcher.FINISHED


def test_another_seed_is_another_pretraining() -> None:
    bench = waiting_bench(METHODS, seeds=(0, 1))
    assert names([bench.next()[1] for _ in range(3)]) == [(0, "ours", 0), (0, "ours", 1), (2, "vae_anneal", 0)]


@pytest.mark.parametrize(
    ("seen", "following"),
    [
        *((stored(event), (1, "ours", 0)) for event in ("hit", "waited")),
        ({"kind": "epoch", "vae_epoch": 1, "report": "{}"}, (1, "ours", 0)),
        *((stored(event), (2, "vae_anneal", 0)) for event in ("miss", "waiting")),
        ({"kind": "epoch", "vae_epoch": 0, "report": "{}"}, (2, "vae_anneal", 0)),
    ],
)
def test_a_pretraining_keeps_others_back_until_it_is_there(
    seen: dict[str, Any], following: tuple[int, str, int]
) -> None:
    bench = waiting_bench(METHODS)
    first, _ = bench.next()
    bench.search.on_trial_result(first, seen)
    assert names([bench.next()[1]]) == [following]


def test_the_end_of_a_trial_lets_the_others_go() -> None:
    bench = waiting_bench(METHODS)
    first, _ = bench.next()
    bench.end(first)
    assert names([bench.next()[1]]) == [(1, "ours", 0)]


def test_where_all_must_wait_the_first_starts_and_few_are_drawn_ahead() -> None:
    bench = waiting_bench({"ours": {"target_rate": {"choice": [*range(1, 100)]}}})
    started = [bench.next()[1] for _ in range(2)]
    assert names(started) == [(0, "ours", 0), (1, "ours", 0)]
    assert len(bench.journaled) == AHEAD + 1


@pytest.mark.parametrize("kind", ["tpe", "nsga2"])
def test_a_search_that_learns_draws_nothing_ahead_of_its_turn(kind: str) -> None:
    bench = Bench(sweep(METHODS, kind=kind, trials=3), shared=lambda assignment: "the same")
    for count in (1, 2, 3):
        bench.next()
        assert len(bench.journaled) == count


def test_what_was_drawn_ahead_runs_after_a_resume() -> None:
    first = waiting_bench(METHODS)
    assert names([first.next()[1] for _ in range(2)]) == [(0, "ours", 0), (2, "vae_anneal", 0)]
    left = [Assignment(cell, 0) for cell in first.journaled]
    second = waiting_bench(METHODS, first.study, SearchState(list(first.journaled), {}, left))
    assert sorted(names(drain(second))) == [(0, "ours", 0), (1, "ours", 0), (2, "vae_anneal", 0)]
    assert second.journaled == []


@LAW
@given(st.lists(st.integers(0, 2), max_size=40), st.sampled_from([(0,), (0, 1)]))
def test_every_trial_runs_once_under_its_number(ends: list[int], seeds: tuple[int, ...]) -> None:
    plain, bench = Bench(sweep(MANY, seeds)), waiting_bench(MANY, seeds=seeds)
    expected = names(drain(plain))
    running: list[str] = []
    started: list[Any] = []
    for end in itertools.chain(ends, itertools.repeat(0)):
        trial, config = bench.next()
        if config == Searcher.FINISHED:
            break
        started.append(config)
        running.append(trial)
        while len(running) > end:
            bench.end(running.pop(0))
    assert sorted(names(started)) == sorted(expected)
    assert bench.journaled == plain.journaled
