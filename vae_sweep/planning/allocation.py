"""What a trial occupies, what a node has, and whether the trial fits."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vae_sweep.config.resource_spec import GPU_SHARE, ResourceSpec
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError

SLACK = 1e-4
"""Ray counts resources in ten-thousandths."""


@dataclass(frozen=True)
class TrialResources:
    """What a trial occupies; its threads are its cores, and decide bits."""

    threads: int
    gpus: float

    def __str__(self) -> str:
        cores = f"{self.threads} core{'s' * (self.threads > 1)}"
        return f"{cores} and {self.gpus:g} GPU" if self.gpus else cores


@dataclass(frozen=True)
class NodeCapacity:
    """What a node has, or what a trial takes of it."""

    cpus: float
    gpus: float

    def holds(self, share: TrialResources) -> bool:
        return share.threads <= self.cpus + SLACK and share.gpus <= self.gpus + SLACK

    def times(self, taken: "NodeCapacity") -> int:
        """Return how often this holds what trials take at once."""
        pairs = ((self.cpus, taken.cpus), (self.gpus, taken.gpus))
        return min(int((has + SLACK) / asked) for has, asked in pairs if asked)


def trial_resources(resources: ResourceSpec, method: str, cards: float) -> TrialResources:
    """Return what a trial of a method occupies; `cards` are the GPUs of the best machine."""
    own = resources.methods.get(method)
    cpu = own.cpu if own and own.cpu is not None else resources.cpu
    gpu = own.gpu if own and own.gpu is not None else resources.gpu
    threads = 1 if cpu == "auto" else cpu
    return TrialResources(threads, (GPU_SHARE if cards else 0.0) if gpu == "auto" else float(gpu))


def resources_by_method(spec: SweepSpec, cards: float) -> dict[str, TrialResources]:
    """Return what a trial of each method occupies. Raises LaunchError where one exceeds `max_gpus`."""
    shares = {method: trial_resources(spec.resources, method, cards) for method in spec.methods}
    most = spec.resources.max_gpus
    for method, share in shares.items():
        if most is not None and share.gpus > most + SLACK:
            raise LaunchError(
                f"resources.max_gpus: {most:g}, but a trial of {method} asks for {share.gpus:g} GPUs; "
                f"allow that many, or give it less with {path_of(spec.resources, method, 'gpu')}"
            )
    return shares


def check_machine(spec: SweepSpec, shares: dict[str, TrialResources], cards: int) -> None:
    """Raise LaunchError where this machine, alone, can never run a trial."""
    cores = os.cpu_count() or 1
    for method, share in shares.items():
        if share.threads > cores:
            raise LaunchError(
                f"{path_of(spec.resources, method, 'cpu')}: a trial asks for {share.threads} cores, "
                f"this machine has {cores}; ask for at most that"
            )
        if share.gpus > cards:
            raise LaunchError(
                f"{path_of(spec.resources, method, 'gpu')}: a trial asks for {share.gpus:g} GPUs, "
                f"this machine has {cards}; set it to 0 or auto"
            )


def path_of(resources: ResourceSpec, method: str, field: str) -> str:
    """Return where in a sweep file a method's cpu or gpu comes from."""
    own = resources.methods.get(method)
    given = own is not None and getattr(own, field) is not None
    return f"resources.methods.{method}.{field}" if given else f"resources.{field}"


def scaled_resources(
    share: TrialResources, factor: int, rooms: Iterable[NodeCapacity], max_gpus: float | None = None
) -> NodeCapacity:
    """Return a trial's share times a factor: at most one whole node that holds the share, at most `max_gpus`.

    Where no node holds it now the share stays unchanged, and the trial waits for a node.
    """
    most = float("inf") if max_gpus is None else max_gpus
    found = [
        NodeCapacity(min(share.threads * factor, room.cpus), min(share.gpus * factor, room.gpus, most))
        for room in rooms
        if room.holds(share)
    ]
    return max(found, key=lambda room: (room.gpus, room.cpus), default=NodeCapacity(share.threads, share.gpus))


def without_room(taken: Iterable[NodeCapacity], rooms: Iterable[NodeCapacity]) -> int:
    """Return how many trials find no node, the largest first, each on the first node that still holds it."""
    free, missing = list(rooms), 0
    for each, alike in Counter(sorted(taken, key=lambda room: (room.gpus, room.cpus), reverse=True)).items():
        left = alike
        for at, room in enumerate(free):
            here = min(left, room.times(each))
            free[at] = NodeCapacity(room.cpus - here * each.cpus, room.gpus - here * each.gpus)
            left -= here
        missing += left
    return missing


def fits_gpu_limit(running: Sequence[float], wanted: float, max_gpus: float | None) -> bool:
    """Say whether a trial may hold so many GPUs beside those that the running ones hold."""
    return max_gpus is None or not wanted or sum(running) + wanted <= max_gpus + SLACK
