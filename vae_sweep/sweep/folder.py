"""A sweep's folder on disk: its files, and the lock that keeps a second driver out."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainables.training.state import write_file
from vae_sweep.errors import LaunchError
from vae_sweep.spec import SweepSpec

SPEC_FILE, JOURNAL_FILE, LOCK_FILE = "sweep.json", "journal.jsonl", "driver.lock"
FREE = ("resources", "storage", "tracking", "data")
"""Parts of a spec that may differ between launches of one sweep: they change no number."""


def storage_directory(spec: SweepSpec) -> Path:
    """Return the absolute storage directory."""
    return Path(spec.storage.directory).expanduser().absolute()


def sweep_folder(spec: SweepSpec) -> Path:
    """Return the absolute folder of the sweep."""
    return storage_directory(spec) / spec.name


def check_writable(folder: Path) -> None:
    """Make the folder. Raises LaunchError where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / ".writable", b"")
        (folder / ".writable").unlink()
    except OSError as error:
        raise LaunchError(
            f"storage.directory: {folder} cannot be written ({error.strerror}); "
            "give a directory of yours with --set storage.directory=PATH"
        ) from None


def stored_spec(folder: Path) -> SweepSpec | None:
    """Return the spec that the sweep was first launched with, or None. Raises LaunchError where damaged."""
    path = folder / SPEC_FILE
    if not path.is_file():
        return None
    try:
        return SweepSpec.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise LaunchError(
            f"{path}: not a sound sweep spec; restore the file or move the folder away ({error})"
        ) from None


def existing_spec(folder: Path) -> SweepSpec:
    """Return the spec of the sweep kept in `folder`, wherever it was moved. Raises LaunchError where none is."""
    spec = stored_spec(folder)
    if spec is None:
        raise LaunchError(f"{folder}: no sweep there; give the folder that launch printed")
    here = folder.absolute()
    if here.name != spec.name:
        raise LaunchError(
            f"{folder}: holds sweep {spec.name!r}; a sweep's folder carries its name, rename it back"
        )
    storage = spec.storage.model_copy(update={"directory": str(here.parent)})
    return spec.model_copy(update={"storage": storage})


def check_folder(folder: Path, spec: SweepSpec) -> None:
    """Raise LaunchError where the folder cannot be written or holds a sweep with another spec."""
    check_writable(folder)
    old = stored_spec(folder)
    if old is not None and (differences := changed(old, spec)):
        raise LaunchError(
            f"{folder} holds a sweep {spec.name!r} with another spec; launch under another name "
            "(--set name=NEW), or resume the old one:\n" + "\n".join(f"  {line}" for line in differences)
        )


def adopt_spec(folder: Path, spec: SweepSpec) -> None:
    """Store the spec of a sweep, the latest where only free parts differ. Raises LaunchError as check_folder."""
    check_folder(folder, spec)
    write_file(folder / SPEC_FILE, spec.model_dump_json(indent=1, by_alias=True).encode())


def changed(old: SweepSpec, new: SweepSpec) -> list[str]:
    """Return the differences that would change results, one `path: old -> new` a line."""
    a, b = (_flat(spec.model_dump(mode="json", by_alias=True, exclude=set(FREE))) for spec in (old, new))
    return [f"{key}: {a.get(key, '-')} -> {b.get(key, '-')}" for key in sorted(a | b) if a.get(key) != b.get(key)]


def _flat(value: Any, path: str = "") -> dict[str, str]:
    if isinstance(value, dict) and value:
        return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{path}.{key}".strip(".")).items()}
    return {path: json.dumps(value)}


@contextmanager
def driver_lock(folder: Path) -> Iterator[None]:
    """Hold the sweep's lock. Raises LaunchError where another living driver holds it."""
    path = folder / LOCK_FILE
    owner = {"host": socket.gethostname(), "process": os.getpid(), "since": time.time()}
    for _ in range(2):
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            _remove_if_dead(path)
            continue
        with os.fdopen(handle, "w") as file:
            json.dump(owner, file)
        break
    else:
        raise LaunchError(f"{path}: another driver took the sweep at this moment; look with vae-sweep report")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _remove_if_dead(path: Path) -> None:
    try:
        owner = json.loads(path.read_text())
        host, process, age = str(owner["host"]), int(owner["process"]), time.time() - float(owner["since"])
    except (OSError, ValueError, KeyError, TypeError):
        host, process, age = "an unreadable lock", -1, 0.0
    if host == socket.gethostname() and not _alive(process):
        path.unlink(missing_ok=True)
        return
    raise LaunchError(
        f"{path}: the sweep is driven by process {process} on {host} for {age:.0f} s; stop that driver first, "
        "or delete the file if it is gone"
    )


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
