"""`vae-sweep score`: stored trials measured anew."""

import sys
from typing import Annotated

import typer

from vae_sweep.cli.arguments import Folder, make_console
from vae_sweep.cli.progress import LiveProgress
from vae_sweep.formatting import pluralise
from vae_sweep.running.ray_environment import prepare_environment

Trials = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TRIAL]...",
        help="Trials, or the unique beginnings of their ids, to be scored on both splits. Default: all.",
        show_default=False,
    ),
]
_Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Another evaluation, e.g. evaluation.final_samples=5000. Repeatable."
    ),
]


def score(sweep: Folder, trial: Trials = None, overrides: _Settings = None) -> None:
    """Measure the weights that trials left anew; each score is journaled beside those before, the newest is shown.

    What the journal has under this evaluation is not measured again, so it is safe to kill and to repeat. Trials
    of an earlier version are read. Without names every ended trial is measured on validation, and on test whom
    evaluation.final names and who was before.
    """

    console = make_console()

    def note(text: str) -> None:
        console.print(text, soft_wrap=True, highlight=False, markup=False)

    prepare_environment()
    with console.status("loading Ray"):
        from vae_sweep.running.rescoring import rescore_sweep
    found = rescore_sweep(sweep, trial or (), overrides or (), LiveProgress(console, 0).watch)
    if not found.done and found.stopped is None:
        note("nothing to measure: what can be was measured before under this evaluation")
    if found.done:
        note(f"scored: {pluralise(found.done, 'trial')}; see them with: vae-sweep report {sweep}")
    if found.untested:
        note("evaluation.final is none, so no test split was measured: name trials, or --set evaluation.final=all")
    if found.unmirrored:
        note(f"{found.unmirrored}\nnothing is lost: vae-sweep sync {sweep}")
    if found.stopped:
        note(f"stopped: {found.stopped}\nthe same command goes on where it stopped")
    if found.failed or found.stopped:
        sys.exit(1)
