"""What trials were measured under: one evaluation, or several that do not compare."""

from collections.abc import Iterator
from typing import Any

from trainables.base import flat
from vae_sweep.formatting import pluralise, timestamp
from vae_sweep.journal.records import ScoreRecord, SweepRecord, TrialRecord

EARLIER = "an earlier version of vae-sweep"


def measured_lines(trial: TrialRecord) -> Iterator[str]:
    """Yield each score of a trial that was scored anew, oldest first, with what its evaluation differs in."""
    own = trial.spec.evaluation
    for split in dict.fromkeys(found.split for found in trial.scores):
        scores = [found for found in trial.scores if found.split == split]
        for number, found in enumerate(scores if len(scores) > 1 else [], start=1):
            read = ", which is read" if number == len(scores) else ""
            yield f"{split}, {timestamp(found.time)}: {_under(found, own)}{read}"


def unlike(record: SweepRecord) -> str | None:
    """Return in words that the validation numbers of a sweep are not of one evaluation; None where they are."""
    scores = [score for trial in record.trials.values() if (score := trial.score("validation")) is not None]
    if not scores:
        return None
    newest = max(scores, key=lambda score: score.line)
    others = sum(score.evaluation != newest.evaluation for score in scores)
    if not others:
        return None
    return (
        f"{pluralise(others, 'trial')} of {len(scores)} measured under another evaluation than the newest: their "
        "numbers do not compare; vae-sweep score measures the rest, as far as weights are left"
    )


def _under(found: ScoreRecord, own: dict[str, Any]) -> str:
    if found.evaluation is None:
        return f"by {EARLIER}"
    name = f"evaluation {found.evaluation[:12]}"
    if found.settings is None:
        return f"{name}, as planned"
    before, after = flat(own), flat(found.settings)
    other = [f"{key} {value}" for key, value in after.items() if before.get(key) != value]
    return f"{name}, {', '.join(other)}" if other else name
