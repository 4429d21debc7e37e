"""Live invariants: what must hold between measured numbers, whatever the model learned."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_Numbers = Mapping[str, float | None]

ERRORS = 4.0
"""How many standard errors an estimate may stray."""

RARE = 10.4
"""−ln of the chance that a Gaussian exceeds its mean by ERRORS standard errors, 3.2e-5, rounded up."""

ROUNDING = 1e-5
"""Relative rounding of a mean of float32 values."""

RATE_TOLERANCE = 0.1
"""How far KL may lie from λ, as a part of λ (the paper's 24 numbers of FBP: 0.98 λ to 1.06 λ)."""


class Violation(NamedTuple):
    """A broken invariant: its name, and the figures that break it."""

    rule: str
    figures: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.figures}"


def violations(
    numbers: _Numbers,
    latent_size: int | None = None,
    sentences: int | None = None,
    target_rate: float | None = None,
    rounding: float | None = None,
) -> list[Violation]:
    """Return the invariants that the numbers of one split break; a rule whose metrics are absent is not asked.

    `sentences` is N of the split, else the metric of that name. `target_rate` is λ of a method that holds the
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
            found += _information(numbers, count, latent_size)
    return [violation for violation in found if violation is not None]


def information_noise(sentences: int, error: float = 0.0) -> float:
    """Return by how much the mutual information's estimate may leave its bounds by chance, nats.

    It is the mean over N sentences of log q(z|x)/q(z), one independent z each. The mean over sentences of
    E[q(z)/q(z|x)] is 1, so by Markov's inequality the estimate lies below −t with a chance of at most exp(−N t),
    whatever the posteriors: RARE/N is passed as rarely as ERRORS standard errors. Above, it strays from what it
    estimates by the standard error of its sampling, which is at most that over sentences, `error`.
    """
    return ERRORS * error + RARE / sentences


def entropy_noise(latent_size: int, sentences: int) -> float:
    """Return the same for the authors' estimate, which takes the entropy of q(z|x) exactly.

    Its noise is that of log q(z): for a Gaussian of n_z units the variance of one log density is n_z/2.
    """
    return ERRORS * math.sqrt(latent_size / 2 / sentences)


def _parts(numbers: _Numbers, rounding: float | None) -> Violation | None:
    if known := _known(numbers, "neg_elbo", "reconstruction", "kl"):
        neg_elbo, reconstruction, kl = known
        allowed = ROUNDING * max(1.0, abs(neg_elbo)) if rounding is None else rounding
        if abs(neg_elbo - reconstruction - kl) > allowed:
            figures = f"{neg_elbo:.6g} against {reconstruction:.6g} + {kl:.6g} = {reconstruction + kl:.6g}"
            return Violation("-ELBO = Recon + KL", figures)
    return None


def _bound(numbers: _Numbers, rounding: float | None) -> Violation | None:
    if known := _known(numbers, "nll", "neg_elbo"):
        nll, neg_elbo = known
        gap, error = _known(numbers, "elbo_gap", "elbo_gap_error") or (neg_elbo - nll, 0.0)
        allowed = ROUNDING * max(1.0, abs(nll)) if rounding is None else rounding
        if -gap > ERRORS * error + allowed:
            figures = f"{nll:.6g} > {neg_elbo:.6g}, paired standard error {error:.2g}"
            return Violation("NLL <= -ELBO", figures)
    return None


def _information(numbers: _Numbers, count: int, latent_size: int) -> Iterator[Violation]:
    """Without its standard error an estimate is the authors': the paper's, or one of an earlier version's."""
    if known := _known(numbers, "mutual_information"):
        [information], kl, error = known, numbers.get("kl"), numbers.get("mutual_information_error")
        below = above = beyond = entropy_noise(latent_size, count)
        if error is not None:
            rounding = ROUNDING * max(1.0, abs(kl or 0.0))
            below, above = information_noise(count) + rounding, information_noise(count, error) + rounding
            beyond = rounding
        if information < -below:
            yield Violation("0 <= MI", f"MI {information:.4g}, noise {below:.2g}")
        if kl is not None and information > kl + above:
            yield Violation("MI <= KL", f"KL {kl:.4g}, MI {information:.4g}, noise {above:.2g}")
        if information > math.log(count) + beyond:
            figures = f"ln {count} = {math.log(count):.4g}, MI {information:.4g}, noise {beyond:.2g}"
            yield Violation("MI <= ln N", figures)


def _rate(numbers: _Numbers, target_rate: float | None) -> Violation | None:
    kl = numbers.get("kl")
    if kl is None or target_rate is None or abs(kl - target_rate) <= RATE_TOLERANCE * target_rate:
        return None
    figures = f"KL {kl:.4g} against λ {target_rate:.4g}, allowed {RATE_TOLERANCE:.0%}"
    return Violation("FBP holds KL at λ", figures)


def _units(numbers: _Numbers, latent_size: int) -> Violation | None:
    active = numbers.get("active_units")
    if active is None or 0 <= active <= latent_size:
        return None
    return Violation("AU <= n_z", f"AU {active:g}, n_z {latent_size}")


def _known(numbers: _Numbers, *words: str) -> list[float] | None:
    values = [value for word in words if (value := numbers.get(word)) is not None]
    return values if len(values) == len(words) else None
