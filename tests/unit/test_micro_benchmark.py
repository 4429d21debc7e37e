"""The micro-benchmark itself, in this process, on a few captions."""

from pathlib import Path

import pytest

from tests.costs import small_sweep
from tests.helpers import CAPTIONS, NOWHERE
from trainables.measure.final import evaluation_batches
from trainables.text.batches import equal_length_batches
from trainables.text.corpus import load_corpus
from vae_sweep.errors import LaunchError
from vae_sweep.planning.estimate.measure import measure_plan
from vae_sweep.planning.estimate.micro_benchmark import BenchmarkJob, chosen, measure
from vae_sweep.planning.estimate.work import model_kind, planned_work, step_kind
from vae_sweep.planning.plan import make_plan

ROWS = {"lstm_lm": {}, "ae": {}, "vae": {}, "vae_fb": {}, "vae_cyclic": {}, "iwae": {}, "vae_aggressive": {}}


def test_rows_that_cost_the_same_are_measured_once(tmp_path: Path) -> None:
    plan = make_plan(small_sweep(methods=ROWS, storage={"directory": str(tmp_path)}))
    work = planned_work(plan)
    steps = {step_kind(phase, 1) for one in work for phase in one.trial.phases()}
    sizes = {model_kind(plan.spec, one.trial, 1).model.latent_size for one in work}
    assert {(s.phase.model.latent_size, s.phase.objective.kind, s.phase.training.optimizer) for s in steps} == {
        (0, "elbo", "sgd"),
        (32, "elbo", "sgd"),
        (32, "elbo", "adam"),
        (32, "iwae", "sgd"),
    }
    assert sizes == {0, 32}


def test_every_kind_of_step_and_model_is_measured(tmp_path: Path) -> None:
    plan = make_plan(small_sweep(methods=ROWS, seeds=[1], storage={"directory": str(tmp_path)}))
    work = planned_work(plan)
    job = BenchmarkJob(
        corpus=plan.spec.corpus,
        data_directory=NOWHERE,
        boundary="above",
        steps=tuple(dict.fromkeys(step_kind(phase, 1) for one in work for phase in one.trial.phases())),
        models=tuple(dict.fromkeys(model_kind(plan.spec, one.trial, 1) for one in work)),
        submitted=0,
    )
    found = measure(job, least=0.01)
    assert (len(found.steps), len(found.models)) == (4, 2)
    for step in found.steps:
        assert step.step.per_batch + step.step.per_step + step.step.per_word > 0
        assert 0 < step.step.fastest <= step.step.slowest
    _, weights = (model.weights_bytes for model in found.models)
    sgd, adam = (step.state_bytes for step in found.steps[1:3])
    assert 2 * weights < sgd < 3 * weights
    assert 4 * weights < adam < 5 * weights


def test_timed_batches_are_short_to_long_and_one_that_is_not_full() -> None:
    sentences = load_corpus(CAPTIONS, NOWHERE).splits["train"].sentences
    every = equal_length_batches(sentences, 4)
    found = chosen(every)
    assert len({batch.tokens.shape for batch in found}) == len(found)
    assert min(batch.size for batch in every) == min(batch.size for batch in found)
    assert all(batch.rows.tolist() == list(range(batch.size)) for batch in found)
    assert len(chosen(evaluation_batches(sentences[:1], "cpu"))) == 1


def test_too_many_sizes_are_refused_in_words(tmp_path: Path) -> None:
    methods = {"vae": {"model.decoder_size": {"int": [3, 40]}}}
    plan = make_plan(small_sweep(methods=methods, seeds=[1], storage={"directory": str(tmp_path)}))
    work = planned_work(plan)
    with pytest.raises(LaunchError, match=r"38 distinct sizes.*--no-estimate"):
        measure_plan(plan, work)
