"""Costs: what each part of a trial takes, from measured rates and the corpus's own lengths; pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trainables.measure.final import EVALUATION_BATCH, spread
from trainables.objective.bound import Iwae
from trainables.text.spec import SplitName
from trainables.training.spec import PhaseSpec
from vae_sweep.planning.estimate.micro_benchmark import Measurements, ModelCost, ModelKind, StepCost, StepKind
from vae_sweep.planning.estimate.rates import NOTHING, Lengths, Span, load_of, widest
from vae_sweep.planning.estimate.work import (
    Work,
    decoder_passes,
    earliest_stop,
    model_kind,
    passes,
    step_kind,
)
from vae_sweep.planning.plan import Plan

SAVES = Span(1, 2)
"""How often an epoch's state is written: aside, and copied to storage, which may cost less."""


@dataclass(frozen=True)
class TrialTask:
    """A trial's own seconds, and those of its pretraining; the first trial of a `shared` name trains it."""

    own: Span
    pretraining: Span = NOTHING
    shared: str | None = None

    @property
    def alone(self) -> Span:
        """Return what the trial takes where it trains its pretraining."""
        return self.own + self.pretraining


@dataclass(frozen=True)
class TaskCosts:
    """Measurements of every process, found again by what they measured; `load` is the machine's before them."""

    plan: Plan
    measured: Sequence[Measurements]
    steps: Sequence[StepKind]
    models: Sequence[ModelKind]
    load: float

    @cached_property
    def lengths(self) -> dict[SplitName, Lengths]:
        """Return the scored length of every sentence."""
        splits = self.plan.corpus.splits
        return {name: np.array([len(one) - 1 for one in split.sentences]) for name, split in splits.items()}

    def start(self) -> Span:
        """Seconds until a process is up."""
        return _ends([one.start for one in self.measured])

    def corpus(self) -> Span:
        """Seconds in which a trial reads the corpus."""
        return _ends([one.corpus for one in self.measured])

    def step(self, phase: PhaseSpec, threads: int) -> list[StepCost]:
        """Return what a phase's step costs."""
        place = self.steps.index(step_kind(phase, threads))
        return [one.steps[place] for one in self.measured]

    def model(self, work: Work) -> list[ModelCost]:
        """Return what measuring a trial's model costs."""
        place = self.models.index(model_kind(self.plan.spec, work.trial, self.threads(work)))
        return [one.models[place] for one in self.measured]

    def threads(self, work: Work) -> int:
        return self.plan.shares[work.trial.method.name].threads


def task_of(costs: TaskCosts, work: Work) -> TrialTask:
    """Return what a trial takes: its phases, each epoch measured and saved, and its last evaluation."""
    own = costs.corpus() + _final(costs, work)
    pretraining = NOTHING
    for phase in work.trial.phases():
        seconds = _phase(costs, work, phase)
        if work.shared is not None and phase.name == "pretrain":
            pretraining = NOTHING if work.stored else seconds
        else:
            own += seconds
    return TrialTask(own, pretraining, work.shared)


def _phase(costs: TaskCosts, work: Work, phase: PhaseSpec) -> Span:
    steps = costs.step(phase, costs.threads(work))
    fewest, most = earliest_stop(phase.training), phase.training.epochs
    load = load_of(costs.lengths["train"], phase.training.batch_size)
    trained = widest([one.step for one in steps], load).times(*passes(phase.updates, fewest, most))
    copies = 1 if phase.name == "pretrain" and work.shared is not None else 0
    save = _ends([one.save for one in steps])
    saved = Span(save.low * (SAVES.low + copies), save.high * (SAVES.high + copies))
    return trained + (_look(costs, work, "validation", None) + _bound(costs, work, phase) + saved).times(
        fewest, most
    )


def _final(costs: TaskCosts, work: Work) -> Span:
    """Return what the evaluation that ends a trial takes, its page of samples included."""
    asked = work.trial.evaluation.search_sentences
    pages = _ends([one.page for one in costs.model(work)])
    return pages + _look(costs, work, "validation", asked) + _weigh(costs, work, "validation", asked)


def score_of(costs: TaskCosts, work: Work) -> Span:
    """Return what scoring a trial's test split takes."""
    asked = work.trial.evaluation.final_sentences
    return costs.corpus() + _look(costs, work, "test", asked) + _weigh(costs, work, "test", asked)


def _look(costs: TaskCosts, work: Work, split: SplitName, asked: int | None) -> Span:
    """Return the seconds of bound and mutual information; the latter grows with the square of the sentences."""
    lengths = _asked(costs, split, asked)
    found = costs.model(work)
    square = (len(lengths) / len(costs.lengths["validation"])) ** 2
    pairs = _ends([one.information for one in found]).times(square, square)
    return widest([one.bound for one in found], load_of(lengths, EVALUATION_BATCH)) + pairs


def _weigh(costs: TaskCosts, work: Work, split: SplitName, asked: int | None) -> Span:
    fewest, most = decoder_passes(work.trial, split)
    if not most:
        return NOTHING
    rates, lengths = [one.importance for one in costs.model(work)], _asked(costs, split, asked)
    low, high = (widest(rates, load_of(lengths, EVALUATION_BATCH, count)) for count in (fewest, most))
    return Span(low.low, high.high)


def _bound(costs: TaskCosts, work: Work, phase: PhaseSpec) -> Span:
    """Return the seconds of the bound by which an epoch is selected, where that is not the ELBO."""
    if phase.selection != "iw_bound" or not isinstance(phase.objective, Iwae):
        return NOTHING
    load = load_of(costs.lengths["validation"], EVALUATION_BATCH, phase.objective.samples)
    return widest([one.importance for one in costs.model(work)], load)


def _asked(costs: TaskCosts, split: SplitName, asked: int | None) -> Lengths:
    return costs.lengths[split][spread(len(costs.lengths[split]), asked)]


def _ends(values: Sequence[float]) -> Span:
    return Span(min(values), max(values))
