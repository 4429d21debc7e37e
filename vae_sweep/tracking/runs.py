"""What MLflow should show of a sweep, as plain values, without MLflow."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from trainables.storage_paths import StoragePath
from vae_sweep.journal.events import EpochEvent, JournalEvent, ProbedEvent, RungEvent
from vae_sweep.journal.invariants import trial_findings
from vae_sweep.journal.records import LaunchRecord, Numbers, SweepRecord, TrialRecord
from vae_sweep.results.leaders import Leaders
from vae_sweep.tracking.descriptions import SHOWN, counts, sweep_note, sweep_title, trial_note, trial_title

TAG = "vae_sweep."
SWEEP_TAG, TRIAL_TAG = TAG + "sweep_id", TAG + "trial"
SWEEP_KEY = ""
"""Key of the sweep's own run; a trial's run has the trial's id as its key."""

NOTE_TAG = "mlflow.note.content"
LONGEST_PARAM, LONGEST_TAG, LONGEST_DIGEST = 500, 5000, 36
"""Where a sweep's report lies in its folder, and in its run's artifacts."""

_STATUS = {"finished": "FINISHED", "collapsed": "FINISHED", "pruned": "FINISHED"} | {
    "complete": "FINISHED",
    "failed": "FAILED",
}
_SHORT = {f"validation/{metric}": metric for metric in SHOWN} | {
    f"test/{metric}": f"test_{metric}" for metric in SHOWN
}


class Point(NamedTuple):
    """One value of one metric; the time is the journal's, so that a point sent twice stays one."""

    key: str
    value: float
    milliseconds: int
    step: int


class Dataset(NamedTuple):
    """A corpus as MLflow shows it: the digest is the start of its fingerprint; source and profile are JSON."""

    name: str
    digest: str
    source: str
    profile: str


@dataclass(frozen=True, slots=True)
class RunState:
    """What a run should look like; times in milliseconds.

    `outputs` is the directory of a trial's last checkpoint, `texts` that of its probes' pages, `spec` the
    sweep's resolved spec, `report` the directory of its report. `numbers` are those of the run as a whole, as of
    `numbered`; of two of one time MLflow shows the larger.
    """

    key: str
    name: str
    status: str
    started: int
    ended: int | None
    params: dict[str, str]
    tags: dict[str, str]
    outputs: StoragePath | None = None
    texts: Path | None = None
    spec: dict[str, Any] | None = None
    report: Path | None = None
    dataset: Dataset | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    numbered: int = 0


def sweep_run(sweep: SweepRecord, leaders: Leaders, report: Path | None, moment: float) -> RunState:
    """Return the parent run as of a moment; its params are those of the newest launch."""
    newest = sweep.launches[-1]
    tags = {**_origin(sweep, newest), TAG + "launches": str(len(sweep.launches))}
    tags[NOTE_TAG] = storable(sweep_note(sweep, leaders, report is not None))
    if sweep.ended:
        tags[TAG + "outcome"] = sweep.ended
    best = {f"best_{metric}": value for metric, value in leaders.best.items()}
    return RunState(
        key=SWEEP_KEY,
        name=sweep_title(sweep),
        status=_STATUS.get(sweep.ended, "KILLED") if sweep.ended else "RUNNING",
        started=milliseconds(sweep.launches[0].time),
        ended=None if sweep.ended_at is None else milliseconds(sweep.ended_at),
        params=flattened(newest.spec),
        tags=tags,
        spec=newest.spec,
        report=report,
        dataset=_dataset(newest),
        numbers={**counts(sweep), **best},
        numbered=milliseconds(moment),
    )


def trial_run(sweep: SweepRecord, trial: TrialRecord) -> RunState:
    """Return the nested run of a trial; one that a stopped sweep left open is KILLED."""
    status, ended = "RUNNING", None
    if trial.final:
        status, ended = _STATUS.get(trial.final.outcome, "FAILED"), milliseconds(trial.final.time)
    elif sweep.ended_at is not None:
        status, ended = "KILLED", milliseconds(sweep.ended_at)
    spec = flattened(trial.spec.plain)
    own = {"method": trial.method, "seed": str(trial.seed), "cell": str(trial.cell)}
    own |= {} if trial.target_rate is None else {"target_rate": str(trial.target_rate)}
    return RunState(
        key=trial.id,
        name=trial_title(trial),
        status=status,
        started=milliseconds(trial.started_at),
        ended=ended,
        params=spec | own | flattened({"values": trial.values}),
        tags=_origin(sweep, sweep.launches[-1]) | _trial_tags(sweep, trial, own),
        outputs=trial.final.checkpoint if trial.final else None,
        texts=trial.texts,
        dataset=_dataset(sweep.launches[-1]),
    )


