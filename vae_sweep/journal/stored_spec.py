"""The spec that a sweep was launched with: from the file in its folder, or the journal where that is damaged."""

import sys
from pathlib import Path

from trainables.files import content, is_file, write_whole
from trainables.former_keys import read_stored
from vae_sweep.config.relocation import relocated
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import JournalError
from vae_sweep.storage.layout import JOURNAL_FILE, SPEC_FILE


def stored_spec(folder: Path) -> SweepSpec | None:
    """Return the spec that the sweep was launched with last, or None; where its file is damaged, the journal's.

    Its paths are those of today where the storage directory was moved or copied. Raises LaunchError where neither
    makes sense, StorageError where its file cannot be read now.
    """
    path = folder / SPEC_FILE
    if not is_file(path) and not is_file(folder / JOURNAL_FILE):
        return None
    try:
        return relocated(read_stored(SweepSpec, content(path)), folder.absolute().parent)
    except (FileNotFoundError, ValueError) as error:
        problem = f"{path}: not a sound sweep spec ({str(error).splitlines()[0]})"
    try:
        spec = SweepSpec.model_validate(read_sweep(folder / JOURNAL_FILE).spec)
    except (JournalError, ValueError):
        raise LaunchError(f"{problem}; restore the file or move the folder away") from None
    print(f"{problem}; the journal's newest is used", file=sys.stderr)
    return relocated(spec, folder.absolute().parent)


def existing_spec(folder: Path) -> SweepSpec:
    """Return the spec of the sweep kept in `folder`, wherever it was moved. Raises LaunchError where none is."""
    spec = stored_spec(folder)
    if spec is None:
        raise LaunchError(f"{folder}: no sweep there; give the folder that launch printed")
    if folder.absolute().name != spec.name:
        raise LaunchError(
            f"{folder}: holds sweep {spec.name!r}; a sweep's folder carries its name, rename it back"
        )
    return spec


def store_spec(folder: Path, spec: SweepSpec) -> None:
    """Store the spec of a sweep, the latest where only free parts differ."""
    write_whole(folder / SPEC_FILE, spec.model_dump_json(indent=1, by_alias=True).encode())
