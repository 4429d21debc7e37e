"""Pruning: cells of one rung against each other, on the ranks of their fronts."""

from collections.abc import Mapping, Sequence
from typing import Any

from ray.tune import Stopper

from trainables.training.report import RungReport
from vae_sweep.config.search_spec import ObjectiveName, PruningSpec
from vae_sweep.journal.invariants import metrics_of
from vae_sweep.search.state import column_means
from vae_sweep.statistics.front import ranks
from vae_sweep.statistics.trust import Metrics, cannot_tell

_Numbers = Mapping[str, float | None]


class AsyncSuccessiveHalving:
    """Successive halving as cells come, by non-dominated ranks of their means over seeds at a rung.

    A cell is pruned if, with its own objectives lowered by the margin, it is not in the share of the rung's
    cells, ordered by front, that goes on. The ELBO as an objective is judged by the NLL. A cell
    whose likelihood is not known at the rung is not pruned and prunes no other.
    """

    def __init__(self, pruning: PruningSpec, objectives: Sequence[ObjectiveName]) -> None:
        self._pruning = pruning
        self._metrics = ["nll" if metric == "neg_elbo" else metric for metric in objectives]
        self._seen: dict[int, dict[int, dict[int, Metrics]]] = {}

    def note(self, cell: int, seed: int, rung: int, numbers: _Numbers) -> bool:
        """Take in what a replicate gave at a rung; return whether it has all objectives."""
        metrics = metrics_of(numbers, "validation")
        whole = all(metrics.get(metric) is not None for metric in self._metrics)
        if whole:
            self._seen.setdefault(rung, {}).setdefault(cell, {})[seed] = metrics
        return whole

    def judge(self, cell: int, seed: int, rung: int, numbers: _Numbers) -> str | None:
        """Return in words why a replicate is to end at this rung; None where it goes on."""
        whole = self.note(cell, seed, rung, numbers)
        seen = {
            name: column_means(
                [
                    [value for metric in self._metrics if (value := row[metric]) is not None]
                    for row in rows.values()
                ]
            )
            for name, rows in self._seen.get(rung, {}).items()
            if not cannot_tell(rows.values(), self._metrics)
        }
        pruning = self._pruning
        if not whole or cell not in seen or len(seen) < pruning.least:
            return None
        own = seen.pop(cell)
        *theirs, mine = ranks([*seen.values(), [value * (1 - pruning.margin) for value in own]])
        ahead, count = sum(rank < mine for rank in theirs), len(seen) + 1
        if ahead < pruning.keep * count:
            return None
        found = ", ".join(f"{metric} {value:.2f}" for metric, value in zip(self._metrics, own, strict=True))
        return (
            f"after {rung} VAE epochs {found}; {ahead} of the {count} cells seen there lie on "
            f"better fronts, also with {pruning.margin:.0%} off its numbers, and {pruning.keep:.0%} go on"
        )


class RungStopper(Stopper):
    """Ends a trial that is judged unfit at a rung; its result carries the reason as `pruned`.

    Judged are the `seeds` that every cell gets; the others, which a race gives to contenders, run to their end. A
    trial that is collapsed ends by itself, with its last numbers, and is left to do so.
    """

    def __init__(self, halving: AsyncSuccessiveHalving, seeds: Sequence[int]) -> None:
        self._halving, self._seeds = halving, seeds

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Say whether a trial ends with this result."""
        if result.get("kind") != "rung" or result["identity"]["seed"] not in self._seeds:
            return False
        cell, seed = result["identity"]["cell"], result["identity"]["seed"]
        report = RungReport.model_validate_json(result["report"])
        reason = self._halving.judge(cell, seed, report.epoch, report.numbers)
        if reason is None or report.collapsed is not None:
            return False
        result["pruned"] = reason
        return True

    def stop_all(self) -> bool:
        """Never end all trials."""
        return False

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything out of Ray's snapshots of the tuner."""
        return {}
