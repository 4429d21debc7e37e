"""A stored pretraining on disk or object storage: written once and whole, verified on every read."""

import hashlib
import secrets
import shutil
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors.torch import save
from torch import Tensor

from trainables import files
from trainables.base import Spec, StateError, digest
from trainables.former_keys import read_stored
from trainables.measure.spec import Boundary
from trainables.storage_paths import S3Place, StoragePath, is_file, read, write_file
from trainables.training.phase import is_finished
from trainables.training.report import EpochReport
from trainables.training.sharing import Shapes, shapes_of
from trainables.training.spec import PhaseSpec
from trainables.training.state import Counters, TrialState, load_tensors

MANIFEST_FILE, WEIGHTS_FILE = "entry.json", "weights.safetensors"


class Environment(Spec):
    """What decides, beside the phase, which bits a training gives and how they are counted."""

    device: str
    threads: int
    torch: str
    boundary: Boundary


class Manifest(Spec):
    """What an entry says of itself; `diverged` is why the phase has no end, or None."""

    address: str
    phase_key: str
    phase: PhaseSpec
    environment: Environment
    counters: Counters
    history: tuple[EpochReport, ...]
    shapes: dict[str, tuple[int, ...]]
    sha256: str
    owner: str
    diverged: str | None = None


def environment_of(device: torch.device, threads: int, boundary: Boundary) -> Environment:
    """Return the environment of a training on this device with so many threads."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return Environment(device=name, threads=threads, torch=torch.__version__, boundary=boundary)


def _processor() -> str:
    return f"cpu {torch.backends.cpu.get_cpu_capability()}"


def address(phase: PhaseSpec, environment: Environment) -> str:
    """Return the name of the entry that holds a phase's result in an environment."""
    return _address(phase.key(), environment)


def write_entry(
    folder: StoragePath,
    phase: PhaseSpec,
    environment: Environment,
    state: TrialState,
    diverged: str | None,
    owner: str,
) -> bool:
    """Write an entry whole; False where another was first, whose bits are the same. Raises OSError, PlaceError."""
    weights = {} if diverged is not None else state.best
    weights = {name: tensor.cpu().contiguous() for name, tensor in weights.items()}
    content = save(weights)
    manifest = Manifest(
        address=address(phase, environment),
        phase_key=phase.key(),
        phase=phase,
        environment=environment,
        counters=state.counters,
        history=state.history,
        shapes=shapes_of(weights),
        sha256=hashlib.sha256(content).hexdigest(),
        owner=owner,
        diverged=diverged,
    )
    return _put_whole(folder, content, manifest.model_dump_json(indent=1).encode())


def is_stored(folder: StoragePath) -> bool:
    """Say whether an entry is there, sound or not; on S3 it is there with its manifest, which is written last."""
    return files.is_there(folder) if isinstance(folder, Path) else is_file(folder / MANIFEST_FILE)


def _put_whole(folder: StoragePath, weights: bytes, manifest: bytes) -> bool:
    """Write the files of an entry; False where another was first."""
    if isinstance(folder, S3Place):
        if is_stored(folder):
            return False
        write_file(folder / WEIGHTS_FILE, weights)
        write_file(folder / MANIFEST_FILE, manifest)
        return True
    aside = folder.with_name(f"{folder.name}.new.{secrets.token_hex(8)}")
    try:
        write_file(aside / WEIGHTS_FILE, weights)
        write_file(aside / MANIFEST_FILE, manifest)
        files.move(aside, folder)
    except OSError:
        if is_file(folder / MANIFEST_FILE):
            return False
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return True


def read_entry(
    folder: StoragePath, phase: PhaseSpec, environment: Environment, shapes: Shapes
) -> tuple[TrialState, str | None] | None:
    """Return a stored phase's end and why it diverged, if it did; None where there is no entry.

    Raises StateError where it is damaged or does not fit, PlaceError.
    """
    if not is_stored(folder):
        return None
    manifest, tensors = sound_entry(folder)
    if manifest.phase_key != phase.key() or manifest.phase != phase:
        found, wanted = manifest.phase_key[:12], phase.key()[:12]
        raise StateError(f"{folder / MANIFEST_FILE}: result of another phase (key {found}, not {wanted})")
    if manifest.environment != environment:
        found, wanted = (str(at.model_dump(mode="json")) for at in (manifest.environment, environment))
        raise StateError(f"{folder / MANIFEST_FILE}: trained elsewhere ({found}, not {wanted})")
    if manifest.diverged is None and manifest.shapes != shapes:
        wrong = sorted(name for name in shapes | manifest.shapes if shapes.get(name) != manifest.shapes.get(name))
        raise StateError(f"{folder / WEIGHTS_FILE}: weights of another shape ({', '.join(wrong[:3])})")
    return TrialState(manifest.counters, best=tensors, history=manifest.history), manifest.diverged


def sound_entry(folder: StoragePath) -> tuple[Manifest, dict[str, Tensor]]:
    """Return what an entry says and holds. Raises StateError where it is damaged, PlaceError."""
    try:
        manifest = read_stored(Manifest, read(folder / MANIFEST_FILE))
        content = read(folder / WEIGHTS_FILE)
    except ValueError as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise StateError(f"{folder / MANIFEST_FILE}: no sound manifest ({why})") from error
    except FileNotFoundError as error:
        raise StateError(f"{folder}: cannot be read ({error.strerror}: {error.filename})") from error
    found = hashlib.sha256(content).hexdigest()
    if found != manifest.sha256:
        raise StateError(
            f"{folder / WEIGHTS_FILE}: damaged (sha256 {found[:12]}, the manifest says {manifest.sha256[:12]})"
        )
    tensors = load_tensors(content, folder / WEIGHTS_FILE)
    if problem := _contradiction(manifest, tensors):
        raise StateError(f"{folder / MANIFEST_FILE}: {problem}")
    return manifest, tensors


def _contradiction(manifest: Manifest, tensors: dict[str, Tensor]) -> str | None:
    """Return what an entry says that cannot be, or None."""
    epochs = manifest.counters.epoch
    if manifest.address != _address(manifest.phase_key, manifest.environment):
        return f"its address {manifest.address[:12]} is not that of its phase and environment"
    if shapes_of(tensors) != manifest.shapes:
        return "the weights have other shapes than it says"
    if len(manifest.history) != epochs:
        return f"{epochs} epochs, but reports of {len(manifest.history)}"
    if manifest.diverged is None and not is_finished(manifest.phase, manifest.counters):
        return f"the phase is not over after {epochs} epochs"
    return None


def _address(phase_key: str, environment: Environment) -> str:
    return digest({"phase": phase_key, "environment": environment.model_dump(mode="json")})
