"""Live invariants: what must hold between measured numbers, whatever the model learned."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

Numbers = Mapping[str, float | None]

ERRORS = 4.0
"""How many standard errors an estimate may stray."""

ROUNDING = 1e-5
"""Relative rounding of a mean of float32 values."""

RATE_TOLERANCE = 0.1
"""How far KL may lie from λ, as a part of λ (the paper's 24 rows of FBP: 0.98 λ to 1.06 λ)."""


class Violation(NamedTuple):
    """A broken invariant: its name, and the figures that break it."""

    rule: str
    figures: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.figures}"


def violations(
    numbers: Numbers,
    latent_size: int | None = None,
    sentences: int | None = None,
    target_rate: float | None = None,
    rounding: float | None = None,
) -> list[Violation]:
    """Return the invariants that the words of one split break; a rule whose words are absent is not asked.

    `sentences` is N of the split, else the word of that name. `target_rate` is λ of a row that holds the whole
    KL at λ (FreeBitsTotal) at KL weight 1, else None. `rounding`, nats, is how coarsely the numbers are rounded;
    none is that of a mean of float32 values.
    """
    counted = numbers.get("sentences")
    count = sentences if counted is None else round(counted)
    found: list[Violation | None] = [
        _parts(numbers, rounding),
        _bound(numbers, rounding),
        _rate(numbers, target_rate),
    ]
    if latent_size is not None:
        found.append(_units(numbers, latent_size))
        if count:
            found += _information(numbers, count, information_noise(latent_size, count))
    return [violation for violation in found if violation is not None]


def information_noise(latent_size: int, sentences: int) -> float:
    """Return ERRORS standard errors of the mutual information's estimate, nats.

    It draws one z a sentence and takes the entropy of q(z|x) exactly, so its noise is that of log q(z): for a
    Gaussian of n_z units the variance of one log density is n_z/2. Its bounds, ln N among them, hold but for
    this noise.
    """
    return ERRORS * math.sqrt(latent_size / 2 / sentences)


def _parts(numbers: Numbers, rounding: float | None) -> Violation | None:
    if known := _known(numbers, "neg_elbo", "reconstruction", "kl"):
        neg_elbo, reconstruction, kl = known
        allowed = ROUNDING * max(1.0, abs(neg_elbo)) if rounding is None else rounding
        if abs(neg_elbo - reconstruction - kl) > allowed:
            figures = f"{neg_elbo:.6g} against {reconstruction:.6g} + {kl:.6g} = {reconstruction + kl:.6g}"
            return Violation("-ELBO = Recon + KL", figures)
    return None


def _bound(numbers: Numbers, rounding: float | None) -> Violation | None:
    if known := _known(numbers, "nll", "neg_elbo") or _known(numbers, "iw_nll", "neg_elbo"):
        nll, neg_elbo = known
        gap, error = _known(numbers, "elbo_gap", "elbo_gap_error") or (neg_elbo - nll, 0.0)
        allowed = ROUNDING * max(1.0, abs(nll)) if rounding is None else rounding
        if -gap > ERRORS * error + allowed:
            figures = f"{nll:.6g} > {neg_elbo:.6g}, paired standard error {error:.2g}"
            return Violation("NLL <= -ELBO", figures)
    return None


def _information(numbers: Numbers, count: int, noise: float) -> Iterator[Violation]:
    if known := _known(numbers, "mutual_information"):
        [information], kl = known, numbers.get("kl")
        figures = f"MI {information:.4g}, noise {noise:.2g}"
        if information < -noise:
            yield Violation("0 <= MI", figures)
        if kl is not None and information > kl + noise:
            yield Violation("MI <= KL", f"KL {kl:.4g}, {figures}")
        if information > math.log(count) + noise:
            yield Violation("MI <= ln N", f"ln {count} = {math.log(count):.4g}, {figures}")


def _rate(numbers: Numbers, target_rate: float | None) -> Violation | None:
    kl = numbers.get("kl")
    if kl is None or target_rate is None or abs(kl - target_rate) <= RATE_TOLERANCE * target_rate:
        return None
    figures = f"KL {kl:.4g} against λ {target_rate:.4g}, allowed {RATE_TOLERANCE:.0%}"
    return Violation("FBP holds KL at λ", figures)


def _units(numbers: Numbers, latent_size: int) -> Violation | None:
    active = numbers.get("active_units")
    if active is None or 0 <= active <= latent_size:
        return None
    return Violation("AU <= n_z", f"AU {active:g}, n_z {latent_size}")


def _known(numbers: Numbers, *words: str) -> list[float] | None:
    values = [value for word in words if (value := numbers.get(word)) is not None]
    return values if len(values) == len(words) else None
