"""Sweeps on disk as a driver leaves them, with trials that ran, or with numbers of one's choice."""

import importlib.metadata
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers import CAPTIONS, MODEL, TRAINING, tiny_corpus
from trainables.base import DivergedError
from trainables.outputs import new_model
from trainables.spec import TrialSpec
from trainables.training.report import EpochReport, FinalReport, StoreReport
from trainables.training.sharing import PhaseStore
from trainables.training.state import TrialState
from trainables.trial import run_trial, score_split
from vae_sweep.cli.main import main
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.journal import Journal
from vae_sweep.planning.provenance import LIBRARIES

HOST = "node-7"
KINDS = {EpochReport: "epoch", StoreReport: "store", FinalReport: "final"}
PLAIN: dict[str, Any] = {
    "name": "small",
    "corpus": CAPTIONS.model_dump(mode="json"),
    "model": MODEL.model_dump(mode="json"),
    "training": TRAINING.model_dump(mode="json") | {"epochs": 2},
    "methods": {"vae": {}, "ours": {"target_rate": {"choice": [2, 4]}}},
    "evaluation": {"search_samples": 4, "final_samples": 6},
}


def small_sweep(**changes: Any) -> SweepSpec:
    """A grid of three cells, one seed, two epochs a phase."""
    return SweepSpec.model_validate(PLAIN | changes)


class Scribe:
    """Writes the journal of a sweep as its driver would; `folder` lies in a storage directory of its own."""

    def __init__(self, storage: Path, spec: SweepSpec | None = None) -> None:
        self.spec = spec or small_sweep()
        self.folder = storage / self.spec.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(self.folder / "journal.jsonl")
        self.attempt = 0

    def launch(self, **changes: Any) -> None:
        """A launch of the sweep on the tiny corpus, with the libraries that are here."""
        self.attempt += 1
        fields: dict[str, Any] = {
            "sweep": self.spec.name,
            "attempt": self.attempt,
            "spec": self.spec.model_dump(mode="json", by_alias=True),
            "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
            "git_commit": None,
            "corpus": tiny_corpus().describe(),
        }
        self.journal.write("launch", **(fields | changes))

    def cell(self, number: int, method: str, **values: Any) -> None:
        self.journal.write("cell", cell=number, method=method, values=values)

    def start(self, number: int, method: str, seed: int = 0, **values: Any) -> str:
        """Start a trial; return its id."""
        name = f"{number:04d}-{method}-s{seed}"
        trial = self.trial_spec(method, seed, **values)
        about = {"cell": number, "seed": seed, "method": method, "values": values, "attempt": self.attempt}
        self.journal.write("trial", trial=name, spec=trial.model_dump(mode="json"), **about)
        return name

    def trial_spec(self, method: str, seed: int = 0, **values: Any) -> TrialSpec:
        return self.spec.trial(method, values, seed, tiny_corpus().fingerprint)

    def line(self, kind: str, trial: str, **fields: Any) -> None:
        """A line of a trial with what every report carries."""
        self.journal.write(kind, trial=trial, **({"host": HOST, "checkpoint": None, "damaged": []} | fields))

    def epoch(self, trial: str, phase: str, number: int, **numbers: float) -> None:
        """An epoch with numbers of one's choice: `kl` is validation's, `learning_rate` the training's."""
        training = ("kl_weight", "learning_rate", "seconds")
        keyed = {
            f"{'train' if metric in training else 'validation'}/{metric}": at for metric, at in numbers.items()
        }
        self.line("epoch", trial, phase=phase, epoch=number, numbers=keyed)

    def final(self, trial: str, outcome: str = "finished", **fields: Any) -> None:
        self.line("final", trial, outcome=outcome, **({"numbers": {}, "reason": None, "error": None} | fields))

    def run(self, trial: str, spec: TrialSpec, store: PhaseStore | None = None, epochs: int | None = None) -> None:
        """Run a trial for real and journal what it reports and its test score, or its first epochs alone."""
        state, seen = TrialState(), 0
        try:
            for report, reached in run_trial(spec, tiny_corpus(), TrialState(), store=store):
                state = reached
                self.line(KINDS[type(report)], trial, **report.model_dump(mode="json"))
                seen += isinstance(report, EpochReport)
                if seen == epochs:
                    return
        except DivergedError as error:
            self.final(trial, "diverged", reason=str(error))
            return
        model = new_model(spec, tiny_corpus().vocabulary)
        model.load_state_dict(state.best)
        numbers = score_split(spec, tiny_corpus(), model, "test")
        self.journal.write("scored", trial=trial, numbers=numbers)

    def end(self, outcome: str = "complete", reason: str | None = None) -> None:
        self.journal.write("end", outcome=outcome, reason=reason)

    def rewrite(self, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
        """Write the journal anew with each line changed, or left out where the change is None."""
        kept = [change(json.loads(line)) for line in self.journal.path.read_text().splitlines()]
        self.journal.path.write_text("".join(json.dumps(line) + "\n" for line in kept if line is not None))


def tree(directory: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a directory with its content and the time of its last change."""
    return {
        str(path.relative_to(directory)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in directory.rglob("*")
        if path.is_file()
    }


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """Run a verb in this process; return its exit code, what it printed and its errors."""
    monkeypatch.setattr(sys, "argv", ["vae-sweep", *arguments])
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    assert torch.get_num_threads() == 1
    return int(end.value.code or 0), said.out, said.err
