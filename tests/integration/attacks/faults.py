"""Attacks on files: what cannot be read now, and what is damaged."""

import errno
from pathlib import Path

from tests.fault_files import faulty
from tests.integration.attacks.attack import SWEEP, Target, attack
from tests.integration.cluster import environment
from tests.integration.sweeps import home_with, journal_of, kinds_of


@attack("ESTALE in the pretraining store", "no entry is set aside; the sweep stops in words, and completes later")
def stale_store(target: Target) -> None:
    home = home_with(target.place / "home")
    (home / "sweeps").mkdir()
    (target.copy("other") / "sweeps" / "pretrained").rename(home / "sweeps" / "pretrained")
    env = faulty(environment(home), errno.ESTALE, "*/pretrained/*.safetensors")
    target.ends(home, "launch", 1, 2, target="tiny.yaml", env=env, says="tale")
    target.see("no entry set aside", not list((home / "sweeps" / "pretrained").glob("*.damaged*")))
    target.ends(home, "resume", 0)
    target.same_numbers(home)


@attack("EIO in a trial's weights", "no trial is journaled as lost or trained again; scores come later")
def unreadable_weights(target: Target) -> None:
    home = home_with(target.place / "home")
    env = faulty(environment(home), errno.EIO, "*/ray/*/weights.safetensors")
    target.ends(home, "launch", 1, 2, target="tiny.yaml", env=env)
    target.see("nothing journaled as lost", not kinds_of(home, "lost"))
    target.ends(home, "resume", 0)
    ends = [line for line in kinds_of(home, "final") if line["outcome"] != "failed"]
    target.see("no trial trained twice", len(ends) == 3)
    target.same_numbers(home)


@attack("EACCES at the journal", "every verb says so and ends with 2")
def journal_of_nobody(target: Target) -> None:
    home = target.copy()
    env = faulty(environment(home), errno.EACCES, "*/journal.jsonl")
    for verb in ("status", "report", "resume", "stop", "gc"):
        target.ends(home, verb, 2, env=env, says="journal.jsonl")


def damaged(target: Target, home: Path, *says: str) -> None:
    """The journal is refused with advice; after `repair`, which says what it lost, everything works."""
    target.ends(home, "status", 2, says="vae-sweep repair")
    said = target.ends(home, "repair", 0, says="journal.jsonl.damaged.1")
    for text in says:
        target.see(f"repair says: {text}", text in said)
    target.ends(home, "status", 0)
    target.ends(home, "resume", 0)
    target.same_numbers(home)


@attack("NULs in place of a trial's end", "repair names the line; resume runs the end again, to the same numbers")
def nuls(target: Target) -> None:
    home = target.copy()
    lines = journal_of(home).read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"kind": "final"' in line)
    lines[at] = bytes(len(lines[at]) - 1) + b"\n"
    journal_of(home).write_bytes(b"".join(lines))
    damaged(target, home, f"line {at + 1}: not one line of JSON; it holds nothing")


@attack("the journal's launches deleted", "repair makes them again; resume gives the same numbers")
def no_launch(target: Target) -> None:
    home = target.copy()
    lines = journal_of(home).read_bytes().splitlines(keepends=True)
    journal_of(home).write_bytes(b"".join(line for line in lines if b'"kind": "launch"' not in line))
    damaged(target, home, "launch 1: its line was lost, and is made again")


@attack("a trial's start deleted", "repair makes it again; resume gives the same numbers")
def no_start(target: Target) -> None:
    home = target.copy()
    lines = journal_of(home).read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"kind": "trial"' in line)
    journal_of(home).write_bytes(b"".join([*lines[:at], *lines[at + 1 :]]))
    damaged(target, home, "the line of its start was lost, and is made again")


@attack("a damaged mlflow.db", "sync names the file and what to do; after that it brings everything back")
def damaged_database(target: Target) -> None:
    home = target.copy()
    database = home / "sweeps" / "mlflow.db"
    database.write_bytes(b"damaged" * 5000)
    said = target.ends(home, "sync", 2, says="move it away")
    target.see("no SQL", "SELECT" not in said)
    database.rename(f"{database}.damaged")
    target.ends(home, "sync", 0, says="runs made")
    target.ends(home, "status", 0, target=SWEEP)
