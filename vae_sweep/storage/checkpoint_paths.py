"""Where checkpoints lie, as a journal has it: from the sweep's folder on, which may be moved or copied."""

import re
from pathlib import Path

from trainables.storage_paths import S3Place, StoragePath, place_of

RAY_FOLDER = "ray"
INSIDE = re.compile(rf"(?:^|/)({RAY_FOLDER}/attempt-\d+/[^/]+/checkpoint_\d+)/*$")
"""The part of a checkpoint's path that lies in the sweep's folder."""


def journaled(place: StoragePath) -> str:
    """Return a checkpoint's place as records have it: its path in the sweep's folder, or its address."""
    match = None if isinstance(place, S3Place) else INSIDE.search(str(place))
    return match[1] if match else str(place)


def located(text: str, folder: Path) -> StoragePath:
    """Return the place of a checkpoint that the journal in `folder` names.

    Journals of earlier versions have absolute paths. What lay in the sweep's folder is looked for in `folder`
    alone: in a copy, the old path would give the original's.
    """
    place = place_of(text)
    if isinstance(place, S3Place):
        return place
    return folder / journaled(place)
