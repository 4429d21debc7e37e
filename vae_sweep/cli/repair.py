"""`vae-sweep repair`."""

from vae_sweep.cli.arguments import Folder, make_console
from vae_sweep.config.paths import pasted
from vae_sweep.journal.repair import repair_sweep


def repair(sweep: Folder) -> None:
    """Mend a damaged journal: a copy is kept, what is sound stays, and what is lost is named.

    Refuses while a driver holds the sweep. A sound journal stays as it is.
    """

    console = make_console()
    found = repair_sweep(sweep)
    for text in found.said or ["nothing to repair: the journal is sound"]:
        console.print(text, soft_wrap=True, highlight=False, markup=False)
    if found.copy is not None:
        console.print(f"the journal as it was: {found.copy}", soft_wrap=True, highlight=False, markup=False)
        text = f"what is missing now is run by: vae-sweep resume {pasted(sweep)}"
        console.print(text, soft_wrap=True, highlight=False, markup=False)
