"""What `explain` says of one phase of a trial: its epochs, its best, its learning rates."""

from collections.abc import Sequence
from itertools import groupby

from trainables.spec import TrialSpec
from trainables.training.report import SCORED
from trainables.training.spec import PhaseSpec
from vae_sweep.journal.history import TrialTimeline
from vae_sweep.journal.metrics import METRICS, number_text
from vae_sweep.journal.records import EpochRecord, Numbers, TrialRecord
from vae_sweep.monitoring.eta import SECONDS
from vae_sweep.monitoring.latent_use import weight_history
from vae_sweep.monitoring.status import SHOWN

RATE = "train/learning_rate"
MOST_RATES = 6


def phase_lines(
    trial: TrialRecord, timeline: TrialTimeline, spec: TrialSpec, number: int, phase: PhaseSpec
) -> list[str]:
    """Return the lines of a trial's phase, the `number`-th of its spec."""
    epochs = sorted((one for one in trial.epochs if one.phase == phase.name), key=lambda one: one.epoch)
    most = phase.training.epochs
    if not epochs:
        return [f"no epoch yet, of at most {most}"]
    later = {one.name for one in spec.phases()[number + 1 :]}
    over = any(one.phase in later for one in trial.epochs)
    over = over or (trial.final is not None and trial.final.outcome in SCORED)
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
    metrics = [metric for metric in SHOWN if metric not in spec.method.undefined_metrics]
    lines += [
        f"{name} (epoch {one.epoch}): {shown(one.numbers, 'validation', metrics)}" for name, one in ends.items()
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


def shown(numbers: Numbers, split: str, metrics: Sequence[str] = SHOWN) -> str:
    """Return the metrics of a split that are there, by their symbols."""
    found = ((metric, numbers.get(f"{split}/{metric}")) for metric in metrics)
    known = [
        f"{METRICS[metric].symbol} {number_text(metric, value)}" for metric, value in found if value is not None
    ]
    return ", ".join(known) or "no numbers"
