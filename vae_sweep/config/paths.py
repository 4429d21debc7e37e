"""Paths in a sweep file: `~` and environment variables stand for what they are here; a URL is no directory."""

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from trainables.base import VaeSweepError

DIRECTORIES = {
    ("corpus", "path"): "download the corpus, or make it with vae-sweep data import, and give its directory",
    ("data", "directory"): "corpora lie in a directory that every machine of the sweep reads",
    (
        "storage",
        "directory",
    ): "the journal lies in a directory; checkpoints and pretrainings alone may lie on object "
    "storage, by storage.objects: s3://bucket/prefix",
    ("search", "warm_start"): "give the folder or the name of a sweep",
}
"""Fields that hold a local path, and what helps who gave a URL."""

ADDRESSES = (("tracking", "uri"), ("storage", "study"))
"""Fields that hold a URL, of which a part may be a local path."""

OBJECTS = ("s3", "gs", "gcs", "abfs", "abfss", "wasb", "wasbs", "az", "adl", "hdfs", "hf", "dbfs")
SQLITE, DRIVEN = "sqlite:///", "sqlite+pysqlite:///"
"""What begins the URI of a database. MLflow makes a folder of what follows the first, as it is written there; with
the driver named it leaves that alone, as paths need in which a character is written as `%3F`."""

URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
VARIABLE = re.compile(r"\$(?:(\w+)|\{([^}]*)\})")
SQLITE_HOME = re.compile(r"^(sqlite(?:\+\w+)?:///)(~[^/]*)")

_Where = tuple[str, ...]


def settle_paths(values: dict[str, Any]) -> Iterator[tuple[_Where, str]]:
    """Put what `~` and variables stand for into the paths among a sweep file's values; yield what is wrong."""
    for where in (*DIRECTORIES, *ADDRESSES):
        section, field = where
        part = values.get(section)
        if not isinstance(part, dict) or not isinstance(text := part.get(field), str):
            continue
        try:
            found = expanded(text, os.environ)
            if where in DIRECTORIES:
                refuse_url(found, DIRECTORIES[where])
            elif (match := URL.match(found)) and match[1] in OBJECTS:
                raise ValueError("expected a database (sqlite:///PATH) or a server's URL, not object storage")
        except ValueError as error:
            yield where, f"{error} (got {text!r})"
        else:
            values[section] = {**part, field: found}


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """Return a path with its variables' values and its home. Raises ValueError where one is not known."""

    def value(match: re.Match[str]) -> str:
        name = match[1] if match[1] is not None else match[2]
        if not re.fullmatch(r"\w+", name):
            raise ValueError(f"{match[0]} is no variable; write $NAME or ${{NAME}}")
        if not environment.get(name):
            said = "is empty" if name in environment else "is not set"
            raise ValueError(f"the environment variable {name} {said}; set it, or write the path")
        return environment[name]

    path = VARIABLE.sub(value, text)
    if path.startswith("~"):
        return _home(path)
    return SQLITE_HOME.sub(lambda match: match[1] + _home(match[2]), path)


def sqlite_uri(path: Path) -> str:
    """Return the URI of a sqlite database. Raises VaeSweepError where none can be written for its path."""
    text = str(path)
    if not {"%", "?"} & {*text}:
        return f"{SQLITE}{text}"
    if _decodes():
        return DRIVEN + text.replace("%", "%25").replace("?", "%3F")
    if "?" in text:
        raise VaeSweepError(f"{path}: a database at a path with `?` takes SQLAlchemy 2.1; choose another place")
    return f"{SQLITE}{text}"


def sqlite_path(uri: str) -> Path | None:
    """Return the file of a sqlite database's URI, None for any other URI."""
    if not uri.startswith((SQLITE, DRIVEN)):
        return None
    text = uri.removeprefix(SQLITE).removeprefix(DRIVEN).partition("?")[0]
    return Path(unquote(text) if "%" in text and _decodes() else text)


def _decodes() -> bool:
    """Say whether SQLAlchemy reads `%3F` in a database's path as `?`, as it does from 2.1 on."""
    from sqlalchemy.engine import make_url

    return make_url(f"{SQLITE}%41").database == "A"


def pasted(path: Path | str) -> str:
    """Return a path as a shell takes it."""
    return shlex.quote(str(path))


def refuse_url(text: str, advice: str) -> None:
    """Raise ValueError where a text is a URL, of a file on this machine too."""
    match = URL.match(text)
    if match is None:
        return
    if match[1].lower() == "file":
        raise ValueError(f"expected a path, not a URL: {re.sub(r'^[A-Za-z]+:/+', '/', text)}")
    raise ValueError(f"expected a directory, not a URL; {advice}")


def _home(path: str) -> str:
    found = os.path.expanduser(path)  # noqa: PTH111 - pathlib raises where no such user is
    if found.startswith("~"):
        raise ValueError(f"{path.partition('/')[0]}: no such user here")
    return found
