"""Mending a damaged journal: the sound lines stay, those that others imply are made again, the rest is named."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from trainables.files import is_file, write_new, write_whole
from trainables.former_keys import read_stored
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.formatting import pluralise
from vae_sweep.journal.events import RepairedEvent
from vae_sweep.journal.fold import JournalFold
from vae_sweep.journal.journal import Journal
from vae_sweep.journal.parsing import Line, parse
from vae_sweep.journal.salvage import pieces
from vae_sweep.storage.driver_lock import driver_lock
from vae_sweep.storage.layout import JOURNAL_FILE, SPEC_FILE

TRIAL_NAME = re.compile(r"(\d+)-(.+)-s(\d+)")
_NAMES = {"epoch": "epoch", "final": "end", "scored": "score", "rung": "rung", "probed": "probe"}


@dataclass(frozen=True)
class Repaired:
    """What was done, in words, and where the journal lies as it was; None where nothing was wrong."""

    said: list[str]
    copy: Path | None


def repair_sweep(folder: Path) -> Repaired:
    """Mend the journal of a sweep that nobody drives, so that every verb reads it again.

    Raises LaunchError where there is no journal, a driver holds the sweep, or nothing says what the sweep was.
    """
    path = folder / JOURNAL_FILE
    if not is_file(path):
        raise LaunchError(f"{folder}: no journal there ({JOURNAL_FILE} is absent); give a sweep's folder")
    with driver_lock(folder):
        content = path.read_bytes()
        found = list(pieces(content))
        said = [f"line {piece.number}: {piece.problem}" for piece in found if piece.problem]
        lines = [line for piece in found for line in piece.lines]
        mending = _Mending(path, lines, _stored(folder))
        mended = list(mending.lines())
        said += mending.said()
        if not said:
            return Repaired([], None)
        copy = _copied(path, content)
        mode = path.stat().st_mode
        write_whole(path, b"".join(json.dumps(line).encode() + b"\n" for line in mended))
        path.chmod(mode)
        with Journal(path) as journal:
            text = f"vae-sweep repair; the journal of before is {copy.name}; {'; '.join(said)}"
            journal.append(RepairedEvent(text=text))
        return Repaired(said, copy)


@dataclass
class _Mending:
    """Goes through the sound lines in order and puts in what others need before them."""

    path: Path
    sound: list[Line]
    spec: SweepSpec | None
    made: list[str] = field(default_factory=list)
    lost: dict[str, Counter[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fold = JournalFold(self.path)
        self.launches = [line for line in self.sound if line["kind"] == "launch"]
        self.starts = [line for line in self.sound if line["kind"] == "trial"]
        self.cells = {line["cell"]: line for line in self.sound if line["kind"] in ("cell", "trial")}
        self.attempt = 0

    def lines(self) -> Iterator[Line]:
        """Yield the lines of the mended journal."""
        for line in self.sound:
            for before in self._needed(line):
                self.fold.add(parse(before))
                yield before
            if "trial" in line and line["kind"] != "trial" and line["trial"] not in self.fold.record().trials:
                self.lost.setdefault(line["trial"], Counter())[line["kind"]] += 1
                continue
            if line["kind"] == "launch":
                self.attempt = line["attempt"]
            self.fold.add(parse(line))
            yield line

    def said(self) -> list[str]:
        """Return what was made again, and what could not be."""
        said = list(self.made)
        for trial, kinds in self.lost.items():
            what = ", ".join(pluralise(number, _NAMES.get(kind, f"{kind} line")) for kind, number in kinds.items())
            said.append(
                f"trial {trial}: its start is lost and follows from no other line; with it: {what}; it runs again"
            )
        return said

    def _needed(self, line: Line) -> Iterator[Line]:
        """Yield what must stand before a line and does not."""
        attempt = line["attempt"] if line["kind"] in ("trial", "launch") else max(1, self.attempt)
        if line["kind"] != "launch" and attempt > self.attempt:
            yield self._launch(attempt, line["time"])
        if "trial" not in line:
            return
        name, record = line["trial"], self.fold.record()
        start = line if line["kind"] == "trial" else None
        if start is None and name not in record.trials and (start := self._start(name, line["time"])) is None:
            return
        if start is not None and start["cell"] not in record.cells:
            about = {key: start[key] for key in ("cell", "method", "values")}
            self.made.append(f"cell {start['cell']}: its line was lost, and is made again from its trial")
            yield {"kind": "cell", "time": line["time"], **about}
        if start is not None and start is not line:
            self.made.append(f"trial {name}: the line of its start was lost, and is made again from its cell")
            yield start

    def _launch(self, attempt: int, moment: float) -> Line:
        """Return the line of a launch that was lost, from another one or the sweep's stored spec."""
        corpus: dict[str, Any] = {}
        if self.launches:
            spec, corpus = self.launches[0]["spec"], self.launches[0]["corpus"]
        elif self.spec is not None:
            spec = self.spec.model_dump(mode="json", by_alias=True)
            fingerprints = {line["spec"].get("corpus_fingerprint") for line in self.starts}
            corpus = {"fingerprint": fingerprints.pop()} if len(fingerprints) == 1 else {}
        else:
            raise LaunchError(
                f"{self.path}: no line of a launch is left, and {SPEC_FILE} cannot be read: nothing says what the "
                f"sweep was; put {SPEC_FILE} of a launch from the same sweep file beside it, and repair again"
            )
        self.attempt = attempt
        self.made.append(
            f"launch {attempt}: its line was lost, and is made again; versions and commit are not known"
        )
        own = {"spec": spec, "versions": {}, "git_commit": None, "corpus": corpus}
        return {"kind": "launch", "time": moment, "sweep": spec["name"], "attempt": attempt, **own}

    def _start(self, name: str, moment: float) -> Line | None:
        """Return the line of a trial's start from its cell and the launch; None where either is not left."""
        launch = self.fold.record().launches[-1]
        match = TRIAL_NAME.fullmatch(name)
        cell = self.cells.get(int(match[1])) if match else None
        if match is None or cell is None or not launch.corpus.get("fingerprint"):
            return None
        try:
            spec = SweepSpec.model_validate(launch.spec)
            trial = spec.trial(cell["method"], cell["values"], int(match[3]), launch.corpus["fingerprint"])
        except (ValueError, KeyError):
            return None
        about = {"cell": cell["cell"], "seed": trial.seed, "method": cell["method"], "values": cell["values"]}
        threads = {"threads": self.starts[0]["threads"]} if self.starts and "threads" in self.starts[0] else {}
        own = {"attempt": self.attempt, "spec": trial.model_dump(mode="json"), **threads}
        return {"kind": "trial", "time": moment, "trial": name, **about, **own}


def _stored(folder: Path) -> SweepSpec | None:
    try:
        return read_stored(SweepSpec, (folder / SPEC_FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _copied(path: Path, content: bytes) -> Path:
    """Write what the journal was beside it, under a name of its own."""
    for number in count(1):
        copy = path.with_name(f"{path.name}.damaged.{number}")
        try:
            write_new(copy, content)
        except FileExistsError:
            continue
        return copy
    raise AssertionError
