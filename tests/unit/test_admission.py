"""How many trials are drawn and handed to Ray at once, by the nodes that there are."""

from typing import Any

import pytest

from tests.search_bench import ENDLESS, Bench, sweep
from vae_sweep.config.resource_spec import ResourceSpec
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.planning.allocation import NodeCapacity, without_room
from vae_sweep.planning.allocation import resources_by_method as shares_of
from vae_sweep.running.nodes.admission import MOST_WAITING, Admission

TWO_NODES = [NodeCapacity(4, 1), NodeCapacity(2, 0)]
LEARNS: dict[str, Any] = {"kind": "tpe", "trials": 500}
BLIND: dict[str, Any] = {"kind": "random", "trials": 500}


def with_resources(spec: SweepSpec, **resources: Any) -> SweepSpec:
    return spec.model_copy(update={"resources": ResourceSpec.model_validate(resources)})


def drawn(spec: SweepSpec, rooms: list[NodeCapacity], autoscales: bool = False) -> tuple[Bench, list[str]]:
    """Ask for trials until none more may start."""
    bench = Bench(spec, room=Admission(spec, shares_of(spec, 0), lambda: rooms, autoscales).admits)
    names = []
    while isinstance((asked := bench.next())[1], dict):
        names.append(asked[0])
    return bench, names


@pytest.mark.parametrize(
    ("search", "resources", "autoscales", "count"),
    [
        (LEARNS, {}, False, 6),
        (BLIND, {}, False, 7),
        (LEARNS, {"cpu": 2}, False, 3),
        (LEARNS, {"cpu": 4}, False, 1),
        (LEARNS, {"gpu": 0.25}, False, 4),
        (LEARNS, {"gpu": 0.1, "max_gpus": 0.3}, False, 3),
        (LEARNS, {}, True, 12),
        (BLIND, {}, True, 12 + MOST_WAITING),
        (LEARNS, {"max_concurrent": 500}, True, 500),
    ],
)
def test_so_many_are_drawn_at_once(
    search: dict[str, Any], resources: dict[str, Any], autoscales: bool, count: int
) -> None:
    spec = with_resources(sweep(ENDLESS, **search), **resources)
    assert len(drawn(spec, TWO_NODES, autoscales)[1]) == count


def test_a_trial_that_ends_makes_room_for_one() -> None:
    bench, names = drawn(sweep(ENDLESS, **LEARNS), TWO_NODES)
    bench.end(names[0])
    assert isinstance(bench.next()[1], dict)
    assert bench.next()[1] is None


def test_a_node_that_joins_gets_trials_and_a_cluster_of_none_still_asks_for_one() -> None:
    rooms: list[NodeCapacity] = []
    bench, names = drawn(sweep(ENDLESS, **LEARNS), rooms)
    assert len(names) == 1
    rooms.append(NodeCapacity(3, 0))
    assert [isinstance(bench.next()[1], dict) for _ in range(3)] == [True, True, False]


def test_large_trials_do_not_let_small_ones_wait_for_nothing() -> None:
    large, small = NodeCapacity(1, 1), NodeCapacity(1, 0.25)
    rooms = [NodeCapacity(8, 1), NodeCapacity(8, 1)]
    assert without_room([small, large], rooms) == 0
    assert without_room([small, large, *[small] * 3], rooms) == 0
    assert without_room([small, large, *[small] * 4], rooms) == 1
    assert without_room([NodeCapacity(1, 0.1)] * 10, [NodeCapacity(16, 1)]) == 0, "tenths add up"
