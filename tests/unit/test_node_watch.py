"""Nodes that answer late or join later: left out until they are good."""

from collections.abc import Callable, Sequence

from vae_sweep.journal.events import NodesEvent
from vae_sweep.planning.allocation import NodeCapacity
from vae_sweep.running.nodes.node_checks import NodeFinding
from vae_sweep.running.nodes.placement import NODE_LABEL, Placement
from vae_sweep.running.nodes.self_check import NodeFacts
from vae_sweep.running.nodes.watch import NodeWatch

LATE = "it gave no answer within 10 s"


def finding(node: str, *problems: str) -> NodeFinding:
    facts = None if LATE in problems else NodeFacts(host=node, versions={}, source="")
    return NodeFinding(node, node, "10.0.0.7", NodeCapacity(4, 0), [*problems], facts=facts)


class Cluster:
    """Nodes that are up, what each would say of itself now, and who was asked."""

    def __init__(self, *known: NodeFinding) -> None:
        self.up = {each.node: each for each in known}
        self.asked: list[list[str]] = []
        self.written: list[NodesEvent] = []
        self.said: list[str] = []
        self.placement = Placement(tuple(each.node for each in known if not each.good))
        self.left_out_while_asked: list[tuple[str, ...]] = []
        self.watch = NodeWatch(
            known, self.placement, lambda: list(self.up), self._ask, self.written.append, self.said.append
        )

    def _ask(self, nodes: Sequence[str], given_up: Callable[[], bool]) -> list[NodeFinding]:
        self.asked.append([*nodes])
        self.left_out_while_asked.append(self.placement.left_out)
        return [self.up[node] for node in nodes]


def test_known_nodes_are_not_asked_again() -> None:
    cluster = Cluster(finding("a"), finding("b", "its storage is another"))
    cluster.watch.look(again=True)
    assert (cluster.asked, cluster.placement.left_out) == ([], ("b",))


def test_a_node_that_joins_is_left_out_until_it_is_good() -> None:
    cluster = Cluster(finding("a"))
    cluster.up["b"] = finding("b")
    cluster.watch.look(again=False)
    assert cluster.left_out_while_asked == [("b",)]
    assert cluster.placement.left_out == ()
    assert cluster.said == ["node b (b, 10.0.0.7) is good and gets trials"]
    assert [node["node"] for event in cluster.written for node in event.nodes] == ["b"]


def test_a_bad_node_that_joins_stays_left_out_and_is_named_once() -> None:
    cluster = Cluster(finding("a"))
    cluster.up["b"] = finding("b", "Ray offers 2 GPUs, torch sees 0")
    for again in (False, True):
        cluster.watch.look(again)
    assert cluster.placement.selector == {NODE_LABEL: "!in(b)"}
    assert [event.nodes[0]["problems"] for event in cluster.written] == [["Ray offers 2 GPUs, torch sees 0"]]


def test_a_late_node_is_asked_again_now_and_then_and_taken_in() -> None:
    cluster = Cluster(finding("a"), finding("b", LATE))
    cluster.watch.look(again=False)
    assert cluster.asked == []
    cluster.watch.look(again=True)
    assert (cluster.asked, cluster.placement.left_out, cluster.written) == ([["b"]], ("b",), [])
    cluster.up["b"] = finding("b")
    cluster.watch.look(again=True)
    assert cluster.placement.left_out == ()
    assert cluster.written[0].nodes[0]["good"]
    cluster.watch.look(again=True)
    assert cluster.asked == [["b"], ["b"]]


def test_a_node_that_went_is_not_asked() -> None:
    cluster = Cluster(finding("a"), finding("b", LATE))
    del cluster.up["b"]
    cluster.watch.look(again=True)
    assert cluster.asked == []
