"""Attacks on the clock: it is set back or on while a driver starts."""

import json
import subprocess
import sys

from tests.integration.attacks.attack import SWEEP, Target, attack
from tests.integration.cluster import environment, run, wait_for
from tests.integration.sweeps import home_with, journal_of

STEPPED = """
import sys, time
from pathlib import Path
step, real = float(sys.argv.pop(1)), time.time
time.time = lambda: real() + (step if Path("sweeps/tiny/journal.jsonl").exists() else 0.0)
from vae_sweep.cli.main import main
main()
"""
"""A driver whose clock is set between the lease, which is taken before there is a journal, and its first line."""


def stepped(target: Target, seconds: float) -> None:
    home = home_with(target.place / "home")
    command = [sys.executable, "-c", STEPPED, str(seconds), "launch", "tiny.yaml"]
    with (home / "out.txt").open("a") as out, (home / "err.txt").open("a") as err:
        streams = {"stdout": out, "stderr": err, "text": True, "start_new_session": True}
        env = environment(home) | {"PYTHONPATH": ":".join(path for path in sys.path if path)}
        process = subprocess.Popen(command, cwd=home, env=env, **streams)
    target.started.append(process)
    wait_for(process, journal_of(home), lambda line: line["kind"] == "epoch")
    seen = json.loads(run(home, "status", SWEEP, "--json").stdout)
    target.see(f"status: {seen['state']}", (seen["state"], seen["driver"]["drives"]) == ("running", True))
    target.ends(home, "stop", 0, says="the sweep has ended: stopped")
    process.wait(60)
    target.ends(home, "resume", 0)
    target.same_numbers(home)


@attack("clock set back by an hour", "the sweep counts as running, stop works, resume gives the same numbers")
def back(target: Target) -> None:
    stepped(target, -3600)


@attack("clock set on by a day", "the sweep counts as running, stop works, resume gives the same numbers")
def on(target: Target) -> None:
    stepped(target, 86400)
