"""How often intervals of a front's hypervolume hold the truth, over a few seeds: the table of docs/reading.md.

    python -m benchmarks.hypervolume_intervals

Made-up fronts under Gaussian noise, with and without a part that all cells of a seed share; a minute.
"""

import random
from collections.abc import Sequence
from itertools import product
from statistics import fmean

from vae_sweep.statistics.hypervolume import hypervolume
from vae_sweep.statistics.intervals import mean_interval
from vae_sweep.statistics.replicates import Replicates, front_hypervolume, means

FRONTS: dict[str, list[tuple[float, float]]] = {
    "5 spread cells": [(1, 4), (2, 2), (4, 1), (4, 4), (3, 3)],
    "10 crowded cells": [(1 + place / 5, 3 - place / 5) for place in range(10)],
}
REFERENCE = (5.0, 5.0)
DRAWS, RESAMPLES = 150, 60


def main() -> None:
    """Print, for each front, noise and number of seeds, the share of intervals that hold the true hypervolume."""
    dice = random.Random(0)  # noqa: S311
    for (name, front), noise, shares, seeds in product(FRONTS.items(), (0.05, 0.3), (False, True), (2, 3, 5, 10)):
        truth = hypervolume(front, REFERENCE)
        held = [_held(_drawn(front, seeds, noise, noise * shares, dice), truth, dice) for _ in range(DRAWS)]
        jackknife, single, bootstrap = (fmean(column) for column in zip(*held, strict=True))
        print(
            f"{name}, noise {noise}{' and as much shared' if shares else ''}, {seeds} seeds: jackknife "
            f"{jackknife:.0%}, one a seed {single:.0%}, bootstrap {bootstrap:.0%}",
            flush=True,
        )


def _drawn(
    front: Sequence[tuple[float, float]], seeds: int, noise: float, shared: float, dice: random.Random
) -> Replicates:
    common = [[dice.gauss(0, shared) for _ in REFERENCE] for _ in range(seeds)]
    return {
        cell: {
            seed: [x + common[seed][axis] + dice.gauss(0, noise) for axis, x in enumerate(point)]
            for seed in range(seeds)
        }
        for cell, point in enumerate(front)
    }


def _held(cells: Replicates, truth: float, dice: random.Random) -> tuple[bool, bool, bool]:
    seeds = list(next(iter(cells.values())))
    single = mean_interval([hypervolume([each[seed] for each in cells.values()], REFERENCE) for seed in seeds])
    found = []
    for interval in (front_hypervolume(cells, REFERENCE), single):
        found.append(abs(interval.mean - truth) <= (interval.half_width or 0.0))
    volumes = sorted(_resampled(cells, dice.choices(seeds, k=len(seeds))) for _ in range(RESAMPLES))
    cut = RESAMPLES // 40
    return found[0], found[1], volumes[cut] <= truth <= volumes[-1 - cut]


def _resampled(cells: Replicates, seeds: Sequence[int]) -> float:
    picked = {cell: {place: each[seed] for place, seed in enumerate(seeds)} for cell, each in cells.items()}
    return hypervolume(list(means(picked).values()), REFERENCE)


if __name__ == "__main__":
    main()
