"""Probing the stored trials of a sweep: one after the other in this process, each journaled when it is done."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from trainables.base import VaeSweepError
from trainables.model.spec import LONGEST
from trainables.outputs import load_model
from trainables.probes.run import ProbeReport, run_probes
from trainables.probes.spec import PROBE_NAMES, ProbeName, ProbeSpec
from trainables.storage_paths import write_file
from trainables.text.corpus import Corpus, load_corpus
from trainables.training.report import SCORED
from trainables.trial import check_corpus
from vae_sweep.config.environment import data_directory
from vae_sweep.config.recipes import MAPPINGS
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.events import ProbedEvent
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import Journal
from vae_sweep.journal.records import Numbers, SweepRecord, TrialRecord
from vae_sweep.journal.stored_spec import existing_spec
from vae_sweep.results.retention import why_collected
from vae_sweep.storage.driver_lock import driver_lock
from vae_sweep.storage.layout import JOURNAL_FILE
from vae_sweep.tracking.client import TrackingError
from vae_sweep.tracking.sweep_mirror import sync_sweep

TEXTS_FOLDER, TABLE_FILE = "probes", "numbers.json"

_Note = Callable[[str], None]


class ProbeError(VaeSweepError):
    """What was asked to be probed is not there."""


@dataclass(frozen=True)
class Probed:
    """How probing ended: `failed` trials were reported; `unmirrored` says why something is missing in MLflow."""

    done: int
    failed: int
    unmirrored: str | None


def chosen_probes(names: Sequence[str]) -> tuple[ProbeName, ...]:
    """Return the named probes in the paper's order, all where none is named. Raises ProbeError."""
    if unknown := [name for name in names if name not in PROBE_NAMES]:
        known = ", ".join(PROBE_NAMES)
        raise ProbeError(f"--only: no probe {unknown[0]!r}; allowed are {known}, joined by commas")
    return tuple(name for name in PROBE_NAMES if name in names or not names)


def trials_to_probe(record: SweepRecord, ids: Sequence[str]) -> list[TrialRecord]:
    """Return the named trials, or all that left weights and have a code z. Raises ProbeError."""
    usable = {
        name: trial
        for name, trial in sorted(record.trials.items())
        if trial.final is not None
        and trial.final.outcome in SCORED
        and trial.final.checkpoint is not None
        and not trial.spec.at("method", "language_model")
    }
    if unknown := [name for name in ids if name not in usable]:
        known = ", ".join(usable) or "none"
        raise ProbeError(
            f"--trial: {unknown[0]!r} is no ended trial with a code z of sweep {record.name}; there are: {known}"
        )
    return [trial for name, trial in usable.items() if name in ids or not ids]


def probe_sweep(
    folder: Path, ids: Sequence[str], only: Sequence[str], note: _Note, longest: int = LONGEST
) -> Probed:
    """Run the probes that the chosen trials do not have yet; journal each trial, then bring MLflow up to date.

    Sentences are cut after `longest` words. A trial whose weights or corpus cannot be used is reported and passed
    over; one whose weights were collected counts as failed only if it was named. Raises LaunchError where a driver
    holds the sweep, ProbeError where a name is unknown.
    """
    spec, probes = existing_spec(folder), chosen_probes(only)
    cores = spec.resources.cpu
    torch.set_num_threads(1 if cores == "auto" else min(cores, os.cpu_count() or 1))
    done = failed = 0
    with driver_lock(folder), Journal(folder / JOURNAL_FILE) as journal:
        if journal.repaired:
            note(journal.repaired)
        record = read_sweep(folder / JOURNAL_FILE)
        trials = trials_to_probe(record, ids)
        reader = _Reader(spec)
        for number, trial in enumerate(trials, start=1):
            place, missing = f"{number} of {len(trials)}: {trial.id}", _missing(trial, probes)
            if not missing:
                note(f"{place}: probed before")
                continue
            if gone := why_collected(spec, record, trial):
                failed += trial.id in ids
                note(f"{place}: not probed: {gone}")
                continue
            note(f"{place}: {', '.join(missing)}")
            started = time.monotonic()
            try:
                report = reader.run(
                    trial, ProbeSpec(probes=missing, mapping=MAPPINGS[spec.recipe], longest=longest)
                )
            except VaeSweepError as error:
                failed += 1
                note(f"{place}: not probed: {error}")
                continue
            _keep(folder, journal, trial, missing, report)
            done += 1
            note(f"{place}: {_summary(report)} ({time.monotonic() - started:.0f} s)")
    return Probed(done, failed, _mirror(spec, folder) if done else None)


class _Reader:
    """Reads the models of one sweep; their corpus once."""

    def __init__(self, spec: SweepSpec) -> None:
        self._spec, directory = spec, spec.data.directory
        self._directory = data_directory(Path(directory) if directory else None)
        self._corpus: Corpus | None = None

    def run(self, trial: TrialRecord, probes: ProbeSpec) -> ProbeReport:
        """Probe a trial's best weights under its seed. Raises VaeSweepError where they are unusable."""
        if (spec := trial.spec.trial) is None:
            raise ProbeError("its spec in the journal is not one of this version of vae-sweep")
        if self._corpus is None:
            self._corpus = load_corpus(self._spec.corpus, self._directory)
        check_corpus(spec, self._corpus)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        checkpoint = trial.final.checkpoint if trial.final else None
        if checkpoint is None:
            raise ProbeError(f"{trial.id}: the trial left no weights")
        return run_probes(
            probes, load_model(checkpoint, spec, self._corpus.vocabulary, device), self._corpus, spec.seed
        )


def _missing(trial: TrialRecord, probes: Sequence[ProbeName]) -> tuple[ProbeName, ...]:
    """Return the probes that are missing in the journal; all of them again where the pages of text are gone."""
    if trial.texts is not None and not trial.texts.is_dir():
        return tuple(probes)
    return tuple(name for name in probes if name not in trial.probes)


def _keep(
    folder: Path, journal: Journal, trial: TrialRecord, probes: Sequence[ProbeName], report: ProbeReport
) -> None:
    place = Path(TEXTS_FOLDER, trial.id)
    for name, text in report.texts.items():
        write_file(folder / place / f"{name}.txt", text.encode())
    numbers = {**trial.probed, **report.numbers}
    table = {"columns": ["probe", "value"], "data": [list(item) for item in sorted(numbers.items())]}
    write_file(folder / place / TABLE_FILE, json.dumps(table, indent=1).encode())
    found: Numbers = {**report.numbers}
    journal.append(ProbedEvent(trial=trial.id, probes=[*probes], numbers=found, texts=str(place)))


def _summary(report: ProbeReport) -> str:
    shown = [f"{key.removeprefix('probe/')} {value:.4g}" for key, value in report.numbers.items()]
    return ", ".join([*shown, *(f"{name}.txt" for name in report.texts)]) or "nothing to measure"


def _mirror(spec: SweepSpec, folder: Path) -> str | None:
    try:
        sync_sweep(spec, folder)
    except TrackingError as error:
        return str(error)
    return None
