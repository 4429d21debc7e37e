"""A planned sweep of the embedded corpus with costs made by hand."""

from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.planning.estimate.costs import TaskCosts
from vae_sweep.planning.estimate.micro_benchmark import Measurements, ModelCost, StepCost
from vae_sweep.planning.estimate.rates import Rate
from vae_sweep.planning.estimate.work import Work, model_kind, planned_work, step_kind
from vae_sweep.planning.plan import Plan

FREE = Rate(per_batch=0, per_step=0, per_word=0)
A_BATCH = Rate(per_batch=1, per_step=0, per_word=0)
A_WORD = Rate(per_batch=0, per_step=0, per_word=1)


def small_sweep(**changes: object) -> SweepSpec:
    """Ten trials of three rows with two distinct pretrainings, three epochs a phase."""
    fields: dict[str, object] = {
        "name": "one",
        "corpus": {"name": "captions", "limit": {"train": 50, "validation": 5, "test": 5}},
        "training": {"epochs": 3, "schedule": {"kind": "linear_decay"}},
        "methods": {"ae": {}, "vae": {}, "ours": {"target_rate": {"choice": [2, 4, 8]}}},
        "seeds": [1, 2],
        "evaluation": {"final": "none"},
    }
    return SweepSpec.model_validate(fields | changes)


def model_cost(
    bound: Rate = FREE, importance: Rate = FREE, information: float = 0, page: float = 0, weights_bytes: int = 0
) -> ModelCost:
    """What measuring a model costs: nothing, unless said otherwise."""
    return ModelCost(
        bound=bound, importance=importance, information=information, page=page, weights_bytes=weights_bytes
    )


def costs_of(
    plan: Plan,
    step: Rate = A_BATCH,
    model: ModelCost | None = None,
    save: float = 0,
    state_bytes: int = 0,
    load: float = 0,
) -> tuple[TaskCosts, list[Work]]:
    """The plan's work, and costs under which a step takes one second and all else nothing."""
    work = planned_work(plan)
    steps = list(dict.fromkeys(step_kind(phase, 1) for one in work for phase in one.trial.phases()))
    models = list(dict.fromkeys(model_kind(plan.spec, one.trial, 1) for one in work))
    measured = Measurements(
        start=0,
        corpus=0,
        steps=(StepCost(step=step, save=save, state_bytes=state_bytes),) * len(steps),
        models=(model or model_cost(),) * len(models),
        peak_memory_mb=500,
    )
    return TaskCosts(plan, [measured], steps, models, load), work
