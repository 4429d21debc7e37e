"""Whether a stored sweep and what is to be launched go together: spec, corpus, and what trains them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainables.base import StateError, flat
from trainables.files import is_file
from trainables.outputs import stored_key
from trainables.storage_paths import is_folder
from trainables.text.spec import SPLITS
from trainables.training.spec import READ_VERSIONS
from vae_sweep.config.domains import holds
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.journal.events import LaunchEvent
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.records import CellRecord, SweepRecord, TrialRecord
from vae_sweep.journal.stored_spec import stored_spec
from vae_sweep.storage.layout import JOURNAL_FILE, check_writable
from vae_sweep.storage.object_storage import check_objects

FREE = ("resources", "storage", "tracking", "data")
"""Parts of a spec that may differ between launches of one sweep: they change no number."""

WHERE = "corpus.path"
"""May differ, too: what counts is the text there."""

LIBRARIES = ("torch", "vae-sweep")
"""Those whose versions may change bits."""

EXTENSIBLE = (
    "seeds",
    "methods",
    "search.kind",
    "search.trials",
    "search.seed",
    "search.first_seeds",
    "search.pruning",
)
"""Parts that `--extend` may change, as long as every cell stays what it was."""


def check_folder(folder: Path, spec: SweepSpec, extend: bool = False, record: SweepRecord | None = None) -> None:
    """Raise LaunchError where the folder cannot be written or holds a sweep whose cells would change.

    `record` is the sweep's where its journal was read already.
    """
    check_writable(folder)
    check_objects(spec)
    old = stored_spec(folder)
    if old is None or not (differences := changed(old, spec)):
        return
    shown = "\n".join(f"  {line}" for line in differences)
    if record is None and is_file(folder / JOURNAL_FILE):
        record = read_sweep(folder / JOURNAL_FILE)
    problems = list(_objections(record.cells.values() if record else (), old, spec))
    if not problems and extend:
        return
    if problems:
        why = "\n".join(f"  {line}" for line in problems)
        raise LaunchError(
            f"{folder} holds a sweep {spec.name!r} with another spec and cannot be extended to this one:\n{why}\n"
            f"launch under another name (--set name=NEW), or resume the old one; the differences:\n{shown}"
        )
    raise LaunchError(
        f"{folder} holds a sweep {spec.name!r} with another spec; add --extend to run what is new under this one, "
        f"launch under another name (--set name=NEW), or resume the old one:\n{shown}"
    )


def changed(old: SweepSpec, new: SweepSpec) -> list[str]:
    """Return the differences that would change results, one `path: old -> new` a line."""
    a, b = (flat(spec.model_dump(mode="json", by_alias=True, exclude=set(FREE))) for spec in (old, new))
    keys = [key for key in sorted(a | b) if a.get(key) != b.get(key)]
    if old.corpus.path and new.corpus.path and WHERE in keys:
        keys.remove(WHERE)
    return [f"{key}: {a.get(key, '-')} -> {b.get(key, '-')}" for key in keys]


def _objections(cells: Iterable[CellRecord], old: SweepSpec, new: SweepSpec) -> Iterator[str]:
    """Yield why the sweep cannot go on under the new spec with all its cells as they are."""
    for line in changed(old, new):
        if not line.startswith(EXTENSIBLE):
            yield f"{line} would alter every cell"
    if gone := sorted(set(old.seeds) - set(new.seeds)):
        yield f"seeds: {', '.join(map(str, gone))} would go"
    for cell in cells:
        if not in_space(new, cell):
            values = ", ".join(f"{name}={value}" for name, value in cell.values.items())
            yield f"cell {cell.number} ({cell.method}{' ' * bool(values)}{values}) would no longer be in the space"


def in_space(spec: SweepSpec, cell: CellRecord) -> bool:
    """Say whether a spec's space holds a cell."""
    row = spec.methods.get(cell.method)
    if row is None or row.keys() != cell.values.keys():
        return False
    return all(holds(domain, cell.values[name]) for name, domain in row.items())


def check_together(
    folder: Path, spec: SweepSpec, record: SweepRecord | None, now: LaunchEvent, extend: bool = False
) -> list[str]:
    """Return what has changed around a sweep since its newest launch; `now` is the next one.

    Call it with the driver's lock. Raises LaunchError where the sweep cannot go on so.
    """
    check_folder(folder, spec, extend, record)
    if record is None:
        return []
    check_corpus(record, now)
    check_keys(record, now)
    return changes_since(record, now)


