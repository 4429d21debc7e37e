"""Which trials a page shows whole where there are many: a page of every number of every trial is slow to open."""

from collections.abc import Sequence

from vae_sweep.journal.records import SweepRecord
from vae_sweep.results.cells import CellResult

MOST_TRIALS = 150
"""Trials up to which a page shows all of each."""


def whole_trials(record: SweepRecord, rows: Sequence[CellResult]) -> list[str]:
    """Return the trials whose learning curves and last numbers a page shows, in the order of their names.

    Where there are more than MOST_TRIALS, these are the trials of the cells on the front, then others at even
    distances.
    """
    names = sorted(record.trials)
    if len(names) <= MOST_TRIALS:
        return names
    front = {row.cell for row in rows if row.front}
    first = [name for name in names if record.trials[name].cell in front][:MOST_TRIALS]
    others, room = [name for name in names if record.trials[name].cell not in front], MOST_TRIALS - len(first)
    return sorted([*first, *(others[place * len(others) // room] for place in range(min(room, len(others))))])


def thinned_sentence(whole: int, trials: int) -> str:
    """Return in words what a page leaves out; empty where it leaves out nothing."""
    if whole == trials:
        return ""
    return (
        f"Of {trials} trials, {whole} are shown with their curves and last numbers: those of the front, then "
        "others at even distances."
    )
