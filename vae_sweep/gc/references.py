"""Which pretrainings the sweeps of a storage directory still refer to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trainables.base import VaeSweepError
from trainables.files import is_file
from trainables.methods import METHODS
from trainables.spec import TrialSpec, Value
from vae_sweep.config.domains import points
from vae_sweep.config.method_space import LISTABLE, row_size
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.records import SweepRecord
from vae_sweep.journal.stored_spec import stored_spec
from vae_sweep.storage.layout import JOURNAL_FILE, SPEC_FILE

PRETRAINED_PARTS = ("model", "pretraining")
"""Parts of a trial that change its pretraining; the others of a cell's values do not."""


@dataclass
class References:
    """Phase keys of pretrainings, and which sweeps' are not known, in words."""

    keys: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def references(storage: Path) -> References:
    """Return the pretrainings of all trials that the sweeps in a storage directory have or may come to have."""
    found = References()
    for folder in sorted(storage.iterdir()):
        if not any(is_file(folder / name) for name in (SPEC_FILE, JOURNAL_FILE)):
            continue
        try:
            found.keys |= sweep_references(folder)
        except (VaeSweepError, ValidationError, OSError) as error:
            found.problems.append(f"{folder}: {str(error).splitlines()[0]}")
    return found


def sweep_references(folder: Path) -> set[str]:
    """Return the pretrainings of one sweep. Raises VaeSweepError or ValidationError where they are not known."""
    spec, record = stored_spec(folder), read_sweep(folder / JOURNAL_FILE)
    corpus = record.launches[-1].corpus if record.launches else {}
    if spec is None or "fingerprint" not in corpus:
        raise LaunchError(f"{folder / JOURNAL_FILE}: it names no launch on a corpus yet")
    trials = [*_journaled(record), *_planned(spec, record, str(corpus["fingerprint"]))]
    keys = {phase.key() for trial in trials for phase in trial.phases() if phase.name == "pretrain"}
    return keys | {found.key for trial in record.trials.values() for found in trial.store}


def _journaled(record: SweepRecord) -> Iterator[TrialSpec]:
    for trial in record.trials.values():
        if _pretrains(trial.method):
            if trial.spec.trial is None:
                raise LaunchError(
                    f"trial {trial.id}: its spec in the journal is not one of this version of vae-sweep"
                )
            yield trial.spec.trial


def _planned(spec: SweepSpec, record: SweepRecord, fingerprint: str) -> Iterator[TrialSpec]:
    """Yield a trial for each pretraining that the space may still ask for, and the replicates of known cells."""
    cells: list[tuple[str, dict[str, Value]]] = [(cell.method, cell.values) for cell in record.cells.values()]
    cells += [(method, values) for method, row in spec.methods.items() for values in _draws(row)]
    for method, values in cells:
        for seed in spec.seeds if _pretrains(method) else ():
            yield spec.trial(method, values, seed, fingerprint)


def _draws(row: dict[str, Any]) -> Iterator[dict[str, Value]]:
    """Yield the values of a method that change its pretraining; none where they cannot be listed."""
    domains = {name: domain for name, domain in row.items() if name.partition(".")[0] in PRETRAINED_PARTS}
    size = row_size(domains)
    if size is None or size > LISTABLE:
        return
    for values in product(*(points(domain) or () for domain in domains.values())):
        yield dict(zip(domains, values, strict=True))


def _pretrains(method: str) -> bool:
    if method not in METHODS:
        raise LaunchError(f"unknown method {method!r}; known: {', '.join(METHODS)}")
    return METHODS[method].pretrain or METHODS[method].autoencodes
