"""Laws of the estimate: more of anything never costs less, and the low end lies below the high."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import LAW
from trainables.training.training_spec import CosineRestarts, LinearDecay, Plateau, TrainingSpec
from trainables.training.updates import Aggressive, Joint
from vae_sweep.planning.estimate.estimate import makespan
from vae_sweep.planning.estimate.rates import Load, fit, load_of
from vae_sweep.planning.estimate.work import earliest_stop, passes

SECONDS = st.floats(0, 100)
TASKS = st.lists(st.tuples(SECONDS, st.sampled_from([None, "a", "b"])), min_size=1, max_size=8)
SLOTS = st.integers(1, 4)
LENGTHS = st.lists(st.integers(1, 20), min_size=1, max_size=40)
SCHEDULES = st.one_of(
    st.builds(
        Plateau,
        patience=st.integers(1, 4),
        first_decay_epoch=st.integers(0, 9),
        decays=st.integers(1, 4),
    ),
    st.just(LinearDecay()),
    st.just(CosineRestarts()),
)
UPDATES = st.one_of(st.just(Joint()), st.builds(Aggressive, window=st.integers(1, 9), longest=st.integers(1, 30)))


@LAW
@given(TASKS, SECONDS, SECONDS, st.lists(SECONDS, min_size=8, max_size=8), SLOTS)
def test_longer_tasks_never_end_a_sweep_sooner(
    tasks: list[tuple[float, str | None]], pretraining: float, longer: float, added: list[float], slots: int
) -> None:
    before = [(own, pretraining, shared) for own, shared in tasks]
    after = [(own + more, pretraining + longer, shared) for (own, shared), more in zip(tasks, added, strict=False)]
    assert makespan(before, slots) <= makespan(after, slots) + 1e-9
    assert makespan(before, slots + 1) <= makespan(before, slots) + 1e-9
    assert makespan(before[:-1] or before, slots) <= makespan(before, slots) + 1e-9


@LAW
@given(LENGTHS, st.integers(1, 20), st.integers(1, 8))
def test_another_sentence_never_costs_less(lengths: list[int], another: int, batch_size: int) -> None:
    less, more = (load_of(np.array(found), batch_size) for found in (lengths, [*lengths, another]))
    assert less.batches <= more.batches
    assert less.steps <= more.steps
    assert less.words + another == more.words


@LAW
@given(st.lists(st.lists(st.floats(0.001, 10), min_size=4, max_size=4), min_size=1, max_size=5))
def test_a_rate_is_never_negative_and_low_never_above_high(rounds: list[list[float]]) -> None:
    sizes = ((1, 4, 32), (1, 9, 288), (1, 20, 640), (1, 9, 9))
    rate = fit([Load(batches=b, steps=s, words=w) for b, s, w in sizes], rounds)
    assert min(rate.per_batch, rate.per_step, rate.per_word) >= 0
    span = rate.seconds(Load(batches=3, steps=30, words=700))
    assert 0 <= span.low <= span.high


@LAW
@given(SCHEDULES, UPDATES, st.integers(1, 60))
def test_more_epochs_never_cost_less(
    schedule: Plateau | LinearDecay | CosineRestarts, updates: Joint | Aggressive, epochs: int
) -> None:
    spans = []
    for most in (epochs, epochs + 1):
        fewest = earliest_stop(TrainingSpec(schedule=schedule, epochs=most))
        assert 1 <= fewest <= most
        spans.append(passes(updates, fewest, most))
    (low, high), (more_low, more_high) = spans
    assert low <= more_low
    assert high <= more_high
    assert low <= high
