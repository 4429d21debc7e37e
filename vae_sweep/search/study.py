"""The Optuna study of a sweep: its storage, its sampler, its name."""

import json
import warnings
from pathlib import Path

import optuna
from optuna import Study
from optuna.exceptions import StorageInternalError
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from trainables.base import VaeSweepError, derived_seed, digest
from trainables.files import content, is_file, is_there, move
from vae_sweep.config.search_spec import SearchSpec
from vae_sweep.config.sweep_spec import SweepSpec

STUDY_FILE, SPACE = "study.journal", "space"
MUTATION = 0.2
"""How often NSGA-II draws a method anew instead of taking it from a parent."""

LOCK_PATIENCE = 3
"""Seconds after which the lock of a killed driver's study is taken; the sweep's own lock keeps others out."""

DAMAGES = (ValueError, KeyError, AssertionError, StorageInternalError, SQLAlchemyError)


class StudyError(VaeSweepError):
    """The database of a study cannot be used now."""


def open_study(spec: SweepSpec, directory: Path) -> tuple[Study | None, str | None]:
    """Open or make the study of a sweep, by default a journal file in its directory; all objectives fall.

    A grid has none: each of its points is run, whatever the others gave.

    A study that is damaged, or that draws from another space than the spec, is set aside and made anew; what was
    done is returned in words. The caller fills the new one from the sweep's journal: the study holds nothing
    else. The sampler's seed depends on how many trials the study holds, so that a resumed search goes on drawing.
    Raises StudyError or PlaceError where it cannot be read now.
    """
    if spec.search.kind == "grid":
        return None, None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        said = None
        try:
            study = _made(spec, directory)
            if (problem := _misfit(study, spec)) is not None:
                said = f"{problem}; {_set_aside(spec, directory)}, and filled from the sweep's journal"
        except DAMAGES as error:
            _refuse_outage(spec, error)
            problem = str(error).splitlines()[0] if str(error) else type(error).__name__
            said = f"the study is damaged ({problem}); {_set_aside(spec, directory)}, and filled from the journal"
        if said is not None:
            study = _made(spec, directory)
        seed = derived_seed("sampler", spec.search.seed, len(study.get_trials(deepcopy=False))) % 2**32
        study.sampler = _sampler(spec.search, seed)
    return study, said


def _made(spec: SweepSpec, directory: Path) -> Study:
    _check_whole(spec, directory)
    study = optuna.create_study(
        storage=_storage(spec, directory),
        study_name=spec.name,
        directions=["minimize"] * len(spec.search.objectives),
        load_if_exists=True,
    )
    study.set_metric_names(list(spec.search.objectives))
    if SPACE not in study.user_attrs:
        study.set_user_attr(SPACE, _space(spec))
    return study


def _space(spec: SweepSpec) -> str:
    """Return what names the space of a spec: a study's distributions may not change."""
    plain = spec.model_dump(mode="json", by_alias=True, include={"methods", "seeds"})
    return digest({**plain, "objectives": spec.search.objectives})


def _misfit(study: Study, spec: SweepSpec) -> str | None:
    return None if study.user_attrs.get(SPACE) == _space(spec) else "the study draws from the space of before"


def _check_whole(spec: SweepSpec, directory: Path) -> None:
    """Raise ValueError where a line of the study's file is torn or damaged; Optuna would append to it."""
    path = directory / STUDY_FILE
    if spec.storage.study is None and is_file(path):
        for number, line in enumerate(content(path).splitlines(keepends=True), start=1):
            try:
                json.loads(line)
            except ValueError:
                raise ValueError(f"{path}, line {number}: not JSON") from None
            if not line.endswith(b"\n"):
                raise ValueError(f"{path}, line {number}: torn")


def _refuse_outage(spec: SweepSpec, error: BaseException) -> None:
    """Raise StudyError where a database does not answer or refuses, which says nothing of what it holds."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OperationalError | InterfaceError) and "no such" not in str(found.orig):
            raise StudyError(
                f"storage.study: the database does not answer or refuses ({found.orig}), and is not taken for "
                "damaged; see that it runs and may be written, then run this again"
            ) from error
        found = found.__cause__


def _set_aside(spec: SweepSpec, directory: Path) -> str:
    if spec.storage.study is not None:
        try:
            optuna.delete_study(study_name=spec.name, storage=_storage(spec, directory))
        except DAMAGES as error:
            raise StudyError(
                f"storage.study: the database is damaged ({str(error).splitlines()[0]}); move it away: a study is "
                "made anew and filled from the journal"
            ) from error
        return "it was made anew"
    number = 1
    while is_there(aside := directory / f"{STUDY_FILE}.{number}"):
        number += 1
    move(directory / STUDY_FILE, aside)
    return f"it was moved to {aside.name}, made anew"


def _storage(spec: SweepSpec, directory: Path) -> BaseStorage:
    if spec.storage.study is None:
        path = str(directory / STUDY_FILE)
        return JournalStorage(JournalFileBackend(path, JournalFileSymlinkLock(path, grace_period=LOCK_PATIENCE)))
    return RDBStorage(spec.storage.study)


def _sampler(search: SearchSpec, seed: int) -> BaseSampler:
    """Return the sampler; TPE starts from random draws for a third of the trials, at most 10, NSGA-II likewise.

    What all cells have in common, and NSGA-II crosses, is the method alone. Optuna's own rate of mutation is one
    over the number of such parameters: it would draw every method anew.
    """
    trials = search.trials or 1
    if search.kind == "tpe":
        return TPESampler(seed=seed, constant_liar=True, n_startup_trials=min(10, max(2, trials // 3)))
    if search.kind == "nsga2":
        return NSGAIISampler(seed=seed, population_size=min(50, max(2, trials // 3)), mutation_prob=MUTATION)
    return RandomSampler(seed=seed)
