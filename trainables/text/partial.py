"""A file still being downloaded: its bytes so far, and how to see whether the server's is still the same."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from trainables.base import Spec
from trainables.files import write_whole
from trainables.text.sources import RemoteFile


class _Origin(Spec):
    url: str
    validator: str | None
    total: int | None


class Partial:
    """`<name>.part` with `<name>.part.json` beside it; only bytes of one and the same version are ever joined."""

    def __init__(self, folder: Path, file: RemoteFile) -> None:
        self.path = folder / f"{file.name}.part"
        self._origin_path = folder / f"{file.name}.part.json"
        self._url = file.url

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def total(self) -> int | None:
        """Bytes of the whole file, as the server said."""
        origin = self._origin()
        return origin.total if origin else None

    @property
    def complete(self) -> bool:
        """Whether all bytes are there."""
        return 0 < self.size == self.total

    def resume_headers(self) -> dict[str, str]:
        """Return the headers that ask for the rest, or none where only the whole will do."""
        origin = self._origin()
        if not self.size or origin is None or origin.validator is None:
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": origin.validator}

    def restart(self, validator: str | None, total: int | None) -> None:
        """Begin anew: the old bytes go before the new validator comes."""
        self.discard()
        origin = _Origin(url=self._url, validator=validator, total=total)
        write_whole(self._origin_path, origin.model_dump_json().encode())

    @contextmanager
    def appending(self) -> Iterator[Callable[[bytes], object]]:
        """Give a function that appends bytes; they are synced to disk at the end, also after an error."""
        with self.path.open("ab", buffering=0) as file:
            try:
                yield file.write
            finally:
                os.fsync(file.fileno())

    def discard(self) -> None:
        """Delete the bytes and what was known of them."""
        self.path.unlink(missing_ok=True)
        self._origin_path.unlink(missing_ok=True)

    def _origin(self) -> _Origin | None:
        try:
            origin = _Origin.model_validate_json(self._origin_path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        return origin if origin.url == self._url else None
