"""`vae-sweep doctor`: what is unsound or open to strangers."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from vae_sweep.cli.arguments import Overrides
from vae_sweep.config.reader import read_spec

Space = Annotated[
    Path | None,
    typer.Argument(metavar="SPACE.yaml", help="Look at this sweep file's places too.", show_default=False),
]
_Address = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Join this Ray cluster and probe its nodes. Default: RAY_ADDRESS."),
]
_Dashboard = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="A Ray dashboard to look at besides those at port 8265."),
]


def doctor(
    space: Space = None,
    overrides: Overrides = None,
    address: _Address = None,
    dashboard: _Dashboard = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list of findings.")] = False,
) -> None:
    """Look for open ports, readable secrets and unsound storage; one line a finding, exit code 1 on a problem."""
    from vae_sweep.doctor.examine import examine

    spec = read_spec(space, overrides or ()) if space else None
    if address:
        os.environ["RAY_ADDRESS"] = address
    found = []
    for finding in examine(spec, os.environ.get("RAY_ADDRESS") or None, dashboard):
        found.append(finding)
        if not as_json:
            print(finding, flush=True)
    problems, warnings = (sum(each.level == level for each in found) for level in ("problem", "warning"))
    if as_json:
        print(json.dumps([each._asdict() for each in found], indent=1))
    else:
        print(f"{problems} problems, {warnings} warnings, {len(found) - problems - warnings} ok")
    if problems:
        sys.exit(1)
