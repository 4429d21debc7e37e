"""Before the first trial: nodes that cannot run trials are left out, requests that fit nowhere refused."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray.autoscaler.v2.sdk import get_cluster_status
from ray.experimental.internal_kv import _internal_kv_get

from vae_sweep.config.resource_spec import ResourceSpec
from vae_sweep.errors import LaunchError
from vae_sweep.journal.events import NodesEvent
from vae_sweep.planning.allocation import NodeCapacity, path_of, resources_by_method
from vae_sweep.planning.plan import Plan
from vae_sweep.running.nodes.auto_gpus import may_use_gpus, why_gpus_unknown
from vae_sweep.running.nodes.mlflow_reachability import unreachable_reason
from vae_sweep.running.nodes.node_checks import NodeFinding
from vae_sweep.running.nodes.survey import GRACE, NodeRequirements, Say, alive_nodes, room_of, survey
from vae_sweep.running.nodes.watch import NodeWatch
from vae_sweep.tracking.sweep_mirror import tracking_uri

NODE_LABEL = "ray.io/node-id"
Write = Callable[[NodesEvent], None]


@dataclass
class Placement:
    """Where trials may run: everywhere but on the nodes that are left out; whether an autoscaler brings nodes.

    A trial is placed by what is left out when it is handed to Ray.
    """

    left_out: tuple[str, ...] = ()
    autoscales: bool = False

    def leave_out(self, nodes: Iterable[str]) -> None:
        """Keep trials off nodes from now on."""
        self.left_out = tuple(dict.fromkeys([*self.left_out, *nodes]))

    def take_in(self, nodes: Iterable[str]) -> None:
        """Let trials run on nodes from now on."""
        self.left_out = tuple(node for node in self.left_out if node not in set(nodes))

    @property
    def selector(self) -> dict[str, str]:
        """Return the label selector of tasks and placement groups; empty where no node is left out."""
        return {NODE_LABEL: f"!in({', '.join(self.left_out)})"} if self.left_out else {}

    def rooms(self) -> list[NodeCapacity]:
        """Return what the nodes have that are alive now and not left out."""
        return [room_of(node) for name, node in alive_nodes().items() if name not in self.left_out]


@dataclass(frozen=True)
class Prepared:
    """What is ready to run: the plan, where its trials may, and what tells of further nodes."""

    plan: Plan
    placement: Placement
    watch: NodeWatch | None

    @contextmanager
    def further_nodes(self) -> Iterator[None]:
        """Take nodes in that join, or answer late, for the length of a with block."""
        if self.watch is None:
            yield
            return
        self.watch.start()
        try:
            yield
        finally:
            self.watch.close()


def prepare(plan: Plan, folder: Path, joined: bool, write: Write, say: Say) -> Prepared:
    """Have every node of the Ray session look at itself, journal what was found, and return what may run where.

    Where the good nodes are enough, late ones are not waited for. Raises LaunchError where no node is good, one is
    bad and the spec refuses that, or a trial fits on none.
    """
    wanted = NodeRequirements(
        folder,
        plan.spec.corpus if joined else None,
        plan.data_directory,
        plan.corpus.fingerprint,
        uses_gpus=may_use_gpus(plan.spec) if joined else any(share.gpus for share in plan.shares.values()),
        timeout=plan.spec.resources.node_timeout_seconds,
        objects=plan.spec.storage.objects if joined else None,
    )
    grows = joined and autoscales(plan.spec.resources)
    found = {each.node: each for each in survey(replace(wanted, grace=GRACE), joined, say)}
    ready, refusal, warnings = _verdict(plan, [*found.values()], joined, grows)
    late = [node for node, each in found.items() if not each.answered]
    if refusal is not None and late:
        say(f"waiting for {', '.join(str(found[node]) for node in late)}, {wanted.timeout:g} s at most")
        found |= {each.node: each for each in survey(replace(wanted, only=late), joined, say)}
        ready, refusal, warnings = _verdict(plan, [*found.values()], joined, grows)
    if text := unreachable_reason(tracking_uri(plan.spec)):
        warnings.append(text)
    write(NodesEvent(nodes=[each.plain() for each in found.values()], warnings=warnings))
    if refusal is not None:
        raise LaunchError(refusal)
    placement = Placement(tuple(node for node, each in found.items() if not each.good), grows)

    def ask(nodes: Sequence[str], given_up: Callable[[], bool]) -> list[NodeFinding]:
        return survey(replace(wanted, only=nodes, given_up=given_up), joined, say)

    watch = NodeWatch(found.values(), placement, alive_nodes, ask, write, say) if joined else None
    return Prepared(ready, placement, watch)


def _verdict(
    plan: Plan, found: Sequence[NodeFinding], joined: bool, grows: bool
) -> tuple[Plan, str | None, list[str]]:
    """Return the plan as of the good nodes, why it cannot run there or None, and warnings."""
    good, bad = ([each for each in found if each.good is wish] for wish in (True, False))
    refusal = (
        _refusal(bad, good, plan.spec.resources) or (joined and why_gpus_unknown(plan.spec, found, grows)) or None
    )
    if refusal is not None:
        return plan, refusal, []
    plan = _settled(plan, good) if joined else plan
    misfit = _misfit(plan, good)
    if misfit and grows:
        return plan, None, [f"{misfit}\n  it waits for a node that the autoscaler may bring"]
    return plan, misfit, []


def format_findings(findings: Sequence[NodeFinding]) -> str:
    """Return bad nodes with every reason, one a line."""
    return "\n".join(f"  {each}: {reason}" for each in findings for reason in each.problems)


def _refusal(bad: Sequence[NodeFinding], good: Sequence[NodeFinding], resources: ResourceSpec) -> str | None:
    if not good:
        return f"no node can run trials:\n{format_findings(bad)}"
    if bad and resources.bad_nodes == "refuse":
        return (
            f"{len(bad)} of {len(bad) + len(good)} nodes cannot run trials, and resources.bad_nodes is refuse:\n"
            f"{format_findings(bad)}\nmend them, or run without them with --set resources.bad_nodes=leave_out"
        )
    return None


def _settled(plan: Plan, good: Sequence[NodeFinding]) -> Plan:
    """Return the plan with `auto` shares as of the cluster's GPUs, not this machine's."""
    return replace(plan, shares=resources_by_method(plan.spec, max(node.room.gpus for node in good)))


def _misfit(plan: Plan, good: Sequence[NodeFinding]) -> str | None:
    """Return which trial fits on no good node, and what these have, or None."""
    for method, share in plan.shares.items():
        if any(node.room.holds(share) for node in good):
            continue
        rooms = "; ".join(f"{node}: {node.room.cpus:g} cores, {node.room.gpus:g} GPUs" for node in good)
        short = not any(node.room.gpus >= share.gpus for node in good)
        path = path_of(plan.spec.resources, method, "gpu" if short else "cpu")
        return f"{path}: a trial of {method} asks for {share}, which no node has ({rooms}); ask for less"
    return None


def autoscales(resources: ResourceSpec) -> bool:
    """Say whether nodes may still come: as the spec says, else whether the cluster has types of nodes.

    Without an autoscaler Ray names each node's type after the node.
    """
    if resources.autoscaling != "auto":
        return resources.autoscaling
    nodes = alive_nodes()
    status = get_cluster_status(ray.get_runtime_context().gcs_address)
    seen = [*status.active_nodes, *status.idle_nodes]
    types: dict[Any, Any] = {node.node_id: node.ray_node_type_name for node in seen}
    types |= _types_by_monitor()
    return any(name and name.removeprefix("node_") not in nodes for name in types.values())


def _types_by_monitor() -> dict[str, Any]:
    raw = _internal_kv_get("__autoscaling_status")
    report = (json.loads(raw) if raw else {}).get("autoscaler_report") or {}
    return dict(report.get("node_type_mapping") or {})
