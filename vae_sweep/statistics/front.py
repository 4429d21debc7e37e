"""The Pareto front: what nothing else beats on every objective."""

from collections.abc import Sequence


def dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    """Say whether `a` is nowhere worse than `b` and somewhere better; all objectives fall."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


def on_front(points: Sequence[Sequence[float]]) -> list[bool]:
    """Return for each point whether no other dominates it; equal points stand on the front together."""
    return [not any(dominates(other, point) for other in points) for point in points]
