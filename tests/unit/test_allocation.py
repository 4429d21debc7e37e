"""What a trial occupies, what it may grow to, and what `max_gpus` leaves room for."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import LAW
from tests.unit.broken_spaces import GOOD, check
from tests.unit.test_plan import sweep
from vae_sweep.config.resource_spec import ResourceSpec
from vae_sweep.config.sweep_spec import Draw
from vae_sweep.errors import LaunchError
from vae_sweep.planning.allocation import (
    NodeCapacity,
    TrialResources,
    fits_gpu_limit,
    resources_by_method,
    scaled_resources,
    trial_resources,
)
from vae_sweep.planning.plan import make_plan
from vae_sweep.running.pending_trials import trial_config
from vae_sweep.search.sampling import Cell
from vae_sweep.search.state import Assignment

MIXED: dict[str, Any] = {"cpu": 1, "gpu": 0.25, "methods": {"ours": {"cpu": 2}, "vae": {"gpu": 0.5}}}


@pytest.mark.parametrize(
    ("resources", "cards", "share"),
    [
        ({}, 0, TrialResources(1, 0.0)),
        ({}, 2, TrialResources(1, 0.25)),
        ({"cpu": 3, "gpu": 2}, 0, TrialResources(3, 2.0)),
        (MIXED, 0, TrialResources(2, 0.25)),
        ({"methods": {"ours": {"gpu": "auto"}}, "gpu": 0}, 1, TrialResources(1, 0.25)),
    ],
)
def test_a_method_has_its_own_share_where_it_says_so(
    resources: dict[str, Any], cards: int, share: TrialResources
) -> None:
    assert trial_resources(ResourceSpec.model_validate(resources), "ours", cards) == share


def test_threads_are_the_cores_of_the_method(tmp_path: Path) -> None:
    resources = {"cpu": 1, "methods": {"ours": {"cpu": 2}}}
    plan = make_plan(sweep(resources=resources, storage={"directory": str(tmp_path)}))
    points: list[tuple[str, Draw]] = [("vae", {}), ("ours", {"target_rate": 2})]
    configs = [trial_config(plan, Assignment(Cell(n, name, values), 1)) for n, (name, values) in enumerate(points)]
    assert [config["threads"] for config in configs] == [1, 2]


def test_pretrainings_on_other_threads_are_not_shared(tmp_path: Path) -> None:
    storage = {"directory": str(tmp_path)}
    alike, apart = (
        make_plan(sweep(resources={"cpu": 1, "methods": {"ours": {"cpu": cpu}}}, storage=storage)).trainings
        for cpu in (1, 2)
    )
    assert alike is not None
    assert apart is not None
    assert (alike.distinct, apart.distinct) == (2, 4)
    assert apart.needed == alike.needed + 2


def test_a_trial_that_ran_out_of_memory_gets_more_of_one_node_at_most() -> None:
    rooms = [NodeCapacity(8, 0), NodeCapacity(2, 1), NodeCapacity(4, 2)]
    assert scaled_resources(TrialResources(1, 0.5), 1, rooms) == NodeCapacity(1, 0.5)
    assert scaled_resources(TrialResources(1, 0.5), 2, rooms) == NodeCapacity(2, 1)
    assert scaled_resources(TrialResources(1, 0.5), 8, rooms) == NodeCapacity(4, 2), (
        "never the cores of one node and the GPUs of another"
    )
    assert scaled_resources(TrialResources(1, 0.0), 16, rooms) == NodeCapacity(8, 0)
    assert scaled_resources(TrialResources(1, 0.5), 8, rooms, max_gpus=1) == NodeCapacity(4, 1)
    assert scaled_resources(TrialResources(16, 0.0), 2, rooms) == NodeCapacity(16, 0), (
        "no node holds it now: it waits for one"
    )


@LAW
@given(
    st.integers(1, 8),
    st.floats(0, 2),
    st.integers(1, 16),
    st.lists(st.tuples(st.integers(0, 16), st.integers(0, 4)), min_size=1),
)
def test_a_share_that_a_node_holds_never_outgrows_it(
    threads: int, gpus: float, factor: int, sizes: list[tuple[int, int]]
) -> None:
    share, rooms = TrialResources(threads, gpus), [NodeCapacity(*size) for size in sizes]
    if any(room.holds(share) for room in rooms):
        taken = scaled_resources(share, factor, rooms)
        assert any(taken.cpus <= room.cpus and taken.gpus <= room.gpus + 1e-4 for room in rooms)


@pytest.mark.parametrize(
    ("running", "wanted", "most", "fits"),
    [
        ([0.5, 0.5], 0.5, None, True),
        ([0.5], 0.5, 1, True),
        ([0.5, 0.5], 0.25, 1, False),
        ([0.1] * 9, 0.1, 1, True),
        ([1], 0.0, 1, True),
        ([], 1, 1, True),
    ],
)
def test_max_gpus(running: list[float], wanted: float, most: float | None, fits: bool) -> None:
    assert fits_gpu_limit(running, wanted, most) is fits


def test_an_auto_share_above_max_gpus_is_refused_in_words() -> None:
    spec = sweep(resources={"max_gpus": 0.2})
    assert resources_by_method(spec, 0)["vae"].gpus == 0
    with pytest.raises(LaunchError, match=r"resources\.max_gpus: 0\.2, but a trial of ae asks for 0\.25 GPUs"):
        resources_by_method(spec, 1)


@pytest.mark.parametrize(
    ("text", "start", "parts"),
    [
        (
            "resources:\n  methods:\n    vae_agressive: {cpu: 2}\n",
            "space.yaml:5: resources.methods.vae_agressive: unknown method",
            ["did you mean vae_aggressive?"],
        ),
        (
            "resources:\n  methods:\n    ours: {cpus: 2}\n",
            "space.yaml:5: resources.methods.ours.cpus: unknown key; allowed: cpu, gpu",
            ["did you mean cpu?"],
        ),
        (
            "resources:\n  methods:\n    ours: {gpu: 1.5}\n",
            "space.yaml:5: resources.methods.ours.gpu: expected a share up to 1, or a whole number of GPUs (got",
            [],
        ),
        (
            "resources: {gpu: 2, max_gpus: 1}\n",
            "space.yaml:3: resources.max_gpus: must be at least what one trial asks for: ",
            ["resources.gpu is 2 (got 1)"],
        ),
        (
            "resources: {max_gpus: 1, methods: {ours: {gpu: 2}}}\n",
            "space.yaml:3: resources.max_gpus: must be at least what one trial asks for: "
            "resources.methods.ours.gpu is 2 (got 1)",
            [],
        ),
        ("resources: {max_gpus: 0}\n", "space.yaml:3: resources.max_gpus: must be above 0 (got 0)", []),
        (
            "resources: {bad_nodes: leave}\n",
            "space.yaml:3: resources.bad_nodes: expected one of leave_out, refuse (got 'leave')",
            [],
        ),
    ],
)
def test_broken_resources(tmp_path: Path, text: str, start: str, parts: list[str]) -> None:
    check(tmp_path, GOOD + text, start, *parts)
