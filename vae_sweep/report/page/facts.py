"""What the page says of single trials and of where a sweep's numbers come from."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from vae_sweep.journal.invariants import trial_findings
from vae_sweep.journal.metrics import METRICS, metric_of, number_text, values_text
from vae_sweep.journal.records import LaunchRecord, SweepRecord, TrialRecord

HOUR, MINUTE = 3600.0, 60.0
Fact = tuple[str, str]


@dataclass(frozen=True)
class TrialFacts:
    """A trial's part of the page: `numbers` are what it ended with, `wrong` what is not sound."""

    id: str
    cell: int
    outcome: str
    facts: list[Fact]
    numbers: list[Fact]
    wrong: list[str]
    run: str | None


def trial_facts(record: SweepRecord, trial: TrialRecord, runs: Mapping[str, str], whole: bool) -> TrialFacts:
    """Return what the journal has of a trial, its numbers only where it is shown `whole`.

    `runs` are the addresses of runs in MLflow, by trial.
    """
    wrong = [f"invariant broken: {finding}" for finding in trial_findings(record, trial)]
    wrong += [f"reported twice, and not the same: {conflict}" for conflict in trial.conflicts]
    wrong += [f"damaged: {text}" for text in trial.damaged]
    return TrialFacts(
        id=trial.id,
        cell=trial.cell,
        outcome=trial.final.outcome if trial.final else "open",
        facts=list(_facts(trial)),
        numbers=_numbers(trial) if whole else [],
        wrong=wrong,
        run=runs.get(trial.id),
    )


def launch_facts(launch: LaunchRecord) -> list[str]:
    """Return a launch as a line of a table: number, time, commit, versions."""
    versions = ", ".join(f"{library} {version}" for library, version in sorted(launch.versions.items()))
    return [str(launch.attempt), moment(launch.time), launch.git_commit or "not known", versions]


def corpus_facts(record: SweepRecord) -> list[Fact]:
    """Return what the newest launch says of the corpus, nested values in few words."""
    corpus = record.launches[-1].corpus if record.launches else {}
    return [(str(key).replace("_", " "), _plain(value)) for key, value in corpus.items()]


def as_yaml(plain: Mapping[str, Any]) -> str:
    """Return plain values as YAML."""
    text = StringIO()
    writer = YAML()
    writer.default_flow_style = False
    writer.dump(dict(plain), text)
    return text.getvalue()


def moment(unix: float) -> str:
    """Return a time to the second, in UTC: a page is read anywhere."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(unix))


def span(seconds: float) -> str:
    """Return a duration in hours, minutes or seconds, three digits of it."""
    if seconds >= HOUR:
        return f"{seconds / HOUR:.3g} h"
    return f"{seconds / MINUTE:.3g} min" if seconds >= MINUTE else f"{seconds:.3g} s"


def _facts(trial: TrialRecord) -> Iterator[Fact]:
    yield "cell", f"{trial.cell}: {trial.method} {values_text(trial.values)}".strip()
    yield "seed", str(trial.seed)
    if trial.final and trial.final.reason:
        yield "reason", trial.final.reason.strip()
    if trial.final and trial.final.error:
        yield "class of error", trial.final.error
    yield "started", moment(trial.started_at)
    if trial.ended_at is not None:
        yield "ended", moment(trial.ended_at)
    yield "starts", str(trial.attempts)
    if trial.hosts:
        yield "machines", ", ".join(trial.hosts)
    for phase in dict.fromkeys(epoch.phase for epoch in trial.epochs):
        yield f"epochs of {phase}", str(sum(epoch.phase == phase for epoch in trial.epochs))
    if (found := trial.pretraining) is not None:
        saved = f", {span(found.saved)} of training saved" if found.saved else ""
        yield "pretraining store", f"{found.event}{saved}"
    if trial.newest_checkpoint is not None:
        yield "newest checkpoint", str(trial.newest_checkpoint)


def _numbers(trial: TrialRecord) -> list[Fact]:
    known = {**(trial.final.numbers if trial.final else {}), **trial.scored, **trial.probed}
    return [(key, _number(key, value)) for key, value in sorted(known.items()) if value is not None]


def _number(key: str, value: float) -> str:
    metric = metric_of(key)
    return number_text(metric, value) if metric in METRICS else f"{value:.4g}"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)
