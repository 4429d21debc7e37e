"""Whether a spec may take the place of the one that a sweep was launched with."""

from collections.abc import Iterator
from pathlib import Path

from trainables.base import flat
from trainables.files import is_file
from vae_sweep.domains import holds
from vae_sweep.errors import LaunchError
from vae_sweep.spec import SweepSpec
from vae_sweep.sweep.folder import JOURNAL_FILE, check_writable, stored_spec
from vae_sweep.sweep.objects import check_objects
from vae_sweep.tracking.ledger import read_sweep
from vae_sweep.tracking.records import CellRecord

FREE = ("resources", "storage", "tracking", "data")
"""Parts of a spec that may differ between launches of one sweep: they change no number."""

EXTENSIBLE = (
    "seeds",
    "methods",
    "search.kind",
    "search.trials",
    "search.seed",
    "search.first_seeds",
    "search.pruning",
)
"""Parts that `--extend` may change, as long as every cell stays what it was."""


def check_folder(folder: Path, spec: SweepSpec, extend: bool = False) -> None:
    """Raise LaunchError where the folder cannot be written or holds a sweep whose cells would change."""
    check_writable(folder)
    check_objects(spec)
    old = stored_spec(folder)
    if old is None or not (differences := changed(old, spec)):
        return
    shown = "\n".join(f"  {line}" for line in differences)
    problems = list(_objections(folder, old, spec))
    if not problems and extend:
        return
    if problems:
        why = "\n".join(f"  {line}" for line in problems)
        raise LaunchError(
            f"{folder} holds a sweep {spec.name!r} with another spec and cannot be extended to this one:\n{why}\n"
            f"launch under another name (--set name=NEW), or resume the old one; the differences:\n{shown}"
        )
    raise LaunchError(
        f"{folder} holds a sweep {spec.name!r} with another spec; add --extend to run what is new under this one, "
        f"launch under another name (--set name=NEW), or resume the old one:\n{shown}"
    )


def changed(old: SweepSpec, new: SweepSpec) -> list[str]:
    """Return the differences that would change results, one `path: old -> new` a line."""
    a, b = (flat(spec.model_dump(mode="json", by_alias=True, exclude=set(FREE))) for spec in (old, new))
    return [f"{key}: {a.get(key, '-')} -> {b.get(key, '-')}" for key in sorted(a | b) if a.get(key) != b.get(key)]


def _objections(folder: Path, old: SweepSpec, new: SweepSpec) -> Iterator[str]:
    """Yield why the sweep cannot go on under the new spec with all its cells as they are."""
    for line in changed(old, new):
        if not line.startswith(EXTENSIBLE):
            yield f"{line} would alter every cell"
    if gone := sorted(set(old.seeds) - set(new.seeds)):
        yield f"seeds: {', '.join(map(str, gone))} would go"
    if not is_file(folder / JOURNAL_FILE):
        return
    for cell in read_sweep(folder / JOURNAL_FILE).cells.values():
        if not in_space(new, cell):
            values = ", ".join(f"{name}={value}" for name, value in cell.values.items())
            yield f"cell {cell.number} ({cell.method}{' ' * bool(values)}{values}) would no longer be in the space"


def in_space(spec: SweepSpec, cell: CellRecord) -> bool:
    """Say whether a spec's space holds a cell."""
    row = spec.methods.get(cell.method)
    if row is None or row.keys() != cell.values.keys():
        return False
    return all(holds(domain, cell.values[name]) for name, domain in row.items())
