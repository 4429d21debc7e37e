"""Attacks on where a sweep lies: moved, copied, renamed, read-only, full, another user's."""

import json
import os
import shutil
import subprocess
import sys

from tests.integration.attacks.attack import SWEEP, NotHere, Target, attack, mounted
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
def moved(target: Target) -> None:
    home = target.copy("before")
    new = target.place / "after"
    (target.place / "before").rename(new)
    epochs = len(kinds_of(new, "epoch"))
    target.ends(new, "resume", 0)
    target.see("no epoch trained", len(kinds_of(new, "epoch")) == epochs)
    target.ends(new, "generate", 0, target=f"{SWEEP} 0000 --count 2")
    target.ends(new, "sync", 0)
    target.see("nothing at the old place", not home.exists())


@attack(
    "copied", "the copy uses its own weights, also where the original's are gone, and leaves the original alone"
)
def copied(target: Target) -> None:
    original, copy = target.copy("original"), target.place / "copy"
    shutil.copytree(original, copy)
    for weights in (original / "sweeps").rglob("weights.safetensors"):
        weights.unlink()
    before = {path: path.stat().st_mtime_ns for path in original.rglob("*")}
    target.ends(copy, "generate", 0, target=f"{SWEEP} 0000 --count 2")
    target.ends(copy, "resume", 0)
    target.ends(copy, "explain", 0, target=f"{SWEEP} 0000", says=str(copy))
    target.see("original untouched", {path: path.stat().st_mtime_ns for path in original.rglob("*")} == before)


@attack("renamed folder", "status and explain work and say how to rename it back, resume says so too")
def renamed(target: Target) -> None:
    home = target.copy()
    (home / SWEEP).rename(home / "sweeps" / "other")
    for verb, named in (("status", "sweeps/other"), ("explain", "sweeps/other 0000")):
        target.ends(home, verb, 0, target=named, says="renamed from tiny")
    target.ends(home, "resume", 2, target="sweeps/other", says="rename it back")


@attack("read-only storage", "status and explain work; resume, gc and stop end with 2, in words")
def read_only(target: Target) -> None:
    home = target.copy()
    sweeps = home / "sweeps"
    with mounted(sweeps, "--bind", str(sweeps)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(sweeps)], check=True)
        target.ends(home, "status", 0)
        target.ends(home, "explain", 0, target=f"{SWEEP} 0000")
        for verb in ("resume", "gc"):
            target.ends(home, verb, 2, says="ead-only")
        target.ends(home, "stop", 2)


@attack(
    "full disk", "the launch ends in words that say so; after space is made it completes, with the same numbers"
)
def full(target: Target) -> None:
    home = home_with(target.place / "home")
    sweeps = home / "sweeps"
    sweeps.mkdir()
    with mounted(sweeps, "-t", "tmpfs", "-o", "size=600k", "tmpfs"):
        target.ends(home, "launch", 1, 2, target="tiny.yaml", says="space")
        subprocess.run(["mount", "-o", "remount,size=200m", str(sweeps)], check=True)
        target.ends(home, "launch", 0, target="tiny.yaml")
        target.same_numbers(home)


@attack("another user's sweep", "the user nobody may look at it; what would write ends with 2, in words")
def another_user(target: Target) -> None:
    if os.getuid() != 0:
        raise NotHere("becoming another user needs root")
    home = target.copy()
    for folder in (target.place, *target.place.parents[:1]):
        folder.chmod(folder.stat().st_mode | 0o055)
    elsewhere = target.place / "nobody"
    elsewhere.mkdir()
    os.chown(elsewhere, NOBODY, NOBODY)
    for verb, code in (("status", 0), ("explain", 0), ("list", 0), ("resume", 2), ("gc", 2)):
        named = {"explain": [SWEEP, "0000"], "list": ["sweeps"]}.get(verb, [SWEEP])
        command = [sys.executable, "-c", AS_NOBODY, verb, *named]
        env = environment(elsewhere) | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, check=False)
        target.see(f"{verb} ends with {done.returncode}", done.returncode == code)
        if "Traceback" in done.stderr:
            target.see(f"{verb} shows a traceback: {done.stderr.strip().splitlines()[-1]}", False)


@attack("stopped, moved and resumed", "what a moved sweep had trained is gone on with")
def moved_midway(target: Target) -> None:
    home, process = target.drive("before")
    target.ends(home, "stop", 0)
    process.wait(60)
    epochs = len(kinds_of(home, "epoch"))
    new = target.place / "after"
    home.rename(new)
    target.ends(new, "resume", 0)
    found = [(line["trial"], line["phase"], line["epoch"]) for line in kinds_of(new, "epoch")]
    target.see(f"{epochs} epochs kept, none trained twice", len(set(found)) == len(found))
    target.same_numbers(new)
    report = json.loads(run(new, "report", SWEEP, "--format", "json").stdout)
    target.see("the journal is where the sweep is", bool(report["rows"]) and journal_of(new).is_file())
