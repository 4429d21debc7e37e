"""What a sweep file must not say when it is sent to another machine: places that are there only here."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import SpecError

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def refuse_local_paths(spec: SweepSpec, file: str) -> None:
    """Raise SpecError naming every place that would be another one, or lost, on a cluster."""
    problems = [f"{file}: {field}: {said}" for field, said in _problems(spec)]
    if problems:
        raise SpecError(problems)


def remote_notes(spec: SweepSpec) -> list[str]:
    """Return what is right but may surprise on a cluster, one sentence a line."""
    notes = [f"{spec.storage.directory} must be the same shared directory on the head and on every worker"]
    if spec.tracking.uri is None:
        notes.append(
            f"tracking.uri: none, so curves go to {spec.storage.directory}/mlflow.db on that storage; a server's "
            "URL shows them while the sweep runs"
        )
    for field, place in (("tracking.uri", spec.tracking.uri), ("storage.study", spec.storage.study)):
        host = urlsplit(place or "").hostname
        if host in LOCAL_HOSTS:
            notes.append(f"{field}: {host} is the cluster's head there, not this machine")
    return notes


def _problems(spec: SweepSpec) -> Iterator[tuple[str, str]]:
    if said := _directory_problem(spec.storage.directory):
        fix = "--set storage.directory=/shared/sweeps, a directory that head and workers mount"
        yield "storage.directory", f"{said}; a job's own directory is thrown away: {fix}"
    if spec.storage.study is not None and (said := _database_problem(spec.storage.study)):
        yield "storage.study", f"{said}; leave it out for a file in the sweep's folder, or give a server's URL"
    if spec.tracking.uri is not None and (said := _tracking_problem(spec.tracking.uri)):
        yield "tracking.uri", f"{said}; leave it out for a database in the storage, or give a server's URL"
    if spec.corpus.path is not None and (said := _directory_problem(spec.corpus.path)):
        yield "corpus.path", f"{said}; give where the corpus lies on every machine of the cluster"
    if spec.data.directory is not None and (said := _directory_problem(spec.data.directory)):
        yield "data.directory", f"{said}; leave it out for the cluster's VAE_SWEEP_DATA, or give a path from /"


def _directory_problem(text: str) -> str | None:
    if "$" in text:
        return f"{text!r} holds a variable, which may be another there"
    if text.startswith("~"):
        return f"{text!r} starts at another home there"
    if "://" in text:
        return f"{text!r} is a URL; expected a mounted directory"
    return None if text.startswith("/") else f"{text!r} is relative to where you are here"


def _database_problem(text: str) -> str | None:
    if "$" in text:
        return f"{text!r} holds a variable, which may be another there"
    if text.startswith("sqlite"):
        path = re.sub(r"^sqlite(\+\w+)?:/{0,3}", "", text)
        return (
            None if path.startswith("/") else f"{text!r} is no database at a path from / (sqlite:////shared/x.db)"
        )
    return None if "://" in text else f"{text!r} is no database URL"


def _tracking_problem(text: str) -> str | None:
    if text.startswith("sqlite") or "$" in text:
        return _database_problem(text)
    if text.startswith("file:"):
        return None if re.match(r"file:(//)?/", text) else f"{text!r} is no path from /"
    return None if "://" in text or text == "databricks" else _directory_problem(text)