def check_corpus(record: SweepRecord, now: LaunchEvent) -> None:
    """Raise LaunchError where the trials of a sweep read another text than the launch `now` names."""
    read = _fingerprints(record)
    if not read or now.corpus["fingerprint"] in read:
        return
    described = [one.corpus for one in record.launches if one.corpus.get("fingerprint") in read]
    changes = "\n".join(f"  {line}" for line in corpus_changes(described[-1] if described else {}, now.corpus))
    raise LaunchError(
        f"sweep {record.name!r} has trials on another text of the corpus than what is there now:\n{changes}\n"
        "their numbers would not compare: put the old text back (corpus.path and data.directory may name another "
        "place), or launch under another name (--set name=NEW)"
    )


def corpus_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return in what two corpora differ, both as `Corpus.describe` has them, one split or trait a line."""
    lines = []
    for split in SPLITS:
        before, here = (corpus.get("sentences", {}).get(split) for corpus in (old, new))
        if before is None or before != here:
            known = "" if before is None else f"{before:,} sentences before, "
            lines.append(f"{split}: {known}{here:,} now")
        elif _has_other_words(old, new, split):
            lines.append(f"{split}: {here:,} sentences before and now, with other words")
    if old.get("vocabulary") not in (None, new["vocabulary"]):
        lines.append(f"vocabulary: {old['vocabulary']:,} entries before, {new['vocabulary']:,} now")
    name = str(old.get("fingerprint"))[:12]
    return [
        *(lines or ["its labels, or some words"]),
        f"fingerprint: {name} before, {new['fingerprint'][:12]} now",
    ]


def check_keys(record: SweepRecord, now: LaunchEvent) -> None:
    """Raise LaunchError where another version of the trainer trained what a sweep has."""
    if not record.launches or (theirs := _keys_version(record)) is None or theirs == now.keys_version:
        return
    newest = record.launches[-1]
    commit = f", commit {newest.git_commit[:12]}" if newest.git_commit else ""
    raise LaunchError(
        f"sweep {record.name!r} was trained by version {theirs} of the trainer, this one is version "
        f"{now.keys_version}: the same spec trains to other numbers, which would stand in one table. Go on "
        f"with the vae-sweep that began it ({newest.versions.get('vae-sweep', 'unknown')}{commit}), or launch "
        "under another name (--set name=NEW); report, explain, score, probe and generate read it as it is"
    )


def changes_since(record: SweepRecord, now: LaunchEvent) -> list[str]:
    """Return what else decides numbers and is not as at the newest launch, as far as that is known."""
    if not record.trials or not record.launches:
        return []
    last = record.launches[-1]
    old, new = ((spec.get("corpus") or {}) for spec in (last.spec, now.spec))
    pairs: list[tuple[str, Any, Any]] = [
        *((name, last.versions.get(name), now.versions.get(name)) for name in LIBRARIES),
        ("commit", last.git_commit, now.git_commit),
        (WHERE, old.get("path"), new.get("path")),
        ("threads of a trial", threads_of(last.spec), threads_of(now.spec)),
    ]
    if new.get("name") not in (None, "captions"):
        pairs.append(("data.directory", last.data_directory, now.data_directory))
    found = [f"{name}: {a} at the launch before, {b} now" for name, a, b in pairs if None not in (a, b) and a != b]
    others = len(_fingerprints(record) - {now.corpus["fingerprint"]})
    if others:
        found.append("corpus: some trials read another text than the others; their numbers do not compare")
    return found


def threads_of(plain: Mapping[str, Any]) -> int:
    """Return the threads that a launch gave each trial; `auto` is one."""
    cpu = (plain.get("resources") or {}).get("cpu", "auto")
    return cpu if isinstance(cpu, int) else 1


def _fingerprints(record: SweepRecord) -> set[str]:
    return {trial.spec.fingerprint for trial in record.trials.values() if trial.spec.fingerprint}


def _has_other_words(old: Mapping[str, Any], new: Mapping[str, Any], split: str) -> bool:
    """Compare digests; where an earlier version journaled none, lengths."""
    for trait in ("digests", "tokens_per_sentence"):
        before, here = ((corpus.get(trait) or {}).get(split) for corpus in (old, new))
        if before is not None and here is not None:
            return bool(before != here)
    return False


def _keys_version(record: SweepRecord) -> int | None:
    """Return the version that trained a sweep; where its launches do not say, by the keys of what they trained.

    None where nothing has a key.
    """
    known = [one.keys_version for one in record.launches if one.keys_version is not None]
    if known:
        return known[-1] if record.trials else None
    for trial in record.trials.values():
        if (spec := trial.spec.trial) is None:
            continue
        keys = {store.key for store in trial.store if spec.phases()[0].name == "pretrain"}
        for version in reversed(READ_VERSIONS):
            if {spec.phases()[0].key(version)} & keys or spec.key(version) in _left_keys(trial):
                return version
    return None


def _left_keys(trial: TrialRecord) -> Iterator[str]:
    """Yield the key in a trial's newest checkpoint, if one is there."""
    for place in reversed(trial.checkpoints):
        if is_folder(place):
            with suppress(StateError):
                yield stored_key(place)
            return
