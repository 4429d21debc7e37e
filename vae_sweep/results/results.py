"""A sweep's results: its cells, how they stand against the paper and each other, what is wrong with them."""

from dataclasses import dataclass

from vae_sweep.journal.invariants import BrokenInvariant, sweep_findings
from vae_sweep.journal.records import SweepRecord
from vae_sweep.results.cells import CellResult, cell_results
from vae_sweep.results.evidence import Evidence, evidence
from vae_sweep.results.front import NOT_TIGHT
from vae_sweep.results.verdicts import PaperComparison, comparisons
from vae_sweep.statistics.trust import MOST_BAD

NAMED = 8
"""How many cells a warning names."""


@dataclass(frozen=True)
class Results:
    """All that `vae-sweep report` shows, in any format."""

    sweep: str
    rows: list[CellResult]
    comparisons: list[PaperComparison]
    violations: list[BrokenInvariant]
    evidence: Evidence

    @property
    def warnings(self) -> list[str]:
        """Return a line for each split with cells whose NLL and PPL are not known after all samples."""
        bad = [row for row in self.rows if row.unknown_likelihood and row.unknown_likelihood != NOT_TIGHT]
        splits = dict.fromkeys(row.split for row in bad)
        return [_warning(split, [row for row in bad if row.split == split]) for split in splits]


def compute_results(record: SweepRecord, objectives: tuple[str, ...]) -> Results:
    """Return the report of a sweep, also while it runs."""
    return Results(
        sweep=record.name,
        rows=cell_results(record, objectives),
        comparisons=comparisons(record),
        violations=sweep_findings(record),
        evidence=evidence(record, objectives),
    )


def _warning(split: str, bad: list[CellResult]) -> str:
    shown = [
        f"{row.numbers['pareto_k_bad']:.1%} of cell {row.cell}'s ({row.numbers.get('samples', 0):.0f} samples)"
        for row in bad[:NAMED]
    ]
    more = [f"and so of {len(bad) - NAMED} cells more"] if len(bad) > NAMED else []
    limit = f"more than {MOST_BAD:.0%} of the sentences have Pareto k > 0.7 after all samples"
    return f"{split}: NLL and PPL are not known where {limit}: {', '.join(shown + more)}"
