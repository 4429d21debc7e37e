"""What one node looks at, in a small task pinned to it: storage, corpus, libraries, GPUs. Needs no Ray itself."""

import hashlib
import importlib.metadata
import platform
import shutil
import socket
import time
from functools import cache
from pathlib import Path
from typing import Any

import trainables
import vae_sweep
from trainables.base import CorpusError, Spec
from trainables.storage_paths import S3Place, place_of, write_file
from trainables.text.corpus import load_corpus, missing_files
from trainables.text.fetch import fetch, hint, source_of
from trainables.text.spec import CorpusSpec
from vae_sweep.planning.provenance import LIBRARIES
from vae_sweep.storage.object_storage import unusable

DRIVER_FILE = "driver"
"""The file in the probe's folder that the driver writes; each node adds one named after itself."""


class SelfCheckRequest(Spec):
    """What a node is asked to look at; a part that is None is left out.

    `folder` is a fresh folder in the storage with the driver's `token` in it.
    """

    node: str
    folder: str
    token: str
    corpus: CorpusSpec | None
    data_directory: str
    fingerprint: str | None
    objects: str | None = None


class NodeFacts(Spec):
    """What a node found: what is wrong with its storage, objects and corpus, or None; its libraries and GPUs.

    `absent` says that files of the corpus are missing; `free` and `total` are the storage's, in bytes.
    """

    host: str
    versions: dict[str, str | None]
    source: str
    storage: str | None = None
    free: int = 0
    total: int = 0
    objects: str | None = None
    corpus: str | None = None
    absent: bool = False
    gpus: int = 0


def self_check(ask: dict[str, Any]) -> dict[str, Any]:
    """Return what this node finds: an Ask as plain values in, NodeFacts as plain values out."""
    asked = SelfCheckRequest.model_validate(ask)
    storage, free, total = _storage(Path(asked.folder), asked)
    corpus, absent = _corpus(asked)
    objects = place_of(asked.objects) if asked.objects else None
    facts = NodeFacts(
        host=socket.gethostname(),
        versions=versions(),
        source=source_digest(),
        storage=storage,
        free=free,
        total=total,
        objects=unusable(objects) if isinstance(objects, S3Place) else None,
        corpus=corpus,
        absent=absent,
        gpus=_gpus(),
    )
    return facts.model_dump()


def clock() -> float:
    """Return this node's time in unix seconds."""
    return time.time()


def fetch_corpus(name: str, data_directory: str) -> str | None:
    """Fetch a public corpus to this node; return what went wrong, or None. Twice at once does no harm."""
    directory = Path(data_directory)
    try:
        fetch(source_of(name, directory), directory, lambda *_: None)
    except CorpusError as error:
        return str(error)
    return None


def versions() -> dict[str, str | None]:
    """Return the versions here of Python and of what decides numbers or talks to the driver; None: absent."""
    return {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}}


@cache
def source_digest() -> str:
    """Return the sha256 of the project's own source as it is imported here."""
    found = hashlib.sha256()
    for package in (trainables, vae_sweep):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            found.update(f"{package.__name__}/{path.relative_to(root)}\n".encode() + path.read_bytes())
    return found.hexdigest()


def answer(node: str, token: str) -> bytes:
    """Return what a node writes to show that it has read the driver's token."""
    return hashlib.sha256(f"{node} {token}".encode()).hexdigest().encode()


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _storage(folder: Path, ask: SelfCheckRequest) -> tuple[str | None, int, int]:
    try:
        read = (folder / DRIVER_FILE).read_text()
        if read != ask.token:
            return f"{folder / DRIVER_FILE} holds another text than the driver wrote", 0, 0
        write_file(folder / ask.node, answer(ask.node, ask.token))
        usage = shutil.disk_usage(folder)
    except FileNotFoundError:
        return f"{folder.parent} is not the driver's: a file that the driver wrote there is not seen", 0, 0
    except OSError as error:
        return f"{folder.parent} cannot be used ({error.strerror})", 0, 0
    return None, usage.free, usage.total


def _corpus(ask: SelfCheckRequest) -> tuple[str | None, bool]:
    if ask.corpus is None:
        return None, False
    directory = Path(ask.data_directory)
    if missing := missing_files(ask.corpus, directory):
        if ask.corpus.name:
            return hint(ask.corpus.name, directory), True
        return f"corpus.path: {ask.corpus.path} lacks {', '.join(missing)}", True
    try:
        found = load_corpus(ask.corpus, directory).fingerprint
    except CorpusError as error:
        return str(error), False
    if ask.fingerprint is not None and found != ask.fingerprint:
        return (
            f"corpus {ask.corpus.title} has fingerprint {found[:12]}, the driver's {ask.fingerprint[:12]}: "
            "give every machine the same files"
        ), False
    return None, False


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()
