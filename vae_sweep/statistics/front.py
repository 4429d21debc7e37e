"""The Pareto front: what nothing else beats on every objective, and the ranks behind it."""

from collections.abc import Sequence


def dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    """Say whether `a` is nowhere worse than `b` and somewhere better; all objectives fall."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


def on_front(points: Sequence[Sequence[float]]) -> list[bool]:
    """Return for each point whether no other dominates it; equal points stand on the front together."""
    return [not any(dominates(other, point) for other in points) for point in points]


def ranks(points: Sequence[Sequence[float]]) -> list[int]:
    """Return each point's non-dominated rank: 0 on the front, 1 on that of the rest, ... (Deb et al. 2002)."""
    found, left, rank = [0] * len(points), list(range(len(points))), 0
    while left:
        flags = on_front([points[place] for place in left])
        for place, flag in zip(left, flags, strict=True):
            if flag:
                found[place] = rank
        left = [place for place, flag in zip(left, flags, strict=True) if not flag]
        rank += 1
    return found
