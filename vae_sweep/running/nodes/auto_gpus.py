"""What `gpu: auto` stands for on a cluster: settled from its nodes, or refused where these do not tell."""

from collections.abc import Sequence

from vae_sweep.config.resource_spec import GPU_SHARE
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.planning.allocation import path_of, trial_resources
from vae_sweep.running.nodes.node_checks import NodeFinding


def may_use_gpus(spec: SweepSpec) -> bool:
    """Say whether a trial asks for GPUs, or would where there are any."""
    return any(trial_resources(spec.resources, method, 1).gpus for method in spec.methods)


def why_gpus_unknown(spec: SweepSpec, found: Sequence[NodeFinding], autoscales: bool) -> str | None:
    """Return why nodes without a GPU for trials do not tell what `auto` is, and what to set; None where they do.

    They do not where a node with GPUs cannot run trials, or nodes with GPUs may still come.
    """
    autos = [method for method in spec.methods if trial_resources(spec.resources, method, 0).gpus == 0]
    autos = [method for method in autos if trial_resources(spec.resources, method, 1).gpus]
    if not autos or any(node.good and node.room.gpus for node in found):
        return None
    path = path_of(spec.resources, autos[0], "gpu")
    fix = f"set {path} to a share such as {GPU_SHARE:g} for trials on GPUs, or to 0 for trials on CPUs"
    if with_gpus := [node for node in found if node.room.gpus]:
        reasons = "\n".join(f"  {node}: {reason}" for node in with_gpus for reason in node.problems)
        return f"{path}: auto: all nodes that offer GPUs cannot run trials:\n{reasons}\nmend them, or {fix}"
    if autoscales:
        return f"{path}: auto: no node that is up has a GPU, and the autoscaler may bring nodes that do; {fix}"
    return None
