"""What a sweep cost: seconds of training, what the pretraining store saved, memory."""

from dataclasses import dataclass

from vae_sweep.journal.records import SweepRecord, TrialRecord


@dataclass(frozen=True)
class TrialCost:
    """One trial: epochs reported, seconds of training of its own and those that the store saved it.

    `memory` is the peak in MB, of its process or its GPU; None where it was not recorded.
    """

    trial: str
    method: str
    epochs: int
    seconds: float
    saved: float
    memory: float | None


@dataclass(frozen=True)
class SweepCosts:
    """Many trials together; `memory` is the largest."""

    trials: int
    epochs: int
    seconds: float
    saved: float
    memory: float | None


def trial_costs(record: SweepRecord) -> list[TrialCost]:
    """Return each trial's cost, the longest training first."""
    found = [_cost(trial) for _, trial in sorted(record.trials.items())]
    return sorted(found, key=lambda cost: -cost.seconds)


def together(costs: list[TrialCost]) -> SweepCosts:
    """Return the sums of trials, and the largest peak."""
    return SweepCosts(
        trials=len(costs),
        epochs=sum(cost.epochs for cost in costs),
        seconds=sum(cost.seconds for cost in costs),
        saved=sum(cost.saved for cost in costs),
        memory=max((cost.memory for cost in costs if cost.memory is not None), default=None),
    )


def by_method(costs: list[TrialCost]) -> dict[str, SweepCosts]:
    """Return the costs of each method together, the dearest first."""
    methods = dict.fromkeys(cost.method for cost in costs)
    sums = {method: together([cost for cost in costs if cost.method == method]) for method in methods}
    return dict(sorted(sums.items(), key=lambda item: -item[1].seconds))


def driven_seconds(record: SweepRecord) -> float:
    """Return the wall time from the newest launch to its end, else to its last report; 0 before the first."""
    if not record.launches:
        return 0.0
    times = [epoch.time for trial in record.trials.values() for epoch in trial.epochs]
    last = record.ended_at if record.ended_at is not None else max(times, default=0.0)
    return max(0.0, last - record.launches[-1].time)


def _cost(trial: TrialRecord) -> TrialCost:
    """Epochs from the store carry the seconds of whoever trained them, which are the seconds saved."""
    reported = sum(epoch.numbers.get("train/seconds") or 0.0 for epoch in trial.epochs)
    saved = trial.pretraining.saved if trial.pretraining else 0.0
    peaks = [peak for epoch in trial.epochs if (peak := epoch.numbers.get("train/peak_memory_mb")) is not None]
    return TrialCost(
        trial=trial.id,
        method=trial.method,
        epochs=len(trial.epochs),
        seconds=max(0.0, reported - saved),
        saved=saved,
        memory=max(peaks, default=None),
    )
