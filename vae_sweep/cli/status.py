"""`vae-sweep status` and `vae-sweep list`: how one sweep stands, and all of a storage directory."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from vae_sweep.cli.arguments import Folder, make_console, write_utf8
from vae_sweep.config.paths import pasted
from vae_sweep.config.sweep_spec import StorageSpec
from vae_sweep.formatting import duration, format_bytes, pluralise
from vae_sweep.journal.metrics import METRICS, number_text
from vae_sweep.monitoring.listing import Listing
from vae_sweep.monitoring.listing import list_sweeps as listing_of
from vae_sweep.monitoring.status import WATCH, sweep_status
from vae_sweep.monitoring.status_schema import SweepStatus

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
STOPS = {
    "epoch": "asked for; running trials end after their running epoch",
    "finish": "asked for; running trials run to their end, none is started",
}


def status(sweep: Folder, as_json: AsJson = False) -> None:
    """Show how a sweep stands, also while another process runs it: trials, failures, time left; writes nothing."""

    found = sweep_status(sweep, WATCH)
    if as_json:
        write_utf8()
        print(found.model_dump_json(indent=1))
        return
    console = make_console()
    for line in status_lines(found):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    if found.running:
        console.print(_running_table(found))


def list_sweeps(
    storage: Annotated[
        Path | None, typer.Argument(metavar="STORAGE", help="The storage directory. Default: sweeps.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show every sweep in a storage directory; a damaged one is named in its line."""

    found = listing_of(storage or Path(StorageSpec().directory))
    if as_json:
        write_utf8()
        print(found.model_dump_json(indent=1))
        return
    console = make_console()
    if not found.sweeps:
        console.print(f"{found.storage}: no sweep there", soft_wrap=True, highlight=False, markup=False)
        return
    console.print(_listing_table(found))
    for row in found.sweeps:
        if row.problem:
            console.print(f"{row.name}: {row.problem}", soft_wrap=True, highlight=False, markup=False)


def status_lines(found: SweepStatus) -> list[str]:
    """Return what a status says in words, one thing a line."""

    age = "" if found.last_line is None else f", the last {_ago(found.last_line)}"
    lines = [f"sweep {found.sweep}: {found.state} ({found.folder})", f"driver: {_driver(found)}"]
    if found.stop:
        stale = "" if found.driver else "; the next launch takes the request back"
        lines.append(f"stop: {STOPS[found.stop]}{stale}")
    if found.outcome:
        lines.append(f"last end: {found.outcome}" + (f": {found.reason}" if found.reason else ""))
    lines += [f"trials: {_trials(found)}", *_time(found)]
    store = found.pretraining
    if store.trained + store.hits + store.waited:
        lines.append(
            f"pretrainings: {store.trained} trained, {store.hits} found ready, {store.waited} waited for "
            f"({duration(store.seconds_waited)}); {duration(store.seconds_saved)} of training saved"
        )
    lines.append(f"journal: {pluralise(found.lines, 'line')}{age}")
    for failed in found.failed:
        lines.append(f"failed: {failed.trial} ({failed.error or 'no class'}): {failed.reason}")
    if found.failed:
        lines.append(f"why a trial failed: vae-sweep explain {pasted(found.folder)} TRIAL")
    if found.interrupted:
        lines.append(f"interrupted: {', '.join(found.interrupted)}")
    lines += [f"{one.kind}: {f'{one.trial}: ' if one.trial else ''}{one.text}" for one in found.remarks]
    if found.driver is None and found.state != "complete":
        lines.append(f"go on with: vae-sweep resume {pasted(found.folder)}")
    return lines


def _driver(found: SweepStatus) -> str:

    driver = found.driver
    if driver is None:
        return "none"
    text = f"process {driver.process} on {driver.host}, for {duration(driver.seconds)}"
    if driver.sign is False:
        text += "; no sign of life just now: if it is dead, vae-sweep resume takes over"
    if found.state == "ending":
        text += "; it has ended the sweep and brings MLflow up to date"
    elif not driver.drives:
        text += "; it runs no trials: it probes, scores, collects garbage, or starts this moment"
    return text


def _trials(found: SweepStatus) -> str:
    trials = found.trials
    planned = "an unknown number" if trials.planned is None else str(trials.planned)
    parts = [(trials.running, "running"), (trials.waiting, "waiting for a pretraining")]
    parts += [(trials.interrupted, "interrupted"), *((count, name) for name, count in trials.ended.items())]
    if trials.planned is not None:
        parts.append((trials.planned - trials.started, "not started"))
    shown = ", ".join(f"{count} {name}" for count, name in parts if count) or "none started"
    scored = f"; test split scored of {trials.scored}" if trials.scored else ""
    return f"{planned} planned, in {trials.cells} cells so far: {shown}{scored}"


def _time(found: SweepStatus) -> list[str]:

    whole = f", {duration(found.driven)} in {found.launches} launches" if found.launches > 1 else ""
    lines = [f"time: {duration(found.elapsed)} in the newest launch{whole}"] if found.launches else []
    left = found.left
    if left.seconds is not None:
        return [*lines, f"time left: about {duration(left.seconds)} ({left.why})"]
    return [*lines, f"time left: unknown ({left.why})"] if found.driver else lines


def _ago(unix: float) -> str:

    return f"{duration(max(0.0, time.time() - unix))} ago"


def _running_table(found: SweepStatus) -> Table:

    metrics = list(dict.fromkeys(metric for one in found.running for metric in one.numbers))
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("trial", "at", *(METRICS[metric].symbol for metric in metrics), "host", "last report"):
        table.add_column(heading, no_wrap=True)
    for one in found.running:
        at = f"{one.phase} epoch {one.done} of {one.epochs or '?'}" if one.phase else "first epoch"
        if one.waits_for:
            at = f"waits for {one.waits_for}"
        numbers = [number_text(metric, one.numbers.get(metric)) for metric in metrics]
        table.add_row(one.trial, at, *numbers, one.host or "-", f"{duration(one.silent)} ago")
    return table


def _listing_table(found: Listing) -> Table:

    table = Table(title=f"sweeps in {found.storage}", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("sweep", "state", "cells", "ended", "failed", "driver", "last line", "disk"):
        table.add_column(heading, no_wrap=heading != "state")
    for row in found.sweeps:
        if row.problem:
            table.add_row(row.name, "damaged", "", "", "", "", "", format_bytes(row.bytes))
            continue
        cells = f"{row.cells}, {pluralise(row.methods, 'method')}"
        ended = f"{row.ended} of {'?' if row.planned is None else row.planned}"
        age = "-" if row.age is None else f"{duration(row.age)} ago"
        state = row.state or "-"
        table.add_row(
            row.name, state, cells, ended, str(row.failed), row.driver or "-", age, format_bytes(row.bytes)
        )
    return table
