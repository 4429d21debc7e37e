"""The paths of a stored spec whose storage directory was moved or copied: what lay in it is looked for in it."""

from pathlib import Path

from vae_sweep.config.paths import sqlite_path, sqlite_uri
from vae_sweep.config.sweep_spec import SweepSpec


def relocated(spec: SweepSpec, storage: Path) -> SweepSpec:
    """Return a stored spec as of the storage directory that it lies in now.

    A corpus that stayed behind is read where it was: its fingerprint says whether it is the same. A database that
    was in the directory is looked for in the new one alone: in a copy, the old path is the original's.
    """
    old = Path(spec.storage.directory).expanduser()

    def file(text: str | None) -> str | None:
        if text is None or (new := _moved(Path(text), old, storage)) is None:
            return text
        return str(new) if new.exists() else text

    def database(uri: str | None) -> str | None:
        path = sqlite_path(uri) if uri else None
        if uri is None or path is None or (new := _moved(path, old, storage)) is None:
            return uri
        if not old.is_absolute() and path.exists() and not new.exists():
            return uri
        _, mark, options = uri.partition("?")
        return sqlite_uri(new) + mark + options

    corpus = {"path": file(spec.corpus.path)}
    data = {"directory": file(spec.data.directory)}
    search = {"warm_start": beside(spec.search.warm_start, old)}
    tracking = {"uri": database(spec.tracking.uri)}
    stored = {"directory": str(storage), "study": database(spec.storage.study)}
    return spec.model_copy(
        update={
            "corpus": spec.corpus.model_copy(update=corpus),
            "data": spec.data.model_copy(update=data),
            "search": spec.search.model_copy(update=search),
            "tracking": spec.tracking.model_copy(update=tracking),
            "storage": spec.storage.model_copy(update=stored),
        }
    )


def beside(sweep: str | None, storage: Path) -> str | None:
    """Return the path of an earlier sweep, its name alone where it lies in the storage directory."""
    rest = _rest(Path(sweep), storage) if sweep is not None else None
    return str(rest) if rest is not None and len(rest.parts) == 1 else sweep


def _moved(path: Path, old: Path, new: Path) -> Path | None:
    """Return where a path in the old storage directory lies in the new one; None where it lay elsewhere."""
    rest = _rest(path, old)
    return None if rest is None else new / rest


def _rest(path: Path, storage: Path) -> Path | None:
    """Return what follows the storage directory in a path.

    Earlier versions stored the directory as it was given, often relative: then all that is known is how it ends.
    """
    for above in (path, *path.parents) if storage.parts else ():
        if above == storage or (not storage.is_absolute() and above.parts[-len(storage.parts) :] == storage.parts):
            return path.relative_to(above)
    return None
