"""Attacks on files: what cannot be read now, and what is damaged."""

import errno
from pathlib import Path

from tests.fault_files import faulty
from tests.integration.attacks.attack import SWEEP, Placement, attack
from tests.integration.cluster import environment
from tests.integration.sweeps import home_with, journal_of, kinds_of


@attack("ESTALE in the pretraining store", "no entry is set aside; the sweep stops in words, and completes later")
def stale_store(placement: Placement) -> None:
    home = home_with(placement.place / "home")
    (home / "sweeps").mkdir()
    (placement.copy("other") / "sweeps" / "pretrained").rename(home / "sweeps" / "pretrained")
    env = faulty(environment(home), errno.ESTALE, "*/pretrained/*.safetensors")
    placement.ends(home, "launch", 1, 2, target="tiny.yaml", env=env, says="tale")
    placement.see("no entry set aside", not list((home / "sweeps" / "pretrained").glob("*.damaged*")))
    placement.ends(home, "resume", 0)
    placement.same_numbers(home)


@attack("EIO in a trial's weights", "no trial is journaled as lost or trained again; scores come later")
def unreadable_weights(placement: Placement) -> None:
    home = home_with(placement.place / "home")
    env = faulty(environment(home), errno.EIO, "*/weights.safetensors")
    placement.ends(home, "launch", 1, 2, target="tiny.yaml", env=env)
    placement.see("nothing journaled as lost", not kinds_of(home, "lost"))
    placement.ends(home, "resume", 0)
    placement.see("no trial trained twice", len(kinds_of(home, "final")) == 3)
    placement.same_numbers(home)


@attack("EACCES at the journal", "every verb says so and ends with 2")
def journal_of_nobody(placement: Placement) -> None:
    home = placement.copy()
    env = faulty(environment(home), errno.EACCES, "*/journal.jsonl")
    for verb in ("status", "report", "resume", "stop", "gc"):
        placement.ends(home, verb, 2, env=env, says="journal.jsonl")


def damaged(placement: Placement, home: Path, *says: str) -> None:
    """The journal is refused with advice; after `repair`, which says what it lost, everything works."""
    placement.ends(home, "status", 2, says="vae-sweep repair")
    said = placement.ends(home, "repair", 0, says="journal.jsonl.damaged.1")
    for text in says:
        placement.see(f"repair says: {text}", text in said)
    placement.ends(home, "status", 0)
    placement.ends(home, "resume", 0)
    placement.same_numbers(home)


@attack("NULs in the midst of the journal", "repair names what was there; resume gives the same numbers")
def nuls(placement: Placement) -> None:
    home = placement.copy()
    lines = journal_of(home).read_bytes().splitlines(keepends=True)
    lines[5] = bytes(len(lines[5]) - 1) + b"\n"
    journal_of(home).write_bytes(b"".join(lines))
    damaged(placement, home, "line 6")


@attack("the journal's launches deleted", "repair makes them again; resume gives the same numbers")
def no_launch(placement: Placement) -> None:
    home = placement.copy()
    lines = journal_of(home).read_bytes().splitlines(keepends=True)
    journal_of(home).write_bytes(b"".join(line for line in lines if b'"kind": "launch"' not in line))
    damaged(placement, home, "launch 1: its line was lost, and is made again")


@attack("a trial's start deleted", "repair makes it again; resume gives the same numbers")
def no_start(placement: Placement) -> None:
    home = placement.copy()
    lines = journal_of(home).read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"kind": "trial"' in line)
    journal_of(home).write_bytes(b"".join([*lines[:at], *lines[at + 1 :]]))
    damaged(placement, home, "the line of its start was lost, and is made again")


@attack("a damaged mlflow.db", "sync names the file and what to do; after that it brings everything back")
def damaged_database(placement: Placement) -> None:
    home = placement.copy()
    database = home / "sweeps" / "mlflow.db"
    database.write_bytes(b"damaged" * 5000)
    said = placement.ends(home, "sync", 2, says="move it away")
    placement.see("no SQL", "SELECT" not in said)
    database.rename(f"{database}.damaged")
    placement.ends(home, "sync", 0, says="runs made")
    placement.ends(home, "status", 0, target=SWEEP)
