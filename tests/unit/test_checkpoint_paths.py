"""Where checkpoints lie, as journals have it: from the sweep's folder on."""

from pathlib import Path, PurePosixPath

import pytest

from trainables.storage_paths import S3Place, StoragePath
from vae_sweep.storage.checkpoint_paths import journaled, located

INSIDE = "ray/attempt-2/0001-vae-s0/checkpoint_000003"
OBJECT = "s3://bucket/team/one/ray/attempt-2/0001-vae-s0/checkpoint_000003"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Path("/scratch/sweeps/one", INSIDE), INSIDE),
        (S3Place(PurePosixPath(OBJECT.removeprefix("s3://"))), OBJECT),
        (Path("/elsewhere/checkpoint_000003"), "/elsewhere/checkpoint_000003"),
    ],
)
def test_what_lies_in_the_sweeps_folder_is_journaled_from_there_on(place: StoragePath, text: str) -> None:
    assert journaled(place) == text


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (INSIDE, f"/new/one/{INSIDE}"),
        (f"/old/one/{INSIDE}", f"/new/one/{INSIDE}"),
        (f"sweeps/one/{INSIDE}", f"/new/one/{INSIDE}"),
        (OBJECT, OBJECT),
        ("/elsewhere/checkpoint_000003", "/elsewhere/checkpoint_000003"),
    ],
)
def test_what_is_journaled_is_found_where_the_journal_lies_now(text: str, place: str) -> None:
    assert str(located(text, Path("/new/one"))) == place
