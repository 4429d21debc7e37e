"""The Pareto front: what nothing else beats on every objective, and the ranks behind it."""

from collections.abc import Sequence


def dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    """Say whether `a` is nowhere worse than `b` and somewhere better; all objectives fall."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


def on_front(points: Sequence[Sequence[float]]) -> list[bool]:
    """Return for each point whether no other dominates it; equal points stand on the front together.

    In lexicographic order a point comes after all that dominate it, and what is dominated at all is dominated from
    the front: so each point is held against the front found so far, and not against all points.
    """
    flags, front = [False] * len(points), list[Sequence[float]]()
    for place in sorted(range(len(points)), key=lambda place: tuple(points[place])):
        flags[place] = not any(dominates(other, points[place]) for other in reversed(front))
        if flags[place]:
            front.append(points[place])
    return flags


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
