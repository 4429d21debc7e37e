"""`vae-sweep launch` and `vae-sweep resume`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from vae_sweep.cli.arguments import Folder, Overrides, SpaceFile, make_console
from vae_sweep.cli.plan import plan_tables
from vae_sweep.cli.progress import LiveProgress
from vae_sweep.config.paths import pasted
from vae_sweep.config.reader import read_spec
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.stored_spec import existing_spec
from vae_sweep.running.ray_environment import prepare_environment
from vae_sweep.storage.layout import JOURNAL_FILE, sweep_folder
from vae_sweep.storage.object_storage import check_objects

if TYPE_CHECKING:
    from vae_sweep.planning.plan import Plan
    from vae_sweep.running.launch import Launched


Extend = Annotated[
    bool,
    typer.Option("--extend", help="Add seeds, values, methods or trials to a sweep; its cells stay as they are."),
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask where the sweep takes more than a day on this machine.")
]


def launch(space: SpaceFile, overrides: Overrides = None, extend: Extend = False, yes: Yes = False) -> None:
    """Run a sweep; on a sweep that was launched before with the same file, run what is missing."""
    _run(read_spec(space, overrides or ()), extend, ask=not yes)


def sync(sweep: Folder) -> None:
    """Send to MLflow what is missing there of a sweep; safe to repeat, nothing arrives twice."""
    from vae_sweep.tracking.sweep_mirror import sync_sweep

    print(sync_sweep(existing_spec(sweep), sweep))


def resume(sweep: Folder) -> None:
    """Run what is missing of a sweep, from its folder alone; nothing that ended runs again."""
    _run(existing_spec(sweep))


def _run(spec: SweepSpec, extend: bool = False, ask: bool = False) -> None:
    from vae_sweep.planning.plan import make_plan
    from vae_sweep.tracking.sweep_mirror import browse_command

    console = make_console()
    plan = make_plan(spec)
    check_objects(plan.spec)
    folder = sweep_folder(spec)
    for part in plan_tables(plan):
        console.print(part)
    console.print(f"sweep folder: {folder}", soft_wrap=True)
    console.print(f"curves in the MLflow UI: {browse_command(spec)}", soft_wrap=True)
    if ask and not (folder / JOURNAL_FILE).exists():
        _ask_about_days(console, plan)
    prepare_environment()
    with console.status("loading Ray"):
        from vae_sweep.running.launch import launch as run
    with LiveProgress(console, plan.trial_count) as progress:
        launched = run(plan, progress.watch, extend)
    _tell_end(console, launched, folder, plan.spec)
    if launched.outcome != "complete":
        sys.exit(1)


def _ask_about_days(console: Console, plan: "Plan") -> None:
    """Say where a sweep takes days here, and in a terminal ask. Raises typer.Abort where it is not wanted."""
    from vae_sweep.planning.estimate.lines import span_text
    from vae_sweep.planning.estimate.long_sweeps import days_ahead

    found = days_ahead(plan)
    if found is None:
        return
    text = f"warning: this takes {span_text(found.seconds)} on this machine"
    console.print(f"{text}; a smaller one is written by vae-sweep init", soft_wrap=True, highlight=False)
    if sys.stdin.isatty():
        typer.confirm("launch it?", abort=True)


def _tell_end(console: Console, launched: "Launched", folder: Path, spec: SweepSpec) -> None:
    from vae_sweep.report.terminal_evidence import report_lines, report_tables
    from vae_sweep.results.results import compute_results

    found = compute_results(read_sweep(folder / JOURNAL_FILE), spec.search.objectives)
    for table in report_tables(found):
        console.print(table)
    for remark in report_lines(found):
        console.print(remark, soft_wrap=True, highlight=False, markup=False)
    for line in end_lines(launched, folder):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def end_lines(launched: "Launched", folder: Path) -> Iterator[str]:
    """Yield what is missing in MLflow, why the launch ended, and how to go on; nothing where all is well."""

    if launched.unmirrored:
        text = f"{launched.unmirrored} journal lines are not in MLflow ({launched.mirror_error}); nothing is lost"
        yield f"{text}: vae-sweep sync {pasted(folder)}"
    if launched.reason:
        yield f"{launched.outcome}: {launched.reason}"
    if launched.outcome != "complete" and not (launched.outcome == "failed" and launched.reason):
        text = f"the sweep is not complete; go on with: vae-sweep resume {pasted(folder)}"
        if launched.outcome == "failed":
            text += f"; why a trial failed: vae-sweep explain {pasted(folder)} TRIAL"
        yield text
