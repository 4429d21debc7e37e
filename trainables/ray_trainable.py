"""What Ray runs: one trial as a Tune function trainable, and the scoring of what it left."""

import os
import socket
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs
import ray
import torch
from ray import tune

from trainables.base import CorpusError, DivergedError, PlaceError, StateError, VaeSweepError
from trainables.files import FULL, words
from trainables.measure.spec import EvaluationSpec
from trainables.outputs import load_model, outputs
from trainables.spec import TrialSpec
from trainables.storage_paths import (
    StoragePath,
    contents,
    is_folder,
    objects_fail,
    place_of,
    place_on,
    storage_fails,
)
from trainables.text.planned import Corpora
from trainables.text.spec import SplitName
from trainables.training.report import EpochReport, ErrorClass, FinalReport, RungReport, StoreReport
from trainables.training.sharing import PhaseStore
from trainables.training.state import TrialState, load_state, state_files
from trainables.trial import run_trial, score_split

Stores = Callable[[str], PhaseStore]
"""The pretraining store as a trial of this name sees it."""

Report = EpochReport | StoreReport | RungReport | FinalReport
_KINDS = {EpochReport: "epoch", StoreReport: "store", RungReport: "rung", FinalReport: "final"}
"""What a report is called among Ray's results and in the journal."""
STARTED, WAITS = "started", "waits"
"""What a trial says that has nothing to report: that it starts, or waits for a pretraining as before."""

_CORPORA = Corpora(platformdirs.user_cache_path("vae-sweep") / "tokenised")
"""The corpus of this process; on a CPU it runs trial after trial."""

NO_ROOM = ("No space left", "Disk quota exceeded", "No usable temporary directory")
NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "std::bad_alloc")


class DeviceError(VaeSweepError):
    """A trial holds a GPU that torch cannot use here."""


class WeightsError(VaeSweepError):
    """A trial's stored weights are gone or damaged: it must be trained again."""


def train(config: dict[str, Any], stores: Stores | None = None) -> None:
    """Run one trial to its final report, checkpointing every epoch; start from the newest sound checkpoint.

    `config`: `trial` (a TrialSpec as plain values), `identity` (with its name as `trial`), `data_directory`,
    `threads`, `starts` (checkpoint directories, newest first). A trial that diverges or fails says so in its
    final report; only a lost process is left to Ray.
    """
    torch.set_num_threads(config["threads"])
    tune.report({"kind": STARTED, "host": socket.gethostname(), "process": os.getpid()})
    spec = TrialSpec.model_validate(config["trial"])
    try:
        _train(spec, config, stores(config["identity"]["trial"]) if stores else None)
    except DivergedError as error:
        _report(FinalReport(outcome="diverged", reason=str(error)))
    except Exception as error:  # noqa: BLE001 - whatever is raised is reported whole, and its sweep goes on
        kind = error_class(error)
        reason = str(error) if isinstance(error, VaeSweepError) else traceback.format_exc()
        if isinstance(error, OSError) and kind in ("disk", "storage"):
            reason = words(error)
        _report(FinalReport(outcome="failed", error=kind, reason=reason))


def error_class(error: Exception) -> ErrorClass:
    """Distinguish a full disk, storage out of reach, missing memory and bad data from a bug."""
    text = str(error)
    if isinstance(error, OSError) and (error.errno in FULL or any(sign in text for sign in NO_ROOM)):
        return "disk"
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "memory"
    if isinstance(error, RuntimeError) and any(sign in text for sign in NO_MEMORY):
        return "memory"
    if objects_fail(error):
        return "objects"
    if isinstance(error, CorpusError | StateError):
        return "data"
    if isinstance(error, DeviceError):
        return "worker"
    return "storage" if isinstance(error, OSError | PlaceError) and storage_fails(error) else "bug"


def _train(spec: TrialSpec, config: dict[str, Any], store: PhaseStore | None) -> None:
    damaged: list[str] = []
    corpus = _CORPORA.planned(spec.corpus, spec.corpus_fingerprint, Path(config["data_directory"]), damaged)
    state = _start(spec, config["starts"], damaged)
    waiting: Report | None = None
    for report, new in run_trial(spec, corpus, state, device(_held_gpus()), store):
        if report == waiting:
            tune.report({"kind": WAITS, "host": socket.gethostname(), "process": os.getpid()})
            continue
        waiting = report if isinstance(report, StoreReport) else None
        files: dict[str, bytes] = {}
        if isinstance(report, FinalReport):
            last = TrialState(new.counters, best=new.best)
            files = outputs(spec, corpus, new) | state_files(spec.key(), last)
        elif _at_its_state(report, new):
            files = state_files(spec.key(), new)
        _report(report, files, damaged, config["identity"])


