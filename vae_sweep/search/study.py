"""The Optuna study of a sweep: its storage, its sampler, its name."""

import warnings
from pathlib import Path

import optuna
from optuna import Study
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from trainables.base import derived_seed
from vae_sweep.errors import LaunchError
from vae_sweep.spec import SearchSpec, SweepSpec

STUDY_FILE = "study.journal"


def open_study(spec: SweepSpec, directory: Path) -> Study:
    """Open or make the study of a sweep, by default a journal file in its directory; all objectives fall.

    The sampler's seed depends on how many trials the study holds, so that a resumed search goes on drawing
    instead of repeating its first draws.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = _storage(spec, directory)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            storage=storage,
            study_name=spec.name,
            directions=["minimize"] * len(spec.search.objectives),
            load_if_exists=True,
        )
        if len(study.directions) != len(spec.search.objectives):
            raise LaunchError(
                f"study {spec.name!r} has {len(study.directions)} objectives, the sweep "
                f"{len(spec.search.objectives)}; give the sweep another name"
            )
        study.set_metric_names(list(spec.search.objectives))
        seed = derived_seed("sampler", spec.search.seed, len(study.get_trials(deepcopy=False))) % 2**32
        study.sampler = _sampler(spec.search, seed)
    return study


def _storage(spec: SweepSpec, directory: Path) -> BaseStorage:
    if spec.storage.study is None:
        return JournalStorage(JournalFileBackend(str(directory / STUDY_FILE)))
    return RDBStorage(spec.storage.study)


def _sampler(search: SearchSpec, seed: int) -> BaseSampler:
    """Return the sampler; TPE starts from random draws for a third of the trials, at most 10, NSGA-II likewise."""
    trials = search.trials or 1
    if search.kind == "tpe":
        return TPESampler(seed=seed, constant_liar=True, n_startup_trials=min(10, max(2, trials // 3)))
    if search.kind == "nsga2":
        return NSGAIISampler(seed=seed, population_size=min(50, max(2, trials // 3)))
    return RandomSampler(seed=seed)


def fail_strangers(study: Study, known: set[int]) -> list[int]:
    """Tell as failed every RUNNING trial that the journal does not name; return their numbers."""
    lost = [
        trial.number
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if trial.number not in known
    ]
    for number in lost:
        study.tell(number, state=TrialState.FAIL)
    return lost
