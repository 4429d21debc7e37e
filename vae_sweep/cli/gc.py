"""`vae-sweep gc`: deletes what a sweep has no use for any more."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from vae_sweep.cli.arguments import Folder, make_console, write_utf8
from vae_sweep.formatting import format_bytes, pluralise

if TYPE_CHECKING:
    from vae_sweep.gc.collect import Collection

_REASONS = {
    "unscored": "whose test split is still to be scored",
    "front": "of cells on the front",
    "best": "best of their cell",
}


def gc(
    sweep: Folder,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Delete nothing; show what would go.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Delete checkpoints and pretrainings that nothing needs any more; the front, the best and what is open stay.

    Safe to kill and to repeat. Refuses while a driver holds the sweep; --dry-run does not.
    """
    from vae_sweep.gc.collect import collect

    console = make_console()

    def note(text: str) -> None:
        console.print(text, soft_wrap=True, highlight=False, markup=False)

    found = collect(sweep, dry_run, (lambda text: None) if as_json else note)
    if as_json:
        write_utf8()
        print(found.model_dump_json(indent=1))
        return
    if found.kinds:
        console.print(_table(found))
    else:
        note(f"{found.sweep}: nothing to free")
    note(_kept(found))


def _table(found: "Collection") -> Table:

    from vae_sweep.gc.garbage import KINDS

    verb = "to be freed" if found.dry_run else "freed"
    table = Table(title=f"{found.sweep}: {verb}", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("what")
    for heading in ("count", "bytes"):
        table.add_column(heading, justify="right", no_wrap=True)
    for kind, tally in found.kinds.items():
        table.add_row(KINDS[kind], str(tally.count), format_bytes(tally.bytes))
    table.add_section()
    table.add_row(
        "total", str(sum(tally.count for tally in found.kinds.values())), format_bytes(found.freed), style="bold"
    )
    return table


def _kept(found: "Collection") -> str:

    reasons = list(found.wanted.values())
    parts = [f"{reasons.count(key)} {text}" for key, text in _REASONS.items() if key in reasons]
    weights = f"; weights of {pluralise(len(reasons), 'trial')}: {', '.join(parts)}" if parts else ""
    return f"kept: {format_bytes(found.kept)} of checkpoints and pretrainings{weights}"
