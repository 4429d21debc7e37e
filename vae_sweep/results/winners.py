"""The winners of a sweep: the best replicate of each cell on its front."""

from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.records import SweepRecord
from vae_sweep.results.front import cells_of, front_cells, objectives_of
from vae_sweep.results.leaders import Leaders
from vae_sweep.results.retention import best_replicates


def leaders(spec: SweepSpec, record: SweepRecord) -> Leaders:
    """Return the front's winners, the best cell by the first objective first, and the lowest means.

    Those that collapsed come last: a decoder that ignores z may have the best perplexity, and its code is useless.
    """
    metrics = spec.search.objectives
    values = objectives_of(record, metrics)
    replicates = best_replicates(spec, record, lambda trial: True)
    front = [cell for cell in front_cells(record, metrics) if cell in replicates]

    def rank(cell: int) -> tuple[bool, list[float], int]:
        final = record.trials[replicates[cell]].final
        return final is not None and final.outcome == "collapsed", values[cell], cell

    best: dict[str, float] = {
        metric: min(means) for metric, means in zip(metrics, zip(*values.values(), strict=True), strict=False)
    }
    return Leaders(tuple(replicates[cell] for cell in sorted(front, key=rank)), best)


def no_front(spec: SweepSpec, record: SweepRecord) -> str:
    """Return why a sweep without winners has none, as what follows its name."""
    unknown = cells_of(record, spec.search.objectives).unknown_likelihood
    if not unknown:
        return "has no cell on a front yet, whose seeds have all ended"
    first = min(unknown)
    return f"has no cell that can be ranked (cell {first}: {unknown[first]}; vae-sweep score measures it anew)"
