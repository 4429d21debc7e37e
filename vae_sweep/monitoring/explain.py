"""Why a trial ended as it did, from the journal, in words with their numbers."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from trainables.methods import METHODS
from trainables.outputs import WEIGHTS_FILE
from trainables.storage_paths import PlaceError, is_file, is_folder
from trainables.training.report import SCORED
from vae_sweep.formatting import duration, timestamp
from vae_sweep.journal.history import History, TrialTimeline, find_trial, renamed
from vae_sweep.journal.invariants import trial_findings
from vae_sweep.journal.metrics import values_text
from vae_sweep.journal.records import RungRecord, TrialRecord
from vae_sweep.journal.sweep_log import sweep_log
from vae_sweep.monitoring.advice import advice
from vae_sweep.monitoring.eta import sweep_spec
from vae_sweep.monitoring.latent_use import latent_use
from vae_sweep.monitoring.phase_lines import phase_lines, shown
from vae_sweep.monitoring.status import SHOWN, read_status
from vae_sweep.results.evaluations import measured_lines
from vae_sweep.results.front import front_cells, split_numbers, why_unknown
from vae_sweep.statistics.trust import TIGHT

SCORES = ("perplexity", "nll", "iw_perplexity", *SHOWN)
LIKELIHOOD = ("perplexity", "nll", "nll_sampling_error", "elbo_gap", "pareto_k_bad", "samples")


class Section(NamedTuple):
    """A heading and its lines."""

    title: str
    lines: list[str]


def explain_trial(folder: Path, name: str) -> list[Section]:
    """Return why a trial stands where it does; `name` is its id, or the unique beginning of it.

    Raises LaunchError where there is no such sweep or trial, JournalError where the journal is damaged.
    """
    owner, history = read_status(sweep_log(folder))
    trial = find_trial(history.record, name)
    state = history.state(trial, history.driven_by(owner))
    timeline, spec = history.timelines[trial.id], trial.spec.trial
    waits = [f"it waits for {timeline.holder}"] * bool(timeline.holder)
    why = [*advice(state, trial.final), *_reason(trial), *waits, *renamed(folder, history.record)]
    sections = [Section(f"{trial.id}: {state}", _head(trial)), Section("why", why)]
    sections.append(Section("starts", _starts(timeline)))
    if spec is None:
        text = "its spec in the journal is not one of this version: what depends on it is left out"
        sections.append(Section("phases", [text]))
    else:
        for number, phase in enumerate(spec.phases()):
            sections.append(Section(f"phase {phase.name}", phase_lines(trial, timeline, spec, number, phase)))
        sections.append(Section("z", latent_use(trial, spec)))
    if trial.rungs:
        sections.append(Section("rungs", [_rung(found) for found in trial.rungs]))
    if trial.store:
        sections.append(Section("pretraining", _pretraining(trial)))
    if likelihood := _likelihood(trial):
        sections.append(Section("likelihood", likelihood))
    sections.append(Section("test split", _score(history, trial)))
    if scores := list(measured_lines(trial)):
        sections.append(Section("scores", scores))
    sections.append(Section("weights", _weights(trial)))
    return [*sections, Section("soundness", _soundness(history, trial))]


def _head(trial: TrialRecord) -> list[str]:
    method = METHODS.get(trial.method)
    title = f" ({method.title})" if method else ""
    values = f", {values_text(trial.values)}" if trial.values else ""
    lines = [f"method {trial.method}{title}{values}; cell {trial.cell}, seed {trial.seed}"]
    if trial.final is not None:
        took = trial.final.time - trial.started_at
        after = f"{duration(took)} after its start" if took >= 0 else "its machine's clock was set back meanwhile"
        lines.append(f"ended {timestamp(trial.final.time)}, {after}")
    return lines


def _reason(trial: TrialRecord) -> list[str]:
    text = ((trial.final and trial.final.reason) or "").strip()
    return [f"journaled reason: {text}"] if text else []


def _starts(timeline: TrialTimeline) -> list[str]:
    lines, before = [], None
    for number, start in enumerate(timeline.starts, 1):
        again = "; the same launch again, after a lost worker or want of memory" if start.attempt == before else ""
        host = f" on {start.host}" if start.host else ", no report from there"
        lines.append(f"{number}: {timestamp(start.time)}, launch {start.attempt}{host}{again}")
        before = start.attempt
    return lines


def _rung(found: RungRecord) -> str:
    collapsed = f": {found.collapsed}" if found.collapsed else ""
    return f"after {found.epoch} VAE epochs {shown(found.numbers, 'validation', SCORES)}{collapsed}"


def _pretraining(trial: TrialRecord) -> list[str]:
    words = {
        "hit": "found ready in the store",
        "miss": "trained here, for all who need it",
        "waited": "waited for",
    }
    lines = []
    for found in trial.store:
        if found.event == "waiting":
            continue
        parts = [f"{words[found.event]} (key {found.key[:12]})"]
        parts += (
            [f"{duration(found.seconds)} waited for {found.holder or 'another trial'}"] if found.seconds else []
        )
        parts += [f"{duration(found.saved)} of training saved"] if found.saved else []
        lines.append(", ".join(parts))
    return lines or [f"waiting for {trial.store[-1].holder or 'another trial'}"]


def _score(history: History, trial: TrialRecord) -> list[str]:
    if trial.scored:
        return [shown(trial.scored, "test", SCORES)]
    return [f"not scored: {_unscored(history, trial)}"]


def _likelihood(trial: TrialRecord) -> list[str]:
    """Return what the trial is ranked by, or why it cannot be."""
    if trial.final is None or not (numbers := split_numbers(trial, "validation")):
        return []
    if reason := why_unknown([numbers], TIGHT):
        return [f"cannot tell NLL and PPL on validation: {reason}"]
    return [f"on validation {shown(trial.final.numbers, 'validation', LIKELIHOOD)}"] if "nll" in numbers else []


def _unscored(history: History, trial: TrialRecord) -> str:
    timeline, spec = history.timelines[trial.id], sweep_spec(history.record)
    if trial.final is None or trial.final.outcome not in SCORED:
        return "it has no end with weights"
    if timeline.unscored:
        return f"{timeline.unscored}; vae-sweep resume tries again"
    if spec is None:
        return "the journal's sweep spec is not one of this version, so whether it should be is not known"
    if spec.final == "none":
        return "evaluation.final is none"
    if spec.final == "front" and trial.cell not in front_cells(history.record, spec.search.objectives):
        return "evaluation.final is front, and its cell is not on the front"
    ended = history.record.ended
    return (
        f"the sweep ended before ({ended}); vae-sweep resume scores it" if ended else "scores come after trainings"
    )


def _weights(trial: TrialRecord) -> list[str]:
    place = trial.final.checkpoint if trial.final else None
    try:
        if place is not None:
            there = "" if is_file(place / WEIGHTS_FILE) else " (not there now: vae-sweep resume trains it again)"
            return [f"{place / WEIGHTS_FILE}{there}"]
        if (newest := trial.newest_checkpoint) is None:
            return ["none, and no checkpoint"]
        return [f"none; newest checkpoint {newest}{'' if is_folder(newest) else ' (not there now)'}"]
    except PlaceError as error:
        return [f"whether they are there is not known: {error}"]


def _soundness(history: History, trial: TrialRecord) -> list[str]:
    return list(_problems(history, trial)) or ["nothing damaged, no conflict, no invariant broken"]


def _problems(history: History, trial: TrialRecord) -> Iterator[str]:
    lost = history.timelines[trial.id].lost
    yield from (f"weights lost, trained again: {text}" for text in lost)
    yield from (f"damaged: {text}" for text in trial.damaged if text not in lost)
    yield from (f"conflict: {found}" for found in trial.conflicts)
    yield from (f"invariant broken: {finding}" for finding in trial_findings(history.record, trial))
    if len(trial.hosts) > 1:
        yield f"ran on several machines, whose bits may differ: {', '.join(trial.hosts)}"
