"""The verdict on a node: what it found against what the driver has and the sweep needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vae_sweep.planning.allocation import NodeCapacity
from vae_sweep.running.nodes.self_check import NodeFacts

CLOCK_BOUND = 2.0
"""Seconds between a node's clock and the driver's above which a warning is due."""

GIGABYTE = 1e9
LEAST_FREE, LEAST_FREE_SHARE = 1 * GIGABYTE, 0.05
"""A storage with less free than both is nearly full."""


@dataclass(frozen=True)
class Expected:
    """What a node is held against: the driver's versions and source, and whether trials use GPUs."""

    versions: Mapping[str, str | None]
    source: str
    uses_gpus: bool


@dataclass
class NodeFinding:
    """A node, and what speaks against running trials there; `clock` is its time less the driver's, in seconds.

    Without `facts` it has given no answer.
    """

    node: str
    host: str
    address: str
    room: NodeCapacity
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    clock: float | None = None
    facts: NodeFacts | None = None

    @property
    def good(self) -> bool:
        """Say whether trials may run there."""
        return not self.problems

    @property
    def answered(self) -> bool:
        """Say whether the node has looked at itself."""
        return self.facts is not None

    def __str__(self) -> str:
        return f"node {self.node[:8]} ({self.host}, {self.address})"

    def plain(self) -> dict[str, Any]:
        """Return what the journal holds of it."""
        return {
            "node": self.node,
            "host": self.host,
            "address": self.address,
            "good": self.good,
            "problems": self.problems,
            "warnings": self.warnings,
            "clock": self.clock,
            "cpus": self.room.cpus,
            "gpus": self.room.gpus,
            "versions": dict(self.facts.versions) if self.facts else {},
        }


def check_node(finding: NodeFinding, expected: Expected) -> None:
    """Add to a finding what its facts and its clock amount to."""
    facts = finding.facts
    if facts is None:
        return
    finding.host = facts.host
    if facts.storage:
        finding.problems.append(
            f"storage.directory: {facts.storage}; every node must see the same, writable directory"
        )
    elif facts.free < LEAST_FREE and facts.free < LEAST_FREE_SHARE * facts.total:
        finding.warnings.append(f"storage.directory: {facts.free / GIGABYTE:.2f} GB free of what it writes to")
    if facts.objects:
        finding.problems.append(f"storage.objects: {facts.objects}")
    if facts.corpus:
        finding.problems.append(facts.corpus)
    _versions(finding, facts, expected)
    _gpus(finding, facts, expected)
    if finding.clock is not None and abs(finding.clock) > CLOCK_BOUND:
        way = "ahead of" if finding.clock > 0 else "behind"
        finding.warnings.append(
            f"its clock is {abs(finding.clock):.1f} s {way} the driver's; run a time service there"
        )


def _versions(finding: NodeFinding, facts: NodeFacts, expected: Expected) -> None:
    differ = [
        f"{name} {facts.versions.get(name) or 'absent'}, here {wanted or 'absent'}"
        for name, wanted in expected.versions.items()
        if facts.versions.get(name) != wanted
    ]
    if differ:
        finding.problems.append(f"libraries differ from the driver's: {'; '.join(differ)}; install the same")
    elif facts.source != expected.source:
        finding.problems.append(
            f"its vae-sweep is another source (sha256 {facts.source[:12]}, here {expected.source[:12]}); "
            "install the same, or look at PYTHONPATH there"
        )


def _gpus(finding: NodeFinding, facts: NodeFacts, expected: Expected) -> None:
    offered = finding.room.gpus
    if facts.gpus < offered:
        text = (
            f"Ray offers {offered:g} GPUs, torch sees {facts.gpus}; mend the driver, or start Ray with --num-gpus"
        )
        (finding.problems if expected.uses_gpus else finding.warnings).append(text)
    elif facts.gpus > offered:
        finding.warnings.append(f"torch sees {facts.gpus} GPUs, Ray offers {offered:g}: the rest stays idle")
