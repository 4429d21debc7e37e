"""Schedules of the learning rate traced by hand; the optimizer."""

import math

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam

from trainables.training.training_spec import (
    CosineRestarts,
    LinearDecay,
    Plateau,
    PlateauState,
    TrainingOverride,
    TrainingSpec,
)


def trace(schedule: Plateau, losses: list[float]) -> list[tuple[float | None, int, int, bool]]:
    """(reference, epochs not improved, decays, decay now) after each epoch."""
    state, found = PlateauState(), []
    for epoch, loss in enumerate(losses):
        state, decayed = schedule.after(loss, epoch, state)
        found.append((state.reference, state.not_improved, state.decays, decayed))
    return found


def test_plateau_by_hand() -> None:
    schedule = Plateau(patience=2, first_decay_epoch=3, decays=2)
    assert trace(schedule, [10, 11, 12, 10.5, 10.5, 10.6, 10.4, 10.5, 10.45]) == [
        (10, 0, 0, False),
        (10, 1, 0, False),
        (10, 2, 0, False),  # patience is over, but epoch 2 comes before first_decay_epoch
        (10.5, 0, 1, True),  # the counter went on, so the decay falls at once; the reference is this worse loss
        (10.5, 0, 1, False),  # equal is not worse
        (10.5, 1, 1, False),
        (10.4, 0, 1, False),
        (10.4, 1, 1, False),
        (10.45, 0, 2, True),
    ]


def test_plateau_compares_with_the_best_since_the_last_decay() -> None:
    schedule = Plateau(patience=2, first_decay_epoch=0)
    assert trace(schedule, [10, 12, 11]) == [(10, 0, 0, False), (10, 1, 0, False), (11, 0, 1, True)]


def test_plateau_waits_for_its_patience() -> None:
    schedule = Plateau(patience=3, first_decay_epoch=0)
    assert [decayed for *_, decayed in trace(schedule, [1, 2, 2, 2, 3, 3, 3])] == [
        False, False, False, True, False, False, True,
    ]  # fmt: skip


def test_the_papers_plateau_may_decay_at_epoch_15_and_not_before() -> None:
    losses = [1.0] + [2.0] * 16
    decayed = [now for *_, now in trace(Plateau(), losses)]
    assert decayed.index(True) == 15
    assert sum(decayed) == 1


def test_the_first_loss_is_an_improvement_however_long_the_documents() -> None:
    """The authors start from 1e4: documents that cost more lose half their rate while they still improve."""
    losses = [20_000.0 - epoch for epoch in range(17)]
    assert not any(now for *_, now in trace(Plateau(), losses))
    theirs = trace(Plateau(first_reference=1e4), losses)
    assert theirs[0] == (1e4, 1, 0, False)
    assert [now for *_, now in theirs].index(True) == 15


def test_plateau_halves_and_stops() -> None:
    schedule = Plateau(decays=2)
    rates = [schedule.rate(0.8, 3.5, 100, PlateauState(decays=n)) for n in range(3)]
    assert rates == pytest.approx([0.8, 0.4, 0.2])
    assert [schedule.done(PlateauState(decays=n)) for n in range(4)] == [False, False, True, True]
    assert Plateau(factor=0.1).rate(1.0, 0, 10, PlateauState(decays=2)) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("flat", "expected"),
    [
        (0.5, [2.0, 2.0, 2.0, 1.0, 0.0]),
        (0.0, [2.0, 1.6, 1.0, 0.5, 0.0]),
        (1.0, [2.0, 2.0, 2.0, 2.0, 2.0]),
    ],
)
def test_tail(flat: float, expected: list[float]) -> None:
    schedule = LinearDecay(flat=flat)
    assert [schedule.rate(2.0, epoch, 10, PlateauState()) for epoch in (0, 2, 5, 7.5, 10)] == pytest.approx(
        expected
    )


def test_tail_never_decays_and_never_stops() -> None:
    state = PlateauState(reference=1.0, not_improved=7, decays=9)
    assert LinearDecay().after(5.0, 40, state) == (state, False)
    assert not LinearDecay().done(state)


def test_cosine_restarts() -> None:
    """Whole epochs from the full rate; a cycle of 4 halves it at its third epoch and starts again at its fifth."""
    schedule = CosineRestarts(period=4)
    rates = [schedule.rate(0.2, epoch, 100, PlateauState()) for epoch in (0, 0.9, 1, 2, 2.5, 3, 4, 6, 8)]
    low, high = 0.1 * (1 - math.sqrt(0.5)), 0.1 * (1 + math.sqrt(0.5))
    assert rates == pytest.approx([0.2, 0.2, high, 0.1, 0.1, low, 0.2, 0.1, 0.2])
    assert schedule.after(5.0, 40, PlateauState(decays=3)) == (PlateauState(decays=3), False)
    assert not schedule.done(PlateauState(decays=9))


def test_what_a_method_brings_overrides_the_sweeps_training() -> None:
    own = TrainingOverride(optimizer="adam", learning_rate=1e-3, schedule=CosineRestarts(period=3))
    found = own.over(TrainingSpec(learning_rate=0.7, epochs=9, batch_size=4, clip=2.0))
    assert found == TrainingSpec(
        optimizer="adam", learning_rate=1e-3, schedule=CosineRestarts(period=3), epochs=9, batch_size=4, clip=2.0
    )


def test_build() -> None:
    parameter = nn.Parameter(torch.tensor([1.0]))
    sgd, adam = TrainingSpec().build([parameter]), TrainingSpec(optimizer="adam").build([parameter])
    assert isinstance(sgd, SGD)
    assert isinstance(adam, Adam)
    for optimizer in (sgd, adam):
        assert optimizer.state == {}
        assert optimizer.param_groups[0]["lr"] == 0.5
    parameter.grad = torch.tensor([0.5])
    sgd.step()
    assert parameter.item() == 0.75, "plain SGD: no momentum, no weight decay"


def test_the_defaults_are_the_papers() -> None:
    training = TrainingSpec()
    assert (training.optimizer, training.learning_rate, training.clip) == ("sgd", 0.5, 5.0)
    assert (training.epochs, training.batch_size) == (100, 32)
    assert training.schedule == Plateau(patience=2, first_decay_epoch=15, decays=5, factor=0.5)
