"""The door to Ray: one trial as a Tune function trainable, and the scoring of its test split."""

import os
import socket
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from ray import tune

from trainables.base import DivergedError, StateError, VaeSweepError
from trainables.spec import TrialSpec
from trainables.text.corpus import load_corpus
from trainables.training.report import EpochReport, FinalReport
from trainables.training.state import TrialState, load_state, save_state
from trainables.trial import load_model, run_trial, score, write_outputs


def train(config: dict[str, Any]) -> None:
    """Run one trial to its final report, checkpointing every epoch; start from the newest sound checkpoint.

    `config`: `trial` (a TrialSpec as plain values), `data_directory`, `threads`, `starts` (checkpoint
    directories, newest first). A trial that diverges or fails says so in its final report; only a lost
    process is left to Ray.
    """
    torch.set_num_threads(config["threads"])
    spec = TrialSpec.model_validate(config["trial"])
    try:
        _train(spec, config)
    except DivergedError as error:
        _report(FinalReport(outcome="diverged", reason=str(error)))
    except VaeSweepError as error:
        _report(FinalReport(outcome="failed", reason=str(error)))
    except Exception:  # noqa: BLE001 - whatever a bug raises is reported whole, and its sweep goes on
        _report(FinalReport(outcome="failed", reason=traceback.format_exc()))


def _train(spec: TrialSpec, config: dict[str, Any]) -> None:
    corpus = load_corpus(spec.corpus, Path(config["data_directory"]))
    state, damaged = _start(spec, config["starts"])
    for report, new in run_trial(spec, corpus, state, _device()):
        with tempfile.TemporaryDirectory() as name:
            if isinstance(report, EpochReport):
                save_state(Path(name), spec.key(), new)
            else:
                write_outputs(Path(name), spec, corpus, new)
                save_state(Path(name), spec.key(), TrialState(new.counters, best=new.best))
            _report(report, name, damaged)


def _start(spec: TrialSpec, starts: list[str]) -> tuple[TrialState, list[str]]:
    """Return the state of the newest sound checkpoint, or a fresh one, and what was found damaged."""
    own = tune.get_checkpoint()
    if own is not None:
        with own.as_directory() as directory:
            return load_state(Path(directory), spec.key()), []
    damaged: list[str] = []
    for start in starts:
        try:
            return load_state(Path(start), spec.key()), damaged
        except StateError as error:
            damaged.append(str(error))
    return TrialState(), damaged


def _report(report: EpochReport | FinalReport, directory: str | None = None, damaged: Sequence[str] = ()) -> None:
    epoch = isinstance(report, EpochReport)
    checkpoint = tune.Checkpoint.from_directory(directory) if directory else None
    metrics = {
        "kind": "epoch" if epoch else "final",
        "report": report.model_dump_json(),
        "vae_epoch": report.epoch + 1 if isinstance(report, EpochReport) and report.phase == "vae" else 0,
        "host": socket.gethostname(),
        "process": os.getpid(),
        "damaged": list(damaged),
    }
    tune.report(metrics, checkpoint=checkpoint)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def score_test(plain: dict[str, Any], data_directory: str, weights: str, threads: int) -> dict[str, float]:
    """Score a finished trial's best weights on the test split; `weights` is its final checkpoint directory.

    Raises StateError where the weights are absent or damaged, DivergedError where a number is not finite.
    """
    torch.set_num_threads(threads)
    spec = TrialSpec.model_validate(plain)
    corpus = load_corpus(spec.corpus, Path(data_directory))
    model = load_model(Path(weights), spec, corpus, _device())
    return score(spec, corpus, model, "test")
