"""Running a journaled trial again in this process, and comparing; nothing of the sweep is written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from trainables.base import DivergedError, StateError, VaeSweepError
from trainables.outputs import new_model
from trainables.spec import TrialSpec
from trainables.storage_paths import place_of
from trainables.text.corpus import Corpus, load_corpus
from trainables.training.report import SCORED, EpochReport, FinalReport
from trainables.training.sharing import Shapes
from trainables.training.state import TrialState
from trainables.trial import check_corpus, run_trial, score_split
from vae_sweep.config.environment import data_directory
from vae_sweep.config.relocation import relocated
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.history import find_trial
from vae_sweep.journal.records import TrialRecord
from vae_sweep.journal.sweep_log import read_history
from vae_sweep.monitoring.eta import sweep_spec
from vae_sweep.replay.comparison import NumberDifference, ReplayComparison
from vae_sweep.replay.reproducibility import Surroundings, surroundings
from vae_sweep.storage.layout import STORE_FOLDER
from vae_sweep.storage.pretraining_entry import address, environment_of, read_entry

_Note = Callable[[str], None]


class ReplayError(VaeSweepError):
    """A trial cannot be replayed: the journal does not hold what it takes."""


@dataclass(frozen=True)
class Replayed:
    """What was compared: epochs, numbers, whether the end and the test score; and what differs.

    `gaps` are epochs that ran here and that are missing in the midst of the journal.
    """

    trial: str
    epochs: int
    numbers: int
    ended: bool
    scored: bool
    differences: list[NumberDifference]
    gaps: list[str]


def replay_trial(folder: Path, name: str, use_store: bool, note: _Note, at: _Note) -> Replayed:
    """Run a trial again from its journaled spec and compare every number with the journal, bit for bit.

    `note` gets what differs around it before it starts, `at` where it is. With `use_store` its pretraining is
    read from the store, where it is there. A trial without an end that its spec decides is compared as far as the
    journal goes. Raises LaunchError or JournalError where sweep or trial are not there, ReplayError, CorpusError
    or StateError where it cannot be run.
    """
    history = read_history(folder)
    trial = find_trial(history.record, name)
    spec = trial.spec.trial
    if spec is None:
        raise ReplayError(f"{trial.id}: its spec in the journal is not one of this version of vae-sweep")
    comparison = ReplayComparison(trial)
    if comparison.exhausted:
        raise ReplayError(f"{trial.id}: the journal holds none of its numbers yet; there is nothing to compare")
    around = surroundings(history, trial, spec)
    for text in around.differences:
        note(f"not as it was: {text}")
    before = torch.get_num_threads()
    torch.set_num_threads(around.threads)
    try:
        sweep = sweep_spec(history.record)
        return _Replay(folder, trial, spec, sweep, around, comparison, note, at).run(use_store)
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class _Replay:
    folder: Path
    trial: TrialRecord
    spec: TrialSpec
    sweep: SweepSpec | None
    around: Surroundings
    comparison: ReplayComparison
    note: _Note
    at: _Note

    def run(self, use_store: bool) -> Replayed:
        corpus = self._corpus()
        start, diverged = self._stored(corpus) if use_store else (TrialState(), None)
        final, state = self._train(corpus, start, diverged)
        scored = False
        if final is not None:
            self.comparison.end(final)
            if self.trial.own_numbers("test") and final.outcome in SCORED:
                self.at("the test split")
                model = new_model(self.spec, corpus.vocabulary).to(self.around.device)
                model.load_state_dict(state.best)
                self.comparison.score(score_split(self.spec, corpus, model, "test"))
                scored = True
        found = self.comparison
        return Replayed(
            self.trial.id, found.epochs, found.numbers, final is not None, scored, found.differences, found.gaps
        )

    def _train(
        self, corpus: Corpus, start: TrialState, diverged: str | None
    ) -> tuple[FinalReport | None, TrialState]:
        """Run and compare epochs; return the end, or None where the journal ends before."""
        for known in start.history:
            self.comparison.epoch(known)
        if diverged is not None:
            return FinalReport(outcome="diverged", reason=diverged), start
        if self.comparison.exhausted:
            return None, start
        state = start
        try:
            for report, state in run_trial(self.spec, corpus, start, self.around.device):
                if isinstance(report, FinalReport):
                    return report, state
                if isinstance(report, EpochReport):
                    self.at(f"{report.phase} epoch {report.epoch}")
                    self.comparison.epoch(report)
                if self.comparison.exhausted:
                    break
        except DivergedError as error:
            return FinalReport(outcome="diverged", reason=str(error)), state
        return None, state

    def _corpus(self) -> Corpus:
        directory, wanted = (self.around.launch.spec.get("data") or {}).get("directory"), self.spec.corpus
        if self.sweep is not None:
            here = relocated(self.sweep, self.folder.absolute().parent)
            directory, wanted = here.data.directory, here.corpus
        corpus = load_corpus(wanted, data_directory(Path(directory) if directory else None))
        check_corpus(self.spec, corpus)
        return corpus

    def _stored(self, corpus: Corpus) -> tuple[TrialState, str | None]:
        """Return the end of the pretraining as the store has it, and why it diverged; else a fresh state."""
        fresh = TrialState(), None
        phase = self.spec.phases()[0]
        if phase.name != "pretrain":
            self.note("--store: the method has no pretraining")
            return fresh
        boundary = self.spec.evaluation.activity_boundary
        environment = environment_of(torch.device(self.around.device), self.around.threads, boundary)
        objects = (self.around.launch.spec.get("storage") or {}).get("objects")
        storage = place_of(objects) if objects else self.folder.absolute().parent
        place = storage / STORE_FOLDER / address(phase, environment)
        weights = new_model(self.spec, corpus.vocabulary).state_dict()
        shapes: Shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        try:
            found = read_entry(place, phase, environment, shapes)
        except StateError as error:
            self.note(f"--store: unfit, so it is trained here: {error}")
            return fresh
        if found is None:
            self.note(f"--store: {place} is not there, so it is trained here")
            return fresh
        self.note(f"--store: the pretraining is read from {place}")
        return found
