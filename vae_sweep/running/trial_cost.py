"""What a trial costs, for a search that compares cells by gain and cost."""

from collections.abc import Callable
from functools import cache

from vae_sweep.journal.history import History
from vae_sweep.monitoring.eta import measured
from vae_sweep.planning.plan import Plan
from vae_sweep.search.state import Assignment
from vae_sweep.storage.layout import store_place
from vae_sweep.storage.pretraining_entry import is_stored

TrialCostOf = Callable[[Assignment], tuple[float, float]]
"""Seconds of a trial's own training, and of the pretraining that it may share."""


def cost_of(plan: Plan, history: History) -> TrialCostOf:
    """Return what gives a trial's seconds: of its own phases, and of a pretraining that is not in the store yet.

    An epoch counts as the journal measured it for the method, else as the mean of all, else as one second.
    """
    epochs = measured(history).epochs
    usual = sum(epochs.values()) / len(epochs) if epochs else 1.0
    store = store_place(plan.spec)

    @cache
    def stored(address: str) -> bool:
        return is_stored(store / address)

    def price(wanted: Assignment) -> tuple[float, float]:
        cell, own, shared = wanted.cell, 0.0, 0.0
        for phase in plan.spec.trial(cell.method, cell.values, wanted.seed, plan.corpus.fingerprint).phases():
            first = phase.name == "pretrain"
            seconds = phase.training.epochs * epochs.get((phase.name, "" if first else cell.method), usual)
            if not first or not plan.spec.storage.share_pretraining:
                own += seconds
            elif not stored(plan.address_of(cell.method, phase)):
                shared += seconds
        return own, shared

    return price
