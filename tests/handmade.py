"""Sweep folders made by hand: a journal as a driver writes it, checkpoints and stores as trials leave them."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from trainables.spec import TrialSpec
from trainables.training.spec import PhaseSpec
from trainables.training.state import Counters, TrialState, save_state
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import Journal
from vae_sweep.journal.records import SweepRecord
from vae_sweep.journal.stored_spec import store_spec
from vae_sweep.storage.layout import JOURNAL_FILE, sweep_folder
from vae_sweep.storage.pretraining_entry import address, environment_of, write_entry

FINGERPRINT = "f00d"
OUTPUTS = ("weights.safetensors", "trial.json", "samples.txt")
ENVIRONMENT = environment_of(torch.device("cpu"), 1, "above")


def spec_in(storage: Path, /, **changes: Any) -> SweepSpec:
    """A sweep of two cells and two seeds, minimising perplexity alone."""
    fields: dict[str, Any] = {
        "name": "one",
        "corpus": {"name": "captions"},
        "model": {"precision": "float32"},
        "methods": {"vae": {}, "ours": {"target_rate": {"choice": [2, 4]}}},
        "seeds": [0, 1],
        "search": {"objectives": ["perplexity"]},
        "storage": {"directory": str(storage)},
    }
    return SweepSpec.model_validate(fields | changes)


@dataclass
class Handmade:
    """A sweep on disk that grows by the trials that a test asks for."""

    spec: SweepSpec
    attempt: int = 1
    cells: dict[int, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        store_spec(self.folder, self.spec)
        self.launch()

    @property
    def folder(self) -> Path:
        """Where the sweep lies."""
        return sweep_folder(self.spec)

    @property
    def record(self) -> SweepRecord:
        """What its journal says."""
        return read_sweep(self.folder / JOURNAL_FILE)

    def write(self, kind: str, **fields: Any) -> None:
        """Add a line to the journal."""
        with Journal(self.folder / JOURNAL_FILE) as journal:
            journal.write(kind, **fields)

    def launch(self, attempt: int = 1) -> None:
        """Note that a driver starts; Ray leaves its files."""
        self.attempt = attempt
        plain = self.spec.model_dump(mode="json", by_alias=True)
        corpus = {"fingerprint": FINGERPRINT}
        versions: dict[str, str] = {}
        self.write(
            "launch",
            sweep=self.spec.name,
            attempt=attempt,
            spec=plain,
            versions=versions,
            git_commit=None,
            corpus=corpus,
        )
        for name in (".validate_storage_marker", "experiment_state-2026.json", "tuner.pkl"):
            put(self.folder / "ray" / f"attempt-{attempt}" / name, "of Ray")

    def start(self, cell: int, seed: int, method: str = "vae", **values: Any) -> str:
        """Note that a trial starts; return its name."""
        if cell not in self.cells:
            self.cells[cell] = (method, values)
            self.write("cell", cell=cell, method=method, values=values)
        method, values = self.cells[cell]
        name = f"{cell:04d}-{method}-s{seed}"
        identity = {"trial": name, "cell": cell, "seed": seed, "method": method, "values": values}
        spec = self.trial(cell, seed).model_dump(mode="json")
        self.write("trial", **identity, attempt=self.attempt, spec=spec)
        return name

    def trial(self, cell: int, seed: int) -> TrialSpec:
        """The spec of a known cell's trial."""
        method, values = self.cells[cell]
        return self.spec.trial(method, values, seed, FINGERPRINT)

    def epochs(self, name: str, *numbers: int) -> list[Path]:
        """Let a started trial report these epochs, each with a checkpoint; return where they lie."""
        known = self.record.trials[name]
        made = []
        for number in numbers:
            place = self.folder / "ray" / f"attempt-{self.attempt}" / name / f"checkpoint_{number:06d}"
            save_state(place, self.trial(known.cell, known.seed).key(), TrialState(Counters(epoch=number + 1)))
            self.write("epoch", trial=name, phase="vae", epoch=number, numbers={}, checkpoint=str(place))
            made.append(place)
        return made

    def end(self, name: str, outcome: str = "finished", **numbers: float) -> Path | None:
        """Let a started trial end with these validation numbers; return its last checkpoint."""
        place = None
        if outcome in ("finished", "collapsed"):
            known = self.record.trials[name]
            last = len(known.epochs)
            place = self.folder / "ray" / f"attempt-{self.attempt}" / name / f"checkpoint_{last:06d}"
            save_state(place, self.trial(known.cell, known.seed).key(), TrialState(Counters(epoch=last)))
            for output in OUTPUTS:
                put(place / output, f"{output} of {name}")
        metrics = {f"validation/{metric}": value for metric, value in numbers.items()}
        about = {"trial": name, "outcome": outcome, "reason": None, "error": None, "numbers": metrics}
        self.write("final", **about, checkpoint=str(place) if place else None)
        return place

    def score(self, name: str) -> None:
        """Note a trial's test score."""
        self.write("scored", trial=name, numbers={"test/perplexity": 9.0})

    def whole(
        self, cell: int, seed: int, perplexity: float, method: str = "vae", epochs: int = 3, **values: Any
    ) -> Path:
        """Run a trial of some epochs with their checkpoints to its end and its score."""
        name = self.start(cell, seed, method, **values)
        self.epochs(name, *range(epochs))
        place = self.end(name, perplexity=perplexity)
        self.score(name)
        assert place is not None
        return place

    def last(self, name: str) -> Path:
        """Where the last checkpoint of an ended trial lies."""
        final = self.record.trials[name].final
        assert final is not None
        assert final.checkpoint is not None
        return final.checkpoint


def ended_sweep(storage: Path, epochs: int = 3) -> Handmade:
    """A complete sweep: cell 0 is on the front, cell 1 is not, its second seed the better one."""
    sweep = Handmade(spec_in(storage))
    sweep.whole(0, 0, 8.0, epochs=epochs)
    sweep.whole(0, 1, 9.0, epochs=epochs)
    sweep.whole(1, 0, 12.0, "ours", epochs, target_rate=2)
    sweep.whole(1, 1, 11.0, "ours", epochs, target_rate=2)
    sweep.write("end", outcome="complete", reason=None)
    return sweep


def pretraining(spec: SweepSpec, seed: int, **model: int) -> PhaseSpec:
    """The pretraining that a sweep's cell `ours` asks for, on a model changed so."""
    values: dict[str, Any] = {f"model.{name}": value for name, value in model.items()}
    return spec.trial("ours", values, seed, FINGERPRINT).phases()[0]


def stored(store: Path, phase: PhaseSpec) -> Path:
    """Put an entry of a pretraining in the store; it diverged, so that it needs no weights."""
    place = store / address(phase, ENVIRONMENT)
    store.mkdir(exist_ok=True)
    write_entry(place, phase, ENVIRONMENT, TrialState(), "the loss is not finite", "another/trial")
    return place


def progress(store: Path, phase: PhaseSpec) -> Path:
    """Put a pretraining in progress in the store."""
    name = address(phase, ENVIRONMENT)
    place = store / f"{name}.progress"
    save_state(place / "000001", f"{phase.key()}@{name}", TrialState(Counters(epoch=1)))
    return place


def put(path: Path, text: str) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {path.name for path in folder.iterdir()}


def tree(folder: Path) -> dict[str, str]:
    """Every path below a folder, with the digest of its content where it is a file."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


def taken(folder: Path) -> int:
    """The bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
