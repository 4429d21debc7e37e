"""What in a trial's records breaks an invariant, said once a rule."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from trainables.measure.invariants import Violation, violations
from vae_sweep.journal.records import Numbers, SweepRecord, TrialRecord

_SPLITS = ("validation", "test")


class BrokenInvariant(NamedTuple):
    """A broken invariant: where it was seen first, and in how many reports more."""

    trial: str
    place: str
    violation: Violation
    more: int

    def __str__(self) -> str:
        again = f" (and in {self.more} more)" if self.more else ""
        return f"{self.place}: {self.violation}{again}"


def sweep_findings(sweep: SweepRecord) -> list[BrokenInvariant]:
    """Return the broken invariants of every trial of a sweep, in the order of the trials."""
    return [finding for name in sorted(sweep.trials) for finding in trial_findings(sweep, sweep.trials[name])]


def trial_findings(sweep: SweepRecord, trial: TrialRecord) -> list[BrokenInvariant]:
    """Return the invariants that a trial's numbers break, each rule at its first place."""
    first: dict[str, BrokenInvariant] = {}
    for place, violation in _all(sweep, trial):
        known = first.get(violation.rule)
        first[violation.rule] = (
            known._replace(more=known.more + 1) if known else BrokenInvariant(trial.id, place, violation, 0)
        )
    return list(first.values())


def _all(sweep: SweepRecord, trial: TrialRecord) -> Iterator[tuple[str, Violation]]:
    sizes = sweep.launches[-1].corpus.get("sentences", {}) if sweep.launches else {}
    latent_size = trial.spec.latent_size
    for epoch in trial.epochs:
        for violation in violations(metrics_of(epoch.numbers, "validation"), latent_size, sizes.get("validation")):
            yield f"{epoch.phase} epoch {epoch.epoch}", violation
    last = {**(trial.final.numbers if trial.final else {}), **trial.scored}
    for split in _SPLITS:
        for violation in violations(metrics_of(last, split), latent_size, sizes.get(split), _held_rate(trial)):
            yield f"final {split}", violation


def metrics_of(numbers: Mapping[str, float | None], split: str) -> Numbers:
    """Return the numbers of one split under their plain words."""
    prefix = f"{split}/"
    return {key.removeprefix(prefix): value for key, value in numbers.items() if key.startswith(prefix)}


def _held_rate(trial: TrialRecord) -> float | None:
    """Return λ of a trial that ended under FreeBitsTotal at KL weight 1."""
    if trial.spec.at("method", "objective", "kl", "kind") != "free_bits_total" or not trial.epochs:
        return None
    at_weight_one = trial.epochs[-1].numbers.get("train/kl_weight") == 1.0
    return trial.spec.target_rate if at_weight_one else None