def _at_its_state(report: Report, state: TrialState) -> bool:
    """Say whether a report is that of the last epoch of a state; those from the store come many at a time."""
    return isinstance(report, EpochReport) and report.epoch + 1 == state.counters.epoch


def _start(spec: TrialSpec, starts: list[str], damaged: list[str]) -> TrialState:
    """Return the state of the newest sound checkpoint, or a fresh one; what is damaged is added to `damaged`.

    After a lost worker Ray names the newest checkpoint of this run whose report arrived.
    """
    own = tune.get_checkpoint()
    mine = reported(place_on(own.filesystem, own.path)) if own else []
    known, before = [*mine, *map(place_of, starts)], len(damaged)
    for start in known:
        try:
            return load_state(start, spec.key())
        except StateError as error:
            if is_folder(start):
                damaged.append(str(error))
    if known and len(damaged) == before:
        damaged.append(f"{known[0]}: not there, nor any checkpoint before it; the trial starts from its beginning")
    return TrialState()


def reported(newest: StoragePath) -> list[StoragePath]:
    """Return the newest checkpoint whose report arrived and its elders, newest first.

    One beside it that is newer was left by a worker whose node was cut off: its epoch is in no journal.
    """
    beside = [found for found in contents(newest.parent) if found.name.startswith("checkpoint_")]
    return [found.place for found in reversed(beside) if found.name <= newest.name]


def _report(
    report: Report, files: Mapping[str, bytes] = {}, damaged: Sequence[str] = (), identity: Any = None
) -> None:
    """Report to Ray, which copies the files into the storage; whoever reads them there checks them."""
    metrics = {
        "kind": _KINDS[type(report)],
        "report": report.model_dump_json(),
        "identity": identity,
        "vae_epoch": report.epoch + 1 if isinstance(report, EpochReport) and report.phase == "vae" else 0,
        "host": socket.gethostname(),
        "process": os.getpid(),
        "damaged": list(damaged),
    }
    if not files:
        tune.report(metrics)
        return
    with tempfile.TemporaryDirectory() as name:
        for file, content in files.items():
            Path(name, file).write_bytes(content)
        tune.report(metrics, checkpoint=tune.Checkpoint.from_directory(name))


def _held_gpus() -> list[Any]:
    """Return the GPUs of Ray's that this worker holds; outside a worker none, and no Ray is started to ask it."""
    return list(ray.get_gpu_ids()) if ray.is_initialized() else []


def device(held: Sequence[int | str]) -> str:
    """Return where a trial computes that holds these GPUs of Ray's. Raises DeviceError where torch sees none."""
    if torch.cuda.is_available():
        return "cuda"
    if held:
        raise DeviceError(
            f"Ray gave the trial GPU {', '.join(map(str, held))} of {socket.gethostname()}, "
            "and torch sees none there; mend the driver, or start Ray with --num-gpus 0"
        )
    return "cpu"


def score_weights(
    plain: dict[str, Any],
    data_directory: str,
    weights: str,
    threads: int,
    splits: Sequence[SplitName] = ("test",),
    evaluation: dict[str, Any] | None = None,
) -> dict[str, float]:
    """Score an ended trial's best weights on splits; `weights` is its final checkpoint directory.

    `plain` is its spec; an `evaluation` takes the place of the one that it was planned with.
    Raises CorpusError or StateError where the corpus is not the planned one, WeightsError where the weights are
    absent or damaged, PlaceError where they are out of reach, DivergedError where a number is not finite.
    """
    torch.set_num_threads(threads)
    spec = TrialSpec.model_validate(plain)
    corpus = _CORPORA.planned(spec.corpus, spec.corpus_fingerprint, Path(data_directory), remarks=[])
    try:
        model = load_model(place_of(weights), spec, corpus.vocabulary, device(_held_gpus()))
    except StateError as error:
        raise WeightsError(str(error)) from error
    if evaluation is not None:
        spec = spec.model_copy(update={"evaluation": EvaluationSpec.model_validate(evaluation)})
    return {word: value for split in splits for word, value in score_split(spec, corpus, model, split).items()}
