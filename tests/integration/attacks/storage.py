"""Attacks on where a sweep lies: moved, copied, renamed, read-only, full, another user's."""

import json
import os
import shutil
import subprocess
import sys

from tests.integration.attacks.attack import SWEEP, NotHere, Placement, attack, mounted
from tests.integration.cluster import environment, run
from tests.integration.sweeps import home_with, journal_of, kinds_of

NOBODY = 65534
AS_NOBODY = f"""
import os, sys
from tests.warm_cli import import_all
import_all()
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
from vae_sweep.cli.main import main
main()
"""


@attack("moved", "resume trains nothing, generate finds the weights, nothing comes back at the old place")
def moved(placement: Placement) -> None:
    home = placement.copy("before")
    new = placement.place / "after"
    (placement.place / "before").rename(new)
    epochs = len(kinds_of(new, "epoch"))
    placement.ends(new, "resume", 0)
    placement.see("no epoch trained", len(kinds_of(new, "epoch")) == epochs)
    placement.ends(new, "generate", 0, target=f"{SWEEP} 0000 --count 2")
    placement.ends(new, "sync", 0)
    placement.see("nothing at the old place", not home.exists())


@attack(
    "copied", "the copy uses its own weights, also where the original's are gone, and leaves the original alone"
)
def copied(placement: Placement) -> None:
    original, copy = placement.copy("original"), placement.place / "copy"
    shutil.copytree(original, copy)
    for weights in (original / "sweeps").rglob("weights.safetensors"):
        weights.unlink()
    before = {path: path.stat().st_mtime_ns for path in original.rglob("*")}
    placement.ends(copy, "generate", 0, target=f"{SWEEP} 0000 --count 2")
    placement.ends(copy, "resume", 0)
    placement.ends(copy, "explain", 0, target=f"{SWEEP} 0000", says=str(copy))
    placement.see("original untouched", {path: path.stat().st_mtime_ns for path in original.rglob("*")} == before)


@attack("renamed folder", "status and explain work and say how to rename it back, resume says so too")
def renamed(placement: Placement) -> None:
    home = placement.copy()
    (home / SWEEP).rename(home / "sweeps" / "other")
    for verb, target in (("status", "sweeps/other"), ("explain", "sweeps/other 0000")):
        placement.ends(home, verb, 0, target=target, says="renamed from tiny")
    placement.ends(home, "resume", 2, target="sweeps/other", says="rename it back")


@attack("read-only storage", "status and explain work; resume, gc and stop end with 2, in words")
def read_only(placement: Placement) -> None:
    home = placement.copy()
    sweeps = home / "sweeps"
    with mounted(sweeps, "--bind", str(sweeps)), mounted(sweeps, "-o", "remount,ro,bind"):
        placement.ends(home, "status", 0)
        placement.ends(home, "explain", 0, target=f"{SWEEP} 0000")
        for verb in ("resume", "gc"):
            placement.ends(home, verb, 2, says="ead-only")
        placement.ends(home, "stop", 2)


@attack(
    "full disk", "the launch ends in words that say so; after space is made it completes, with the same numbers"
)
def full(placement: Placement) -> None:
    home = home_with(placement.place / "home")
    sweeps = home / "sweeps"
    sweeps.mkdir()
    with mounted(sweeps, "-t", "tmpfs", "-o", "size=600k", "tmpfs"):
        placement.ends(home, "launch", 1, 2, target="tiny.yaml", says="space")
        subprocess.run(["mount", "-o", "remount,size=200m", str(sweeps)], check=True)
        placement.ends(home, "launch", 0, target="tiny.yaml")
        placement.same_numbers(home)


@attack("another user's sweep", "nobody can look at it; what would write ends with 2, in words")
def another_user(placement: Placement) -> None:
    if os.getuid() != 0:
        raise NotHere("becoming another user needs root")
    home = placement.copy()
    for folder in (placement.place, *placement.place.parents[:1]):
        folder.chmod(folder.stat().st_mode | 0o055)
    elsewhere = placement.place / "nobody"
    elsewhere.mkdir()
    os.chown(elsewhere, NOBODY, NOBODY)
    for verb, code in (("status", 0), ("explain", 0), ("list", 0), ("resume", 2), ("gc", 2)):
        target = {"explain": [SWEEP, "0000"], "list": ["sweeps"]}.get(verb, [SWEEP])
        command = [sys.executable, "-c", AS_NOBODY, verb, *target]
        env = environment(elsewhere) | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, check=False)
        placement.see(f"{verb} ends with {done.returncode}", done.returncode == code)
        if "Traceback" in done.stderr:
            placement.see(f"{verb} shows a traceback: {done.stderr.strip().splitlines()[-1]}", False)


@attack("stopped, moved and resumed", "what a moved sweep had trained is gone on with")
def moved_midway(placement: Placement) -> None:
    home, process = placement.drive("before")
    placement.ends(home, "stop", 0)
    process.wait(60)
    epochs = len(kinds_of(home, "epoch"))
    new = placement.place / "after"
    home.rename(new)
    placement.ends(new, "resume", 0)
    found = [(line["trial"], line["phase"], line["epoch"]) for line in kinds_of(new, "epoch")]
    placement.see(f"{epochs} epochs kept, none trained twice", len(set(found)) == len(found))
    placement.same_numbers(new)
    report = json.loads(run(new, "report", SWEEP, "--format", "json").stdout)
    placement.see("the journal is where the sweep is", bool(report["rows"]) and journal_of(new).is_file())
