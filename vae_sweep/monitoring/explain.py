"""Why a trial ended as it did, from the journal, in words with their numbers."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from trainables.methods import METHODS
from trainables.outputs import WEIGHTS_FILE
from trainables.spec import TrialSpec
from trainables.storage_paths import PlaceError, is_file, is_folder
from trainables.training.spec import PhaseSpec
from vae_sweep.formatting import duration, timestamp
from vae_sweep.journal.history import History, TrialTimeline, find_trial, renamed
from vae_sweep.journal.invariants import trial_findings
from vae_sweep.journal.metrics import METRICS, number_text, values_text
from vae_sweep.journal.records import EpochRecord, Numbers, RungRecord, TrialRecord
from vae_sweep.monitoring.advice import advice
from vae_sweep.monitoring.eta import SECONDS, sweep_spec, trial_spec
from vae_sweep.monitoring.latent_use import latent_use, weight_history
from vae_sweep.monitoring.status import SHOWN, read_status
from vae_sweep.results.evaluations import measured_lines
from vae_sweep.results.front import front_cells, split_numbers, untold_reason
from vae_sweep.statistics.trust import TIGHT

RATE = "train/learning_rate"
MOST_RATES = 6
SCORES = ("perplexity", "nll", "iw_perplexity", *SHOWN)
LIKELIHOOD = ("perplexity", "nll", "nll_sampling_error", "elbo_gap", "pareto_k_bad", "samples")
_SCORED_OUTCOMES = ("finished", "collapsed")


class Section(NamedTuple):
    """A heading and its lines."""

    title: str
    lines: list[str]


def explain_trial(folder: Path, name: str) -> list[Section]:
    """Return why a trial stands where it does; `name` is its id, or the unique beginning of it.

    Raises LaunchError where there is no such sweep or trial, JournalError where the journal is damaged.
    """
    owner, history = read_status(folder)
    trial = find_trial(history.record, name)
    state = history.state(trial, history.driven_by(owner))
    timeline, spec = history.timelines[trial.id], trial_spec(trial)
    waits = [f"it waits for {timeline.holder}"] * bool(timeline.holder)
    why = [*advice(state, trial.final), *_reason(trial), *waits, *renamed(folder, history.record)]
    sections = [Section(f"{trial.id}: {state}", _head(trial)), Section("why", why)]
    sections.append(Section("starts", _starts(timeline)))
    if spec is None:
        text = "its spec in the journal is not one of this version: what depends on it is left out"
        sections.append(Section("phases", [text]))
    else:
        for number, phase in enumerate(spec.phases()):
            sections.append(Section(f"phase {phase.name}", _phase(trial, timeline, spec, number, phase)))
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


def _phase(
    trial: TrialRecord, timeline: TrialTimeline, spec: TrialSpec, number: int, phase: PhaseSpec
) -> list[str]:
    epochs = sorted((one for one in trial.epochs if one.phase == phase.name), key=lambda one: one.epoch)
    most = phase.training.epochs
    if not epochs:
        return [f"no epoch yet, of at most {most}"]
    later = {one.name for one in spec.phases()[number + 1 :]}
    over = any(one.phase in later for one in trial.epochs)
    over = over or (trial.final is not None and trial.final.outcome in _SCORED_OUTCOMES)
    run = f"epochs {epochs[0].epoch} to {epochs[-1].epoch}"
    end = (
        "not over"
        if not over
        else "over"
        if len(epochs) >= most
        else f"ended by its {phase.training.schedule.kind} schedule"
    )
    lines = [f"{run}, {len(epochs)} of at most {most}: {end}", *_best(epochs, phase)]
    ends = {"first": epochs[0], "last": epochs[-1]}
    words = [word for word in SHOWN if word not in spec.method.undefined_metrics]
    lines += [
        f"{name} (epoch {one.epoch}): {shown(one.numbers, 'validation', words)}" for name, one in ends.items()
    ]
    timelines = (rate_history(epochs), None if spec.method.language_model else weight_history(epochs))
    lines += [text for text in timelines if text]
    stored = [one for one in epochs if (one.phase, one.epoch) in timeline.stored]
    seconds = [value for one in epochs if (value := one.numbers.get(SECONDS)) is not None]
    if seconds:
        lines.append(
            f"{sum(seconds) / len(seconds):.2f} s an epoch" + ("" if not stored else ", by whoever trained it")
        )
    return lines


def _best(epochs: Sequence[EpochRecord], phase: PhaseSpec) -> list[str]:
    key = f"validation/{phase.selection}"
    known = [(value, one.epoch) for one in epochs if (value := one.numbers.get(key)) is not None]
    if not known:
        return []
    value, epoch = min(known)
    return [
        f"best epoch {epoch}: {METRICS[phase.selection].symbol} {value:.4f} on validation; its weights are kept"
    ]


def rate_history(epochs: Sequence[EpochRecord]) -> str | None:
    """Return the learning rates with their epochs, shortened where they are many; None where none is reported."""
    known = [(one.epoch, value) for one in epochs if (value := one.numbers.get(RATE)) is not None]
    runs = [(rate, [epoch for epoch, _ in group]) for rate, group in groupby(known, key=lambda pair: pair[1])]
    if not runs:
        return None
    if len(runs) > MOST_RATES:
        (first, begun), (last, ended) = runs[0], runs[-1]
        ends = f"{first:.4g} at epoch {begun[0]} to {last:.4g} at epoch {ended[-1]}"
        return f"learning rate {ends}, in {len(runs)} steps"
    shown_runs = (f"{rate:.4g} ({at[0]}" + (f" to {at[-1]})" if len(at) > 1 else ")") for rate, at in runs)
    return f"learning rate by epochs: {', '.join(shown_runs)}"


def shown(numbers: Numbers, split: str, words: Sequence[str] = SHOWN) -> str:
    """Return the words of a split that are there, by their symbols."""
    found = ((word, numbers.get(f"{split}/{word}")) for word in words)
    known = [f"{METRICS[word].symbol} {number_text(word, value)}" for word, value in found if value is not None]
    return ", ".join(known) or "no numbers"


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
    if reason := untold_reason([numbers], TIGHT):
        return [f"cannot tell NLL and PPL on validation: {reason}"]
    return [f"on validation {shown(trial.final.numbers, 'validation', LIKELIHOOD)}"] if "nll" in numbers else []


def _unscored(history: History, trial: TrialRecord) -> str:
    timeline, spec = history.timelines[trial.id], sweep_spec(history.record)
    if trial.final is None or trial.final.outcome not in _SCORED_OUTCOMES:
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
        return [f"whether they are there cannot be told: {error}"]


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