def metric_points(event: JournalEvent, numbers: Numbers, moment: float) -> list[Point]:
    """Return the points of an event's new numbers: of its phase or rung at step = epoch, else at step 0.

    Those of an end or a score are `final/<key>`, the main ones also `<metric>` (validation) and `test_<metric>`;
    a probe's keys say themselves what they are. All points are of one `moment`, in unix seconds.
    """
    match event:
        case EpochEvent():
            prefix, step = f"{event.phase}/", event.epoch
        case RungEvent():
            prefix, step = "rung/", event.epoch
        case ProbedEvent():
            prefix, step = "", 0
        case _:
            prefix, step = "final/", 0
    at = milliseconds(moment)
    known = {f"{prefix}{key}": value for key, value in numbers.items()}
    if prefix == "final/":
        known |= {short: numbers[key] for key, short in _SHORT.items() if key in numbers}
    return [Point(_key(key), float(value), at, step) for key, value in known.items() if value is not None]


def flattened(plain: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested plain values as MLflow params: dotted keys, text as it is, all else as JSON, cut."""
    flat: dict[str, str] = {}
    for key, value in plain.items():
        if isinstance(value, Mapping) and value:
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            flat[_key(f"{prefix}{key}")] = storable(text, LONGEST_PARAM)
    return flat


def storable(text: str, longest: int = LONGEST_TAG) -> str:
    """Return a text cut to a length, without characters that no database takes."""
    clean = text.replace("\0", "").encode(errors="replace").decode()
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _origin(sweep: SweepRecord, launch: LaunchRecord) -> dict[str, str]:
    tags = {SWEEP_TAG: sweep.identity, TAG + "sweep": sweep.name}
    tags |= {f"{TAG}version.{library}": version for library, version in launch.versions.items()}
    tags |= {"mlflow.source.name": "vae-sweep launch", "mlflow.source.type": "LOCAL"}
    if launch.git_commit:
        tags |= {TAG + "git_commit": launch.git_commit, "mlflow.source.git.commit": launch.git_commit}
    corpus = {"corpus": "name", "corpus_fingerprint": "fingerprint"}
    tags |= {TAG + tag: str(launch.corpus[key]) for tag, key in corpus.items() if key in launch.corpus}
    return {_key(key): storable(value) for key, value in tags.items()}


def _dataset(launch: LaunchRecord) -> Dataset | None:
    """Return the corpus of a launch, None where its line does not name one."""
    corpus = dict(launch.corpus)
    name, fingerprint = corpus.pop("name", None), corpus.pop("fingerprint", None)
    if not name or not fingerprint:
        return None
    source = {"fingerprint": fingerprint, **launch.spec.get("corpus", {})}
    return Dataset(name, fingerprint[:LONGEST_DIGEST], json.dumps(source), json.dumps(corpus))


def _trial_tags(sweep: SweepRecord, trial: TrialRecord, own: dict[str, str]) -> dict[str, str]:
    tags = {TRIAL_TAG: trial.id, TAG + "attempts": str(trial.attempts)}
    tags |= {TAG + key: value for key, value in own.items()}
    tags[NOTE_TAG] = trial_note(sweep, trial)
    if trial.epochs:
        tags[TAG + "phase"] = trial.epochs[-1].phase
    if (found := trial.pretraining) is not None:
        tags[TAG + "pretraining"] = found.event
        tags[TAG + "pretraining_seconds_waited"] = f"{found.seconds:.1f}"
        tags[TAG + "pretraining_seconds_saved"] = f"{found.saved:.1f}"
    if trial.final and trial.final.error:
        tags[TAG + "error"] = trial.final.error
    if trial.damaged:
        tags[TAG + "damaged"] = "\n".join(trial.damaged)
    if trial.conflicts:
        tags[TAG + "conflicts"] = "\n".join(map(str, trial.conflicts))
    if broken := trial_findings(sweep, trial):
        tags[TAG + "violations"] = "\n".join(f"\N{LARGE RED CIRCLE} {finding}" for finding in broken)
    tags[TAG + "outcome"] = trial.final.outcome if trial.final else ""
    tags[TAG + "reason"] = (trial.final.reason or "") if trial.final else ""
    return {key: storable(value) for key, value in tags.items()}


def _key(text: str) -> str:
    return re.sub(r"[^\w\-./ :]", "_", text)[:250]
