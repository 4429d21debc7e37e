"""What `auto` becomes on a cluster, from what its nodes say."""

from typing import Any

import pytest
import torch

from tests.journal_writer import small_sweep
from trainables.ray_trainable import DeviceError, device
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.planning.allocation import NodeCapacity, TrialResources
from vae_sweep.running.cluster_precision import favoured
from vae_sweep.running.nodes.auto_gpus import may_use_gpus, why_gpus_unknown
from vae_sweep.running.nodes.node_checks import NodeFinding

CORE, CARD = TrialResources(1, 0.0), TrialResources(1, 0.25)
QUICK, SLOW = {"cpu": True, "gpu": True}, {"cpu": False, "gpu": False}


def node(cpus: float, gpus: float, *problems: str) -> NodeFinding:
    return NodeFinding("f" * 56, "h", "10.0.0.7", NodeCapacity(cpus, gpus), [*problems])


def sweep(**resources: Any) -> SweepSpec:
    return small_sweep(resources=resources)


def test_auto_may_use_gpus_before_it_is_settled() -> None:
    assert may_use_gpus(sweep())
    assert may_use_gpus(sweep(gpu=0, methods={"vae": {"gpu": 0.5}}))
    assert not may_use_gpus(sweep(gpu=0))


def test_a_cluster_scaled_to_zero_does_not_tell_what_auto_is() -> None:
    said = why_gpus_unknown(sweep(), [node(0, 0)], autoscales=True)
    assert said is not None
    assert said.startswith("resources.gpu: auto: no node that is up has a GPU, and the autoscaler may bring")
    assert said.endswith(
        "set resources.gpu to a share such as 0.25 for trials on GPUs, or to 0 for trials on CPUs"
    )
    own = why_gpus_unknown(sweep(gpu=0, methods={"vae": {"gpu": "auto"}}), [node(0, 0)], autoscales=True)
    assert own is not None
    assert own.startswith("resources.methods.vae.gpu: auto")


def test_nodes_whose_gpus_cannot_be_used_do_not_tell_either() -> None:
    said = why_gpus_unknown(sweep(), [node(1, 0), node(4, 2, "Ray offers 2 GPUs, torch sees 0")], autoscales=False)
    assert said is not None
    assert "all nodes that offer GPUs cannot run trials:\n  node ffffffff (h, 10.0.0.7): Ray offers 2 GPUs" in said


@pytest.mark.parametrize(
    ("resources", "nodes", "autoscales"),
    [
        ({}, [node(4, 0)], False),
        ({}, [node(0, 0), node(4, 1)], True),
        ({}, [node(4, 1, "its storage is gone"), node(4, 1)], True),
        ({"gpu": 0}, [node(0, 0)], True),
        ({"gpu": 0.25}, [node(0, 0)], True),
    ],
)
def test_what_tells(resources: dict[str, Any], nodes: list[NodeFinding], autoscales: bool) -> None:
    assert why_gpus_unknown(sweep(**resources), nodes, autoscales) is None


@pytest.mark.parametrize(
    ("rooms", "answers", "share", "quick"),
    [
        ([(4, 0), (4, 0)], [QUICK, QUICK], CORE, True),
        ([(4, 0), (4, 0)], [QUICK, SLOW], CORE, False),
        ([(0, 0), (4, 0)], [SLOW, QUICK], CORE, True),
        ([(4, 0), (4, 1)], [SLOW, {"cpu": False, "gpu": True}], CARD, True),
        ([(4, 1)], [{"cpu": True, "gpu": False}], CARD, False),
        ([(0, 0)], [QUICK], CORE, None),
        ([(4, 0)], ["it gave no answer within 120 s"], CORE, None),
    ],
)
def test_precision_is_that_of_the_nodes_that_hold_a_trial(
    rooms: list[tuple[float, float]], answers: list[Any], share: TrialResources, quick: bool | None
) -> None:
    names = [f"n{number}" for number in range(len(rooms))]
    there = {name: NodeCapacity(*room) for name, room in zip(names, rooms, strict=True)}
    assert favoured(there, dict(zip(names, answers, strict=True)), {"vae": share}) is quick


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a GPU here")
def test_a_trial_never_computes_on_the_cpu_while_it_holds_a_gpu() -> None:
    assert device([]) == "cpu"
    with pytest.raises(DeviceError, match=r"Ray gave the trial GPU 0 of .* and torch sees none there"):
        device([0])
