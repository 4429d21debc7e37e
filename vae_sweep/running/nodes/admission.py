"""Whether the cluster has room for one more trial: how many are drawn and handed to Ray at once."""

from collections.abc import Callable, Sequence

from vae_sweep.config.search_spec import BLIND
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.planning.allocation import (
    NodeCapacity,
    TrialResources,
    fits_gpu_limit,
    scaled_resources,
    without_room,
)
from vae_sweep.search.state import Assignment

MOST_WAITING = 200
"""Trials that may wait for nodes of an autoscaler where no result changes what is drawn; as many as Ray's own."""


class Admission:
    """Says whether a trial may be handed to Ray beside those that run or wait; `rooms` are the good nodes' now.

    Where results decide what is drawn next, no more trials are drawn than the nodes hold, so that each is drawn
    with all that is known; else one waits, so that a worker that is free finds it. An autoscaler must see what
    waits: as many trials again as there is room for, or as `max_concurrent` allows.
    """

    def __init__(
        self,
        spec: SweepSpec,
        shares: dict[str, TrialResources],
        rooms: Callable[[], Sequence[NodeCapacity]],
        autoscales: bool,
    ) -> None:
        self._spec, self._shares, self._rooms, self._autoscales = spec, shares, rooms, autoscales
        self._blind = spec.search.kind in BLIND

    def admits(self, running: Sequence[Assignment], wanted: Assignment | None) -> bool:
        """Say whether `wanted`, or where nothing is drawn yet a trial of any method, may start beside others."""
        candidates = set(self._shares.values()) if wanted is None else {self._shares[wanted.cell.method]}
        factor = 1 if wanted is None else 2**wanted.retries
        rooms = self._rooms()
        return any(
            self._within_max_gpus(running, share, factor)
            and (wanted is not None or self._has_node(running, share, rooms))
            for share in candidates
        )

    def _within_max_gpus(self, running: Sequence[Assignment], share: TrialResources, factor: int) -> bool:
        most = self._spec.resources.max_gpus
        if most is None:
            return True
        held = [min(most, self._shares[each.cell.method].gpus * 2**each.retries) for each in running]
        return fits_gpu_limit(held, min(most, share.gpus * factor), most)

    def _has_node(
        self, running: Sequence[Assignment], share: TrialResources, rooms: Sequence[NodeCapacity]
    ) -> bool:
        resources, waiting = self._spec.resources, 1 if self._blind else 0
        if self._autoscales and resources.max_concurrent is not None:
            return True
        taken = [
            scaled_resources(self._shares[each.cell.method], 2**each.retries, rooms, resources.max_gpus)
            for each in running
        ]
        if self._autoscales:
            rooms, waiting = [*rooms, *rooms], MOST_WAITING if self._blind else 0
        return without_room([*taken, NodeCapacity(share.threads, share.gpus)], rooms) <= waiting
