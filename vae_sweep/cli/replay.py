"""`vae-sweep replay`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vae_sweep.cli.arguments import Folder, make_console
from vae_sweep.cli.explain import TrialName
from vae_sweep.formatting import pluralise

if TYPE_CHECKING:
    from vae_sweep.replay.replay import Replayed


def replay(
    sweep: Folder,
    trial: TrialName,
    store: Annotated[
        bool, typer.Option("--store", help="Read the pretraining from the store instead of training it again.")
    ] = False,
) -> None:
    """Run a trial again in this process and compare every number with the journal, bit for bit; writes nothing.

    Ends with 1 where a number differs. Equality is promised for the same library versions, threads and kind of
    processor; where these differ, it is said first.
    """
    from vae_sweep.replay.replay import replay_trial

    console = make_console()

    def note(text: str) -> None:
        console.print(text, soft_wrap=True, highlight=False, markup=False)

    with console.status("loading") as waiting:
        found = replay_trial(sweep, trial, store, note, lambda place: waiting.update(f"{trial}: {place}"))
    for line in replay_lines(found):
        note(line)
    if found.differences:
        sys.exit(1)


def replay_lines(found: "Replayed") -> list[str]:
    """Return what a replay came to: the same bits, or each difference."""

    lines = [f"not compared, since it is not in the journal: {place}" for place in found.gaps]
    if not found.ended:
        lines.append("the journal has no end that the spec decides: compared as far as it goes")
    extent = f"{pluralise(found.epochs, 'epoch')}, {pluralise(found.numbers, 'number')}"
    extent += ", the test score among them" if found.scored else ""
    if not found.differences:
        return [*lines, f"{found.trial}: the same bits: {extent}"]
    lines += [str(difference) for difference in found.differences]
    return [*lines, f"{found.trial}: {pluralise(len(found.differences), 'difference')} in {extent}"]
