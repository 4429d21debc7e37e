"""What an attack is, and what attacks stand on: a sweep that is complete, and a directory of their own."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.integration.cluster import kill_tree, run, start, wait_for
from tests.integration.sweeps import home_with, journal_of, kinds_of, numbers_of

SWEEP = "sweeps/tiny"


class NotHere(Exception):
    """An attack cannot be made on this machine."""


@dataclass
class Target:
    """Where one attack takes place: a directory of its own, and a home in which a sweep ran undisturbed."""

    place: Path
    undisturbed: Path
    seen: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    started: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def see(self, text: str, right: bool) -> None:
        """Take down what was seen."""
        (self.seen if right else self.wrong).append(text)

    def copy(self, name: str = "home") -> Path:
        """A home with a copy of the complete sweep and its sweep file."""
        home = self.place / name
        shutil.copytree(self.undisturbed, home, symlinks=True)
        return home

    def drive(self, name: str = "home", *options: str) -> "tuple[Path, subprocess.Popen[str]]":
        """A home with a driver that has journaled its first epoch."""
        home = home_with(self.place / name)
        process = start(home, "launch", "tiny.yaml", *options)
        self.started.append(process)
        wait_for(process, journal_of(home), lambda line: line["kind"] == "epoch")
        return home, process

    def ends(
        self, home: Path, verb: str, *codes: int, says: str = "", env: Any = None, target: str = SWEEP
    ) -> str:
        """Run a verb on the sweep; it must end with one of these codes, in words, and with these among them.

        With an environment of its own it is a process of its own.
        """
        command = [sys.executable, "-m", "vae_sweep.cli.main", verb, *target.split()]
        own: dict[str, Any] = {"cwd": home, "env": env, "capture_output": True, "text": True, "check": False}
        done = subprocess.run(command, **own) if env else run(home, verb, *target.split())
        said = done.stdout + done.stderr
        self.see(f"{verb} ends with {done.returncode}", done.returncode in codes)
        if "Traceback" in said:
            self.see(f"{verb} shows a traceback: {said.strip().splitlines()[-1]}", False)
        if says not in said:
            self.see(f"{verb} does not say {says!r} but {' '.join(said.split())[-200:]!r}", False)
        return said

    def same_numbers(self, home: Path) -> None:
        """The sweep must be complete, with the numbers of the undisturbed one."""
        self.see("complete", kinds_of(home, "end")[-1]["outcome"] == "complete")
        self.see("the same numbers", numbers_of(home) == numbers_of(self.undisturbed))

    def clear(self) -> None:
        """End what an attack that failed left running."""
        for process in self.started:
            if process.poll() is None:
                kill_tree(process)


@dataclass(frozen=True)
class Attack:
    """A name, what must come of it, and what is done."""

    name: str
    expected: str
    run: Callable[[Target], None]


ATTACKS: list[Attack] = []


def attack(name: str, expected: str) -> Callable[[Callable[[Target], None]], Callable[[Target], None]]:
    """Add a function to the list."""

    def add(function: Callable[[Target], None]) -> Callable[[Target], None]:
        ATTACKS.append(Attack(name, expected, function))
        return function

    return add


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[None]:
    """Mount something at a place. Raises NotHere where that is not allowed."""
    done = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotHere(f"mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def gone(processes: list[psutil.Process], patience: float = 10.0) -> bool:
    """Say whether processes end within so many seconds."""
    return not psutil.wait_procs(processes, timeout=patience)[1]
