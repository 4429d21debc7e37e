"""Trials that share a pretraining store, and what they reported; used by the tests of the store."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from torch import device

from tests.helpers import TRAINING, same_tensors, tiny_corpus, tiny_trial, without_costs
from trainables.outputs import new_model
from trainables.spec import TrialSpec
from trainables.training.report import EpochReport, FinalReport, StoreReport
from trainables.training.sharing import shapes_of
from trainables.training.state import TrialState
from trainables.training.training_spec import LinearDecay, Plateau, TrainingSpec
from trainables.trial import run_trial
from vae_sweep.storage.pretraining_store import PretrainedStore, StoreClaim

RESTLESS = Plateau(patience=1, first_decay_epoch=0, decays=2)
ADAM = TrainingSpec(optimizer="adam", learning_rate=0.02, schedule=LinearDecay(), epochs=3, batch_size=8)
SGD = TrainingSpec(optimizer="sgd", learning_rate=5.0, schedule=RESTLESS, epochs=9, batch_size=8)
WILD = TrainingSpec(learning_rate=3e37, epochs=2, batch_size=8)
TRIALS = {
    "adam-tail": tiny_trial("ours", pretraining=ADAM),
    "sgd-plateau": tiny_trial("ours", pretraining=SGD, seed=2),
    "reference": tiny_trial("ae", pretraining=TRAINING),
}


@dataclass
class Ran:
    """What a trial reported so far; `end` is the state after its last report."""

    stores: list[StoreReport] = field(default_factory=list)
    epochs: list[EpochReport] = field(default_factory=list)
    states: list[TrialState] = field(default_factory=list)
    final: FinalReport | None = None
    end: TrialState = field(default_factory=TrialState)

    @property
    def events(self) -> list[str]:
        """How the trial came by its pretraining."""
        return [report.event for report in self.stores]

    @property
    def stored(self) -> list[int]:
        """The epochs that were taken from the store."""
        return [report.epoch for report in self.epochs if report.stored]


def ran(
    spec: TrialSpec,
    store: PretrainedStore | None,
    state: TrialState | None = None,
    enough: Callable[[Ran], bool] = lambda _: False,
) -> Ran:
    """Run a trial to its end, or until it has reported `enough` and is interrupted."""
    so_far = Ran()
    running = run_trial(spec, tiny_corpus(), state or TrialState(), store=store)
    for report, so_far.end in running:
        note(so_far, report)
        if enough(so_far):
            running.close()  # type: ignore[attr-defined]
            break
    return so_far


def note(so_far: Ran, report: EpochReport | StoreReport | FinalReport) -> None:
    """Add a report to those of a trial."""
    if isinstance(report, StoreReport):
        so_far.stores += [] if report in so_far.stores[-1:] else [report]
    elif isinstance(report, EpochReport):
        so_far.epochs.append(report)
        so_far.states.append(so_far.end)
    else:
        so_far.final = report


def same_trial(one: Ran, other: Ran, since: int = 0) -> bool:
    """Whether two trials gave the same bits, but for costs; `since`: one lacks the other's first epochs."""
    theirs = [bare(report) for report in other.epochs[since:]]
    return (
        [bare(report) for report in one.epochs] == theirs
        and one.final == other.final
        and same_tensors(one.end.best, other.end.best)
    )


def bare(report: EpochReport) -> EpochReport:
    """A report without what depends on who trained the epoch."""
    return without_costs(report).model_copy(update={"stored": False})


def claim_of(spec: TrialSpec, store: PretrainedStore) -> AbstractContextManager[StoreClaim]:
    """A claim to a trial's pretraining."""
    shapes = shapes_of(new_model(spec, tiny_corpus().vocabulary).state_dict())
    return store.claim(spec.phases()[0], "above", shapes, device("cpu"))


def pretrained(spec: TrialSpec) -> list[TrialState]:
    """The states after each epoch of a trial's pretraining."""
    whole = ran(spec, None)
    return [state for state in whole.states if state.counters.phase == 0]


def entry_of(spec: TrialSpec, directory: Path) -> Path:
    """Publish a trial's pretraining; return the folder of its entry."""
    with claim_of(spec, PretrainedStore(directory, "sweep/publisher")) as claim:
        assert claim.attempt() is None
        claim.publish(pretrained(spec)[-1])
    return claim.folder


@cache
def alone(name: str) -> Ran:
    """The trial that shares nothing."""
    return ran(TRIALS[name], None)


@cache
def epochs_of(name: str) -> int:
    """How many epochs its pretraining has."""
    return sum(report.phase == "pretrain" for report in alone(name).epochs)


def seconds(reports: list[EpochReport]) -> float:
    """What these epochs took whoever trained them."""
    return sum(report.numbers["train/seconds"] for report in reports)


def store(directory: Path, trial: str = "a", patience: float = 30.0) -> PretrainedStore:
    """The store as a trial of a sweep sees it."""
    return PretrainedStore(directory, f"sweep/{trial}", patience)


def content(directory: Path) -> dict[str, tuple[int, int]]:
    """What a folder holds, by the times and numbers of its files."""
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in directory.rglob("*")}
