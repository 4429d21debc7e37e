"""Whether a model ignores its code, at a rung or at the end: three numbers that must agree, and why in words."""

from collections.abc import Mapping

LEAST_INFORMATION = 0.1
"""Nats: less mutual information than this is that of an unused code. An exactly collapsed posterior has 0, a code
of 0.3 nats seldom less than 0.15 on 200 sentences."""

LEAST_KL = 0.5
"""Nats: what a code costs that may carry something, where no target rate is paid anyway."""

RATE_SLACK = 1.1
"""A KL of up to so many times λ is what free bits ask for, whether the code is used or not."""


def collapse(numbers: Mapping[str, float], units: int, target_rate: float | None) -> str | None:
    """Return why a model with these validation numbers is collapsed, None where it is not.

    Collapsed: no active unit, mutual information below LEAST_INFORMATION, and a KL that buys nothing: below
    LEAST_KL nats or, under free bits, no more than the target rate λ, which is paid also for a code that nothing
    uses (paper, section 2.2). A method without these metrics is never collapsed.
    """
    found = [numbers.get(f"validation/{metric}") for metric in ("active_units", "mutual_information", "kl")]
    active, information, kl = found
    if active is None or information is None or kl is None:
        return None
    most = LEAST_KL if target_rate is None else max(LEAST_KL, RATE_SLACK * target_rate)
    if active > 0 or information >= LEAST_INFORMATION or kl >= most:
        return None
    paid = "" if target_rate is None else f" of the λ = {target_rate:g} that its objective pays anyway"
    return (
        f"none of {units} units is active, the mutual information is {information:.2f} nats (below "
        f"{LEAST_INFORMATION:g}), the KL {kl:.2f} nats{paid}: the decoder ignores z"
    )
