"""Errors of a trial told apart."""

import errno

import pytest
import torch

from trainables.base import CorpusError, StateError
from trainables.ray_trainable import error_class
from trainables.storage_paths import PlaceError
from trainables.training.report import ErrorClass


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "memory"),
        (RuntimeError("shapes cannot be multiplied"), "bug"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk"),
        (OSError("[Errno 28] Error writing bytes to file. Detail: No space left on device"), "disk"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "bug"),
        (CorpusError("train.txt: line 3 is empty"), "data"),
        (StateError("corpus captions: fingerprint a here"), "data"),
        (PlaceError("s3://bucket/x: object storage at here refuses or is out of reach"), "objects"),
        (
            OSError("When completing multiple part upload: AWS Error NETWORK_CONNECTION during UploadPart"),
            "objects",
        ),
        (KeyError("x"), "bug"),
    ],
)
def test_each_error_has_its_class(error: Exception, kind: ErrorClass) -> None:
    assert error_class(error) == kind


def test_real_want_of_memory_is_recognised() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55)
    assert error_class(caught.value) == "memory"
