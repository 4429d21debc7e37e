"""A trial's state on disk: tensors as safetensors, the rest as JSON, written whole or not at all."""

import hashlib
import json
from dataclasses import dataclass, field

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from trainables.base import Spec, StateError
from trainables.storage_paths import StoragePath, read, write_file
from trainables.training.report import EpochReport
from trainables.training.training_spec import PlateauState
from trainables.training.updates import UpdatesState

STATE_FILE, TENSOR_FILE = "state.json", "tensors.safetensors"


class Counters(Spec):
    """Everything of a phase that is not a tensor; no generator is carried: each is derived from the epoch."""

    phase: int = 0
    epoch: int = 0
    plateau: PlateauState = PlateauState()
    updates: UpdatesState = UpdatesState()
    best_loss: float | None = None
    best_epoch: int | None = None


@dataclass(frozen=True)
class TrialState:
    """Where a trial stands after an epoch: `counters.epoch` epochs of phase number `counters.phase` are done.

    `history` holds the reports of these epochs.
    """

    counters: Counters = Counters()
    model: dict[str, Tensor] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Tensor] = field(default_factory=dict)
    history: tuple[EpochReport, ...] = ()


class _StateFile(Spec):
    trial_key: str
    counters: Counters
    history: tuple[EpochReport, ...]
    sha256: str


def save_state(directory: StoragePath, trial_key: str, state: TrialState) -> None:
    """Write a state into `directory`; the JSON, written last, carries the checksum of the tensors."""
    for name, content in state_files(trial_key, state).items():
        write_file(directory / name, content)


def state_files(trial_key: str, state: TrialState) -> dict[str, bytes]:
    """Return the files of a state by name, in the order in which they are to be written."""
    groups = {"model": state.model, "best": state.best, "optimizer": state.optimizer}
    tensors = {f"{g}/{k}": v.detach().cpu().contiguous() for g, group in groups.items() for k, v in group.items()}
    content = save(tensors)
    sha256 = hashlib.sha256(content).hexdigest()
    record = _StateFile(trial_key=trial_key, counters=state.counters, history=state.history, sha256=sha256)
    return {TENSOR_FILE: content, STATE_FILE: record.model_dump_json(indent=1).encode()}


def load_state(directory: StoragePath, trial_key: str) -> TrialState:
    """Read a state. Raises StateError where it is absent, damaged, or of another trial; PlaceError."""
    try:
        record = _StateFile.model_validate_json(read(directory / STATE_FILE))
        content = read(directory / TENSOR_FILE)
    except (FileNotFoundError, ValidationError) as error:
        raise StateError(f"{directory}: no readable state ({error})") from error
    if record.trial_key != trial_key:
        raise StateError(
            f"{directory}: state of another trial (key {record.trial_key[:12]}, not {trial_key[:12]})"
        )
    found = hashlib.sha256(content).hexdigest()
    if found != record.sha256:
        raise StateError(f"{directory / TENSOR_FILE}: damaged (sha256 {found[:12]}, not {record.sha256[:12]})")
    groups: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}}
    for name, tensor in load_tensors(content, directory / TENSOR_FILE).items():
        group, _, key = name.partition("/")
        groups[group][key] = tensor
    return TrialState(record.counters, **groups, history=record.history)


def state_key(directory: StoragePath) -> str:
    """Return the key of the trial whose state this is. Raises StateError where there is none, PlaceError."""
    try:
        return _StateFile.model_validate_json(read(directory / STATE_FILE)).trial_key
    except (FileNotFoundError, ValidationError) as error:
        raise StateError(f"{directory}: no readable state ({error})") from error


def load_tensors(content: bytes, path: StoragePath) -> dict[str, Tensor]:
    """Parse safetensors bytes read from `path`. Raises StateError where they are damaged."""
    try:
        return load(content)
    except SafetensorError as error:
        raise StateError(f"{path}: not a sound safetensors file ({error})") from error


def metadata_of(content: bytes) -> dict[str, str]:
    """Return what sound safetensors bytes say of themselves."""
    length = int.from_bytes(content[:8], "little")
    metadata: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    return metadata
