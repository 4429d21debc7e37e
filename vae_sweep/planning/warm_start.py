"""Cells of an earlier sweep that a search learns from, where their numbers mean the same."""

from collections.abc import Iterator
from typing import Any

from trainables.base import flat
from trainables.files import is_file
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.journal.events import WarmEvent
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.records import SweepRecord
from vae_sweep.planning.compatibility import in_space
from vae_sweep.planning.plan import Plan
from vae_sweep.results.front import cells_of, objectives_of
from vae_sweep.storage.layout import JOURNAL_FILE, sweep_folder, warm_folder

_FIELD = "search.warm_start"
_METRICS = ("search_samples", "search_error", "search_sentences", "activity_boundary")
"""Settings of the evaluation on which validation numbers depend."""


def warm_cells(plan: Plan, own: SweepRecord | None = None) -> WarmEvent | None:
    """Return what is to be journaled of the earlier sweep: its folder, its cells in this space, their objectives.

    None where the spec asks for none, or the sweep has journaled them before, by its `own` record or else its
    journal. Raises LaunchError where there is no such sweep, where its corpus or metrics are others, or where none
    of its cells can be used.
    """
    folder, path = warm_folder(plan.spec), sweep_folder(plan.spec) / JOURNAL_FILE
    if folder is None:
        return None
    if own is None and is_file(path):
        own = read_sweep(path)
    if own is not None and own.warm:
        return None
    if not is_file(folder / JOURNAL_FILE):
        raise LaunchError(
            f"{_FIELD}: {folder} holds no sweep ({JOURNAL_FILE} is absent); vae-sweep list shows them"
        )
    record = read_sweep(folder / JOURNAL_FILE)
    if differences := list(_differences(plan, record)):
        lines = "\n".join(f"  {line}" for line in differences)
        raise LaunchError(
            f"{_FIELD}: the numbers of {folder} are not those of this sweep:\n{lines}\n"
            "learn from a sweep of the same corpus and evaluation, or leave warm_start out"
        )
    cells = list(_usable(plan.spec, record))
    unknown = cells_of(record, plan.spec.search.objectives).unknown_likelihood
    if not cells and unknown:
        raise LaunchError(
            f"{_FIELD}: of the cells of {folder} {len(unknown)} cannot be ranked (cell {min(unknown)}: "
            f"{unknown[min(unknown)]}); measure them anew with vae-sweep score {folder}, or leave warm_start out"
        )
    if not cells:
        raise LaunchError(
            f"{_FIELD}: none of the {len(record.cells)} cells of {folder} has ended with all objectives and "
            "lies in this space; widen methods, or leave warm_start out"
        )
    return WarmEvent(sweep=str(plan.spec.search.warm_start), cells=cells, others=len(record.cells) - len(cells))


def _differences(plan: Plan, record: SweepRecord) -> Iterator[str]:
    theirs = record.launches[-1].corpus.get("fingerprint") if record.launches else None
    if theirs != plan.corpus.fingerprint:
        yield f"corpus fingerprint: {str(theirs)[:12]} there, {plan.corpus.fingerprint[:12]} here"
    there, here = record.spec.get("evaluation", {}), flat(plan.spec.evaluation.model_dump(mode="json"))
    for name in _METRICS:
        if name in there and flat(there[name], name)[name] != here[name]:
            yield f"evaluation.{name}: {there[name]} there, {here[name]} here"


def _usable(spec: SweepSpec, record: SweepRecord) -> Iterator[dict[str, Any]]:
    values = objectives_of(record, spec.search.objectives)
    for number, cell in sorted(record.cells.items()):
        if number in values and in_space(spec, cell):
            yield {"method": cell.method, "values": cell.values, "objectives": values[number]}
