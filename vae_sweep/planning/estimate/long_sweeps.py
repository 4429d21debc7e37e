"""Whether a sweep takes longer on this machine than whoever launches it may expect."""

import os

from vae_sweep.formatting import DAY
from vae_sweep.planning.estimate.estimate import Estimate, estimate
from vae_sweep.planning.estimate.measure import measure_plan
from vae_sweep.planning.estimate.work import Work, planned_work
from vae_sweep.planning.plan import Plan, gpu_count

MANY_TOKENS = 20_000_000
"""Tokens of all epochs of all trials below which a sweep of any size here takes less than a day."""


def days_ahead(plan: Plan) -> Estimate | None:
    """Return the estimate of a sweep that takes more than a day on this machine at its fastest, else None.

    Only what has many tokens is measured. On a cluster, or with GPUs, this machine's cores say nothing.
    """
    if os.environ.get("RAY_ADDRESS") or gpu_count():
        return None
    work = planned_work(plan)
    if training_tokens(plan, work) < MANY_TOKENS:
        return None
    found = estimate(measure_plan(plan, work), work)
    return found if found.seconds.low > DAY else None


def training_tokens(plan: Plan, work: list[Work]) -> int:
    """Return the tokens of all epochs of all trials, a shared pretraining once."""
    tokens = sum(len(sentence) for sentence in plan.corpus.splits["train"].sentences)
    shared = {one.shared: one.trial.phases()[0].training.epochs for one in work if one.shared and not one.stored}
    own = (
        phase.training.epochs
        for one in work
        for phase in one.trial.phases()
        if not (one.shared and phase.name == "pretrain")
    )
    return tokens * (sum(shared.values()) + sum(own))
