"""Which precision `auto` stands for where the trials run on a cluster: its nodes are asked, not this machine."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vae_sweep.errors import LaunchError
from vae_sweep.planning.allocation import NodeCapacity, TrialResources, resources_by_method
from vae_sweep.planning.plan import Plan
from vae_sweep.planning.precision import bfloat16_support, with_precision
from vae_sweep.running.nodes.auto_gpus import why_gpus_unknown
from vae_sweep.running.nodes.placement import autoscales
from vae_sweep.running.nodes.survey import GRACE, alive_nodes, on_nodes, room_of, unseen
from vae_sweep.running.ray_session import ray_session


def settled_on_cluster(plan: Plan) -> Plan:
    """Return the plan with the precision that suits the cluster's nodes, where `auto` asked this machine.

    Raises LaunchError where no cluster answers, or its nodes do not tell.
    """
    if not plan.precision_of_machine or not os.environ.get("RAY_ADDRESS"):
        return plan
    with ray_session():
        nodes = alive_nodes()
        timeout = plan.spec.resources.node_timeout_seconds
        grows = autoscales(plan.spec.resources)
        if refusal := why_gpus_unknown(plan.spec, [unseen(info) for info in nodes.values()], grows):
            raise LaunchError(refusal)
        answers = dict(on_nodes(bfloat16_support, dict.fromkeys(nodes, ()), timeout, GRACE))
    rooms = {node: room_of(info) for node, info in nodes.items()}
    shares = resources_by_method(plan.spec, max(room.gpus for room in rooms.values()))
    quick = favoured(rooms, answers, shares)
    if quick is None:
        raise LaunchError(
            "model.precision: auto: no node that is up could run a trial and say whether bfloat16 is quicker "
            "there; set model.precision to float32 or bfloat16"
        )
    return replace(plan, spec=with_precision(plan.spec, "bfloat16" if quick else "float32"))


def favoured(
    rooms: Mapping[str, NodeCapacity], answers: Mapping[str, Any], shares: Mapping[str, TrialResources]
) -> bool | None:
    """Say whether bfloat16 is quicker on every node for every trial that fits there; None where no node says.

    `answers` are those of `bfloat16_support`, or why there is none.
    """
    found = [
        answer["gpu" if share.gpus else "cpu"]
        for node, answer in answers.items()
        for share in shares.values()
        if isinstance(answer, dict) and rooms[node].holds(share)
    ]
    return all(found) if found else None
