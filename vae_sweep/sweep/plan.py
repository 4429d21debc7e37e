"""The plan: what a launch would run, and everything that must hold before it may."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from trainables.base import CorpusError
from trainables.text.corpus import Corpus, load_corpus, missing_files
from trainables.text.fetch import hint
from trainables.training.spec import PhaseSpec
from vae_sweep.errors import LaunchError
from vae_sweep.settings import data_directory
from vae_sweep.spec import Draw, SweepSpec
from vae_sweep.store.entry import address, environment_of, is_stored
from vae_sweep.sweep.folder import store_place


@dataclass(frozen=True)
class PlannedCell:
    """A cell of the space and what each of its trials would run; `trainings` are the phases of all its seeds."""

    method: str
    values: Draw
    phases: tuple[str, ...]
    epochs: int
    trainings: tuple[PhaseSpec, ...]


@dataclass(frozen=True)
class Trainings:
    """Phases that the trials ask for, those that must be trained, and of the pretrainings among them: how many are
    asked for, are distinct, lie in the store already."""

    asked: int
    needed: int
    pretrainings: int
    distinct: int
    stored: int


@dataclass(frozen=True)
class Plan:
    """What a launch would run: `cells` is None where the space is continuous."""

    spec: SweepSpec
    corpus: Corpus
    data_directory: Path
    cells: tuple[PlannedCell, ...] | None
    cell_count: int
    threads: int
    gpus: float

    @property
    def trial_count(self) -> int:
        """Cells times seeds."""
        return self.cell_count * len(self.spec.seeds)

    @property
    def trainings(self) -> Trainings | None:
        """What the listed cells train, and what of it the pretraining store spares; None where none are listed."""
        if self.cells is None:
            return None
        phases = [phase for cell in self.cells for phase in cell.trainings]
        shared = [phase for phase in phases if phase.name == "pretrain"]
        distinct = {phase.key(): phase for phase in shared}
        if not self.spec.storage.share_pretraining:
            return Trainings(len(phases), len(phases), len(shared), len(distinct), 0)
        device = torch.device("cuda" if gpu_count() else "cpu")
        environment = environment_of(device, self.threads, self.spec.evaluation.activity_boundary)
        store = store_place(self.spec)
        stored = sum(is_stored(store / address(phase, environment)) for phase in distinct.values())
        needed = len(phases) - len(shared) + len(distinct) - stored
        return Trainings(len(phases), needed, len(shared), len(distinct), stored)


def make_plan(spec: SweepSpec) -> Plan:
    """Check the corpus and the resources and list the cells. Raises CorpusError or LaunchError."""
    spec = located(spec)
    directory = data_directory(Path(spec.data.directory) if spec.data.directory else None)
    if missing := missing_files(spec.corpus, directory):
        raise CorpusError(_absent(spec, directory, missing))
    corpus = load_corpus(spec.corpus, directory)
    if lone := [name for name, split in corpus.splits.items() if len(split.sentences) == 1]:
        raise CorpusError(f"corpus {corpus.title}: {lone[0]} has a single sentence; a variance needs two at least")
    threads, gpus = resources(spec)
    points = spec.points()
    cells = None if points is None else tuple(_cell(spec, corpus, *point) for point in points)
    wanted = spec.search.trials
    count = len(cells or ()) if wanted is None else min(wanted, len(cells)) if cells else wanted
    return Plan(spec, corpus, directory, cells, count, threads, gpus)


def located(spec: SweepSpec) -> SweepSpec:
    """Return the spec with its data paths made absolute, so that a resume from elsewhere reads the same."""
    if spec.data.directory is not None:
        directory = str(Path(spec.data.directory).expanduser().absolute())
        spec = spec.model_copy(update={"data": spec.data.model_copy(update={"directory": directory})})
    if spec.corpus.path is None:
        return spec
    path = str(Path(spec.corpus.path).expanduser().absolute())
    return spec.model_copy(update={"corpus": spec.corpus.model_copy(update={"path": path})})


def resources(spec: SweepSpec) -> tuple[int, float]:
    """Return cores and GPU share of a trial, `auto` resolved. Raises LaunchError where this machine lacks them."""
    cores, cards = os.cpu_count() or 1, gpu_count()
    cpu = 1 if spec.resources.cpu == "auto" else spec.resources.cpu
    gpu = (0.25 if cards else 0.0) if spec.resources.gpu == "auto" else float(spec.resources.gpu)
    if os.environ.get("RAY_ADDRESS"):
        return cpu, gpu
    if cpu > cores:
        raise LaunchError(
            f"resources.cpu: a trial asks for {cpu} cores, this machine has {cores}; ask for at most that"
        )
    if gpu > cards:
        raise LaunchError(
            f"resources.gpu: a trial asks for {gpu:g} GPUs, this machine has {cards}; set it to 0 or auto"
        )
    return cpu, gpu


def gpu_count() -> int:
    """Return how many GPUs torch can use here."""
    return torch.cuda.device_count()


def _cell(spec: SweepSpec, corpus: Corpus, method: str, values: Draw) -> PlannedCell:
    trials = [spec.trial(method, values, seed, corpus.fingerprint) for seed in spec.seeds]
    phases = trials[0].phases()
    trainings = tuple(phase for trial in trials for phase in trial.phases())
    epochs = sum(phase.descent.epochs for phase in phases)
    return PlannedCell(method, values, tuple(phase.name for phase in phases), epochs, trainings)


def _absent(spec: SweepSpec, directory: Path, missing: list[str]) -> str:
    if spec.corpus.name:
        return hint(spec.corpus.name, directory)
    return f"corpus.path: {spec.corpus.path} lacks {', '.join(missing)}; one sentence a line, optional label<TAB>"
