"""A real S3 server on loopback (moto, in a process of its own), and what lies on it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest
from pyarrow.fs import FileSelector, S3FileSystem

from trainables.storage_paths import S3Place, write

BUCKET, KEY, SECRET = "sweeps-of-tests", "AKIAOFTHETESTS", "the-secret-of-the-tests"
RUNNING = re.compile(r"Running on http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Objects:
    """A running server with one empty bucket."""

    endpoint: str
    process: "subprocess.Popen[bytes]"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use it."""
        names = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        return names | {"AWS_REGION": "us-east-1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}

    @property
    def files(self) -> S3FileSystem:
        """The server as pyarrow sees it, apart from the code under test."""
        return S3FileSystem(
            endpoint_override=self.endpoint,
            access_key=KEY,
            secret_key=SECRET,
            region="us-east-1",
            allow_bucket_creation=True,
        )

    def listing(self, prefix: str = "") -> dict[str, int]:
        """The keys of all objects below a prefix of the bucket, with their bytes."""
        root = f"{BUCKET}/{prefix}".rstrip("/")
        found = self.files.get_file_info(FileSelector(root, recursive=True, allow_not_found=True))
        return {info.path.removeprefix(f"{BUCKET}/"): info.size for info in found if info.is_file}


def place(path: str) -> S3Place:
    """A place in the bucket."""
    return S3Place(PurePosixPath(BUCKET, path))


def upload(folder: Path, target: S3Place) -> None:
    """Copy all files below a folder to a place."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            write(S3Place(target.path / path.relative_to(folder)), path.read_bytes())


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Objects]:
    """Run the server; its log lies in `folder`."""
    pytest.importorskip("moto", reason="moto, of the extra dev, stands in for S3")
    log = folder / "moto.log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | environment)
    try:
        while (said := RUNNING.search(log.read_text())) is None:
            assert process.poll() is None, log.read_text()
            _wait(process)
        objects = Objects(f"http://127.0.0.1:{said[1]}", process)
        objects.files.create_dir(BUCKET)
        yield objects
    finally:
        process.kill()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]") -> None:
    """Wait a moment, or until a process ends."""
    try:
        process.wait(0.05)
    except subprocess.TimeoutExpired:
        return
