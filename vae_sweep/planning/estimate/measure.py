"""Measuring a plan: processes of the micro-benchmark side by side, as many as trials would run."""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from vae_sweep.errors import LaunchError
from vae_sweep.planning.estimate.costs import TaskCosts
from vae_sweep.planning.estimate.estimate import at_once
from vae_sweep.planning.estimate.micro_benchmark import BenchmarkJob, Measurements, as_worker, measure
from vae_sweep.planning.estimate.work import Work, model_kind, step_kind
from vae_sweep.planning.plan import Plan

MOST_KINDS = 16
"""Most distinct models and steps that are measured."""

MOST_PROCESSES = 8
"""Most processes that measure side by side."""


def measure_plan(plan: Plan, work: list[Work]) -> TaskCosts:
    """Measure what the trials' steps and evaluations cost here, each process loaded as a trial's, Ray and all.

    Raises LaunchError where there is too much to measure, or a process is lost.
    """
    threads = {method: share.threads for method, share in plan.shares.items()}
    shapes = [(one, threads[one.trial.method.name]) for one in work]
    steps = dict.fromkeys(step_kind(phase, used) for one, used in shapes for phase in one.trial.phases())
    models = dict.fromkeys(model_kind(plan.spec, one.trial, used) for one, used in shapes)
    if len(steps) > MOST_KINDS:
        raise LaunchError(
            f"no estimate: the trials have {len(steps)} distinct sizes, batches or optimizers, and at most "
            f"{MOST_KINDS} are measured; skip it with --no-estimate"
        )
    load = os.getloadavg()[0]
    job = BenchmarkJob(
        corpus=plan.spec.corpus,
        data_directory=plan.data_directory,
        boundary=plan.spec.evaluation.activity_boundary,
        steps=tuple(steps),
        models=tuple(models),
        submitted=time.monotonic(),
    )
    return TaskCosts(plan, _side_by_side(job, processes(plan)), tuple(steps), tuple(models), load)


def processes(plan: Plan) -> int:
    """Return how many processes measure side by side."""
    return min(MOST_PROCESSES, at_once(plan)[1])


def _side_by_side(job: BenchmarkJob, count: int) -> list[Measurements]:
    """Run a job in `count` fresh processes."""
    context = get_context("spawn")
    with ProcessPoolExecutor(count, context, as_worker) as pool:
        found = [pool.submit(measure, job) for _ in range(count)]
        try:
            return [one.result() for one in found]
        except BrokenProcessPool as error:
            raise LaunchError(
                f"no estimate: one of {count} measuring processes was lost, most likely for want of memory; "
                "trials may be too: let fewer run at once (resources.max_concurrent), or give --no-estimate"
            ) from error
