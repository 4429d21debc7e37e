"""What decides, beside a trial's spec, which bits it gives; and in what this process differs from the journal."""

import importlib.metadata
import socket
from dataclasses import dataclass
from typing import Any

import torch

from trainables.spec import TrialSpec
from vae_sweep.journal.history import History
from vae_sweep.journal.records import LaunchRecord, TrialRecord
from vae_sweep.planning.compatibility import LIBRARIES, threads_of


@dataclass(frozen=True)
class Surroundings:
    """How a trial is to be run here: threads and device as its first launch asked; `differences` in words."""

    launch: LaunchRecord
    threads: int
    device: str
    differences: list[str]


def surroundings(history: History, trial: TrialRecord, spec: TrialSpec) -> Surroundings:
    """Return how a trial ran, as far as the journal knows, and what is otherwise here."""
    attempts = {start.attempt for start in history.timelines[trial.id].starts}
    launches = [one for one in history.record.launches if one.attempt in attempts] or history.record.launches
    threads = [threads_of(one.spec) for one in launches]
    device = "cuda" if torch.cuda.is_available() and _gpus(launches[0].spec) != 0 else "cpu"
    found = [*_versions(launches), *_keys(trial, spec)]
    if len(set(threads)) > 1:
        found.append(f"threads: its launches gave it {', '.join(map(str, threads))}; here {threads[0]} throughout")
    if device == "cpu" and isinstance(asked := _gpus(launches[0].spec), int | float) and asked > 0:
        found.append(f"device: it ran on a GPU (resources.gpu {asked:g}), here on cpu")
    if (here := socket.gethostname()) not in trial.hosts and trial.hosts:
        ran = ", ".join(trial.hosts)
        found.append(f"machine: it ran on {ran}, here is {here}; another kind of processor rounds otherwise")
    return Surroundings(launches[0], threads[0], device, found)


def _gpus(plain: dict[str, Any]) -> Any:
    return (plain.get("resources") or {}).get("gpu", "auto")


def _versions(launches: list[LaunchRecord]) -> list[str]:
    found = []
    for name in LIBRARIES:
        here = importlib.metadata.version(name)
        others = list(dict.fromkeys(one.versions.get(name, "unknown") for one in launches))
        if others != [here]:
            found.append(f"{name}: journal {', '.join(others)}, here {here}")
    return found


def _keys(trial: TrialRecord, spec: TrialSpec) -> list[str]:
    """Return whether the pretraining's journaled key is not the one that this code gives."""
    here = {phase.key() for phase in spec.phases() if phase.name == "pretrain"}
    if not here or not (other := {found.key for found in trial.store} - here):
        return []
    keys = ", ".join(sorted(key[:12] for key in other))
    [own] = here
    return [f"code: the journal names the pretraining {keys}, this version {own[:12]}: it trains otherwise"]
