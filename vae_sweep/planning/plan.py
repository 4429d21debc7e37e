"""The plan: what a launch would run, and everything that must hold before it may."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from trainables.base import CorpusError
from trainables.measure.adapted import FEWEST_PASSES
from trainables.methods import METHODS
from trainables.rungs import on_rung
from trainables.text.corpus import Corpus, load_with_remarks, missing_files
from trainables.text.fetch import hint
from trainables.text.remarks.remark import Remark
from trainables.training.spec import PhaseSpec
from vae_sweep.config.domains import samples
from vae_sweep.config.environment import data_directory
from vae_sweep.config.paths import sqlite_path, sqlite_uri
from vae_sweep.config.relocation import beside
from vae_sweep.config.sweep_spec import Draw, SweepSpec
from vae_sweep.planning.allocation import TrialResources, check_machine, resources_by_method
from vae_sweep.planning.precision import asks_machine, resolve_precision
from vae_sweep.storage.layout import storage_directory, store_place, warm_folder
from vae_sweep.storage.pretraining_entry import address, environment_of, is_stored


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
    """What a launch would run: `cells` is None where the space is continuous, `shares` are the methods'.

    `remarks` are what is odd about the corpus; `precision_of_machine` says that the instructions of this machine
    decided `model.precision`.
    """

    spec: SweepSpec
    corpus: Corpus
    data_directory: Path
    cells: tuple[PlannedCell, ...] | None
    cell_count: int
    shares: dict[str, TrialResources]
    remarks: tuple[Remark, ...] = ()
    precision_of_machine: bool = False

    @property
    def trial_count(self) -> int:
        """Cells times seeds; where seeds are raced for or trials pruned, the most that run."""
        return self.cell_count * len(self.spec.seeds)

    @property
    def trainings(self) -> Trainings | None:
        """What the listed cells train, and what the pretraining store saves of it; None where none are listed."""
        if self.cells is None:
            return None
        phases = [(cell.method, phase) for cell in self.cells for phase in cell.trainings]
        shared = [(method, phase) for method, phase in phases if phase.name == "pretrain"]
        distinct = {self.address_of(method, phase) for method, phase in shared}
        if not self.spec.storage.share_pretraining:
            return Trainings(len(phases), len(phases), len(shared), len(distinct), 0)
        store = store_place(self.spec)
        stored = sum(is_stored(store / name) for name in distinct)
        needed = len(phases) - len(shared) + len(distinct) - stored
        return Trainings(len(phases), needed, len(shared), len(distinct), stored)

    @property
    def unjudged(self) -> list[str]:
        """The methods whose trials end, or are annealed, before any rung; empty where nothing is pruned."""
        found = []
        for method, row in self.spec.methods.items() if self.spec.search.pruning else ():
            values = {name: samples(domain)[0][1] for name, domain in row.items()}
            trial = self.spec.trial(method, values, self.spec.seeds[0], self.corpus.fingerprint)
            phase = trial.phases()[-1]
            if not any(on_rung(trial, phase, epoch, 1.0) for epoch in range(1, phase.training.epochs + 1)):
                found.append(method)
        return found

    @property
    def unadapted(self) -> list[str]:
        """Fields of the evaluation that allow too few passes for a proposal of the likelihood's own."""
        asked, methods = self.spec.evaluation, [METHODS[name] for name in self.spec.methods]
        if all(method.language_model or method.autoencodes for method in methods):
            return []
        found = {"search_samples": asked.search_samples}
        if self.spec.final != "none":
            found["final_effort"] = asked.final_effort
        return [field for field, most in found.items() if most < FEWEST_PASSES]

    def address_of(self, method: str, phase: PhaseSpec) -> str:
        """Return the name that a pretraining has in the store when a trial of this method trains it here."""
        device = torch.device("cuda" if gpu_count() else "cpu")
        boundary = self.spec.evaluation.activity_boundary
        return address(phase, environment_of(device, self.shares[method].threads, boundary))


def make_plan(spec: SweepSpec) -> Plan:
    """Check the corpus and the resources and list the cells. Raises CorpusError or LaunchError."""
    spec = with_absolute_paths(spec)
    directory = data_directory(Path(spec.data.directory) if spec.data.directory else None)
    if missing := missing_files(spec.corpus, directory):
        raise CorpusError(_absent(spec, directory, missing))
    corpus, remarks = load_with_remarks(spec.corpus, directory)
    if lone := [name for name, split in corpus.splits.items() if len(split.sentences) == 1]:
        raise CorpusError(f"corpus {corpus.title}: {lone[0]} has a single sentence; a variance needs two at least")
    shares = resources(spec)
    own = asks_machine(spec, len(corpus.vocabulary))
    spec = resolve_precision(spec, len(corpus.vocabulary), shares.values())
    points = spec.points()
    cells = None if points is None else tuple(_cell(spec, corpus, *point) for point in points)
    wanted = spec.search.trials
    count = len(cells or ()) if wanted is None else min(wanted, len(cells)) if cells else wanted
    return Plan(spec, corpus, directory, cells, count, shares, tuple(remarks), own)


def with_absolute_paths(spec: SweepSpec) -> SweepSpec:
    """Return the spec with its paths made absolute, so that a resume from elsewhere reads the same."""
    if spec.data.directory is not None:
        data = spec.data.model_copy(update={"directory": str(Path(spec.data.directory).expanduser().absolute())})
        spec = spec.model_copy(update={"data": data})
    directory = storage_directory(spec)
    if (warm := warm_folder(spec)) is not None:
        search = spec.search.model_copy(update={"warm_start": beside(str(warm), directory)})
        spec = spec.model_copy(update={"search": search})
    tracking = spec.tracking.model_copy(update={"uri": _absolute(spec.tracking.uri)})
    storage = {"directory": str(directory), "study": _absolute(spec.storage.study)}
    spec = spec.model_copy(update={"tracking": tracking, "storage": spec.storage.model_copy(update=storage)})
    if spec.corpus.path is None:
        return spec
    path = str(Path(spec.corpus.path).expanduser().absolute())
    return spec.model_copy(update={"corpus": spec.corpus.model_copy(update={"path": path})})


def _absolute(uri: str | None) -> str | None:
    if uri is None or (database := sqlite_path(uri)) is None or database.is_absolute():
        return uri
    _, mark, options = uri.partition("?")
    return sqlite_uri(database.absolute()) + mark + options


def resources(spec: SweepSpec) -> dict[str, TrialResources]:
    """Return what a trial of each method occupies, `auto` as of this machine.

    Raises LaunchError where this machine does not have it; a cluster is asked when it is joined.
    """
    cards = gpu_count()
    shares = resources_by_method(spec, cards)
    if not os.environ.get("RAY_ADDRESS"):
        check_machine(spec, shares, cards)
    return shares


def gpu_count() -> int:
    """Return how many GPUs torch can use here."""
    return torch.cuda.device_count()


def _cell(spec: SweepSpec, corpus: Corpus, method: str, values: Draw) -> PlannedCell:
    trials = [spec.trial(method, values, seed, corpus.fingerprint) for seed in spec.seeds]
    phases = trials[0].phases()
    trainings = tuple(phase for trial in trials for phase in trial.phases())
    epochs = sum(phase.training.epochs for phase in phases)
    return PlannedCell(method, values, tuple(phase.name for phase in phases), epochs, trainings)


def _absent(spec: SweepSpec, directory: Path, missing: list[str]) -> str:
    if spec.corpus.name:
        return hint(spec.corpus.name, directory)
    return f"corpus.path: {spec.corpus.path} lacks {', '.join(missing)}; one sentence a line, optional label<TAB>"
