"""Whether a trial's decoder uses z, and the numbers that show it."""

from collections.abc import Sequence

from trainables.measure.collapse import collapse
from trainables.measure.invariants import RATE_TOLERANCE
from trainables.objective.bound import Elbo
from trainables.objective.kl import FreeBits, FreeBitsTotal
from trainables.spec import TrialSpec
from vae_sweep.journal.records import EpochRecord, Numbers, TrialRecord

AU, KL, MI, WEIGHT = (
    "validation/active_units",
    "validation/kl",
    "validation/mutual_information",
    "train/kl_weight",
)

_NOTHING = 0.1
"""Nats of KL below which there is no code to speak of."""


def latent_use(trial: TrialRecord, spec: TrialSpec) -> list[str]:
    """Return in words whether z is used and whether the KL holds at λ; by the last numbers on validation."""
    if spec.method.language_model:
        return ["the method is a language model without z"]
    epochs = [one for one in trial.epochs if one.phase == spec.phases()[-1].name]
    measured = trial.final.numbers if trial.final else {}
    numbers = measured if AU in measured else epochs[-1].numbers if epochs else {}
    if not numbers:
        return ["its last phase has no epoch yet: whether z is used cannot be said"]
    where = "best weights" if numbers is measured else f"{epochs[-1].phase} epoch {epochs[-1].epoch}"
    lines = [f"{where}, validation: {_units(numbers, spec.model.latent_size)}"]
    if spec.method.autoencodes:
        return [*lines, "an autoencoder: its KL has no weight in the loss, so nothing draws it to collapse"]
    weight = epochs[-1].numbers.get(WEIGHT) if epochs else None
    lines.append(_verdict(numbers, spec, weight, ended=numbers is measured))
    if numbers.get(AU) == 0 and epochs:
        lines.append(_since(epochs))
        if (kl := numbers.get(KL) or 0.0) > _NOTHING:
            lines.append(f"its KL of {kl:.3f} nats is the same code for every sentence: it carries nothing")
    return lines + _rate(numbers, spec, weight)


def weight_history(epochs: Sequence[EpochRecord]) -> str | None:
    """Return how the KL weight went; None where it is not reported."""
    known = [(one.epoch, value) for one in epochs if (value := one.numbers.get(WEIGHT)) is not None]
    if not known:
        return None
    first, last = known[0], known[-1]
    if len({value for _, value in known}) == 1:
        return f"KL weight {first[1]:.4g} throughout"
    text = f"KL weight {first[1]:.4g} at the end of epoch {first[0]}, {last[1]:.4g} at that of epoch {last[0]}"
    full = next((epoch for epoch, value in known if value == 1.0), None)
    return text + (f"; 1 first at epoch {full}" if full is not None else "; never 1 yet")


def _units(numbers: Numbers, latent_size: int) -> str:
    active = numbers.get(AU)
    parts = ["AU not reported" if active is None else f"AU {active:.0f} of {latent_size}"]
    if (kl := numbers.get(KL)) is not None:
        parts.append(f"KL {kl:.3f} nats")
    if (information := numbers.get(MI)) is not None:
        parts.append(f"MI {information:.3f} nats")
    return ", ".join(parts)


def _verdict(numbers: Numbers, spec: TrialSpec, weight: float | None, *, ended: bool) -> str:
    active = numbers.get(AU)
    if active is None:
        return "whether z is used cannot be said: AU is not reported"
    if active:
        return f"z is used: {active:.0f} active units"
    known = {metric: value for metric, value in numbers.items() if value is not None}
    if MI in known and collapse(known, spec.model.latent_size, spec.method.target_rate) is None:
        return "AU = 0, but MI and KL are not both those of an unused code: this is no verdict on z"
    if weight is None or weight == 1.0:
        return f"AU = 0 {'after annealing' if ended else 'so far'}, at KL weight 1: the decoder ignores z"
    if ended:
        return f"AU = 0 already at KL weight {weight:.4g}, before the annealing was over: the decoder ignores z"
    return f"AU = 0, but at KL weight {weight:.4g}: the annealing is not over, so this is no verdict on z"


def _since(epochs: Sequence[EpochRecord]) -> str:
    """Return since when no unit is active."""
    used = [one for one in epochs if one.numbers.get(AU)]
    if not used:
        return f"no unit was active in any epoch of phase {epochs[0].phase}"
    last = used[-1]
    if last is epochs[-1]:
        return f"AU was {last.numbers[AU]:.0f} in its last epoch, {last.epoch}; the weights kept are of another"
    gone = epochs[epochs.index(last) + 1]
    weight = gone.numbers.get(WEIGHT)
    at = "" if weight is None else f", at KL weight {weight:.4g}"
    before = f"at epoch {last.epoch} it was {last.numbers[AU]:.0f}"
    return f"AU fell to 0 at epoch {gone.epoch}{at}, and stayed there; {before}"


def _rate(numbers: Numbers, spec: TrialSpec, weight: float | None) -> list[str]:
    objective, kl = spec.method.objective, numbers.get(KL)
    if not isinstance(objective, Elbo) or not isinstance(objective.kl, FreeBits | FreeBitsTotal) or kl is None:
        return []
    rate = objective.kl.target_rate
    unit = (
        f"each unit has λ/n_z = {rate / spec.model.latent_size:.4g}" if isinstance(objective.kl, FreeBits) else ""
    )
    if abs(kl - rate) <= RATE_TOLERANCE * rate:
        how = f"held, within {RATE_TOLERANCE:.0%}"
    elif kl > rate:
        how = "above λ: free bits change nothing"
    else:
        how = "below λ: less than is free" + (", so z carries little" if kl < rate / 2 else "")
    early = f"; at KL weight {weight:.4g} still" if weight is not None and weight < 1.0 else ""
    return [
        f"KL against λ: {kl:.3f} of {rate:.4g} nats ({kl / rate:.2f} λ), {how}{early}"
        + (f"; {unit}" if unit else "")
    ]
