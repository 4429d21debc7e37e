"""A sweep's report: its rows, how they stand against the paper and each other, what is wrong with them."""

from dataclasses import dataclass

from vae_sweep.report.evidence import Evidence, evidence
from vae_sweep.report.tables import Row, rows
from vae_sweep.report.verdicts import Comparison, comparisons
from vae_sweep.tracking.checks import Finding, sweep_findings
from vae_sweep.tracking.records import SweepRecord

BAD_SHARE = 0.1
"""The share of sentences with k > 0.7 above which a row draws a warning."""

NAMED = 8
"""How many cells a warning names."""


@dataclass(frozen=True)
class Report:
    """All that `vae-sweep report` shows, in any format."""

    sweep: str
    rows: list[Row]
    comparisons: list[Comparison]
    violations: list[Finding]
    evidence: Evidence

    @property
    def warnings(self) -> list[str]:
        """Return a line for each split with rows whose importance weights make NLL and PPL untrustworthy."""
        bad = [row for row in self.rows if row.numbers.get("pareto_k_bad", 0.0) > BAD_SHARE]
        splits = dict.fromkeys(row.split for row in bad)
        return [_warning(split, [row for row in bad if row.split == split]) for split in splits]


def make_report(record: SweepRecord, objectives: tuple[str, ...]) -> Report:
    """Return the report of a sweep, also while it runs."""
    return Report(
        sweep=record.name,
        rows=rows(record, objectives),
        comparisons=comparisons(record),
        violations=sweep_findings(record),
        evidence=evidence(record, objectives),
    )


def _warning(split: str, bad: list[Row]) -> str:
    told = [
        f"{row.numbers['pareto_k_bad']:.0%} of cell {row.cell}'s sentences "
        f"({row.numbers['iw_ess']:.1f} of {row.numbers['iw_samples']:.0f} samples effective)"
        for row in bad[:NAMED]
    ]
    more = [f"and so in {len(bad) - NAMED} more"] if len(bad) > NAMED else []
    return f"{split}: NLL and PPL cannot be trusted where Pareto k > 0.7: {', '.join(told + more)}"
