"""Every member of a union of specs: its JSON comes back, and it trains."""

import math
from typing import Any, get_args

import pytest
import torch
from pydantic import BaseModel, TypeAdapter, ValidationError

from tests.helpers import MODEL, random_sentences, seeded, tiny_model
from trainables.objective.bound import Elbo, Iwae, Objective
from trainables.objective.kl import Form, FreeBits, FreeBitsTotal, KlTerm, Per, PlainKl
from trainables.objective.kl_weight import Constant, Cyclic, KlWeight, Linear
from trainables.text.batches import equal_length_batches
from trainables.training.phase import clone_state, train_epoch
from trainables.training.spec import PhaseSpec
from trainables.training.state import Counters
from trainables.training.training_spec import (
    CosineRestarts,
    LinearDecay,
    Plateau,
    PlateauState,
    Schedule,
    TrainingSpec,
)
from trainables.training.updates import Aggressive, Joint, Updates

WEIGHTS = [
    Constant(),
    Constant(weight=0.0),
    Constant(weight=0.3),
    Linear(),
    Linear(start=0.2, epochs=2.5, pace="full_batches"),
    Cyclic(),
    Cyclic(period=1.5, ratio=1.0, start=0.0),
]
FORMS: list[tuple[Form, Per]] = [("max", "sentence"), ("max", "batch"), ("mask", "sentence"), ("mask", "batch")]
TERMS = [
    PlainKl(),
    *(FreeBits(target_rate=1.5, form=form, per=per) for form, per in FORMS),
    *(FreeBitsTotal(target_rate=1.5, form=form, per=per) for form, per in FORMS),
]
SCHEDULES = [
    Plateau(),
    Plateau(patience=1, first_decay_epoch=0, decays=2, factor=0.1),
    LinearDecay(),
    LinearDecay(flat=0.0),
]
SCHEDULES += [CosineRestarts(), CosineRestarts(period=2.5)]
OBJECTIVES = [Elbo(), Elbo(kl_weight=Cyclic(), kl=FreeBits()), Iwae(), Iwae(samples=1)]
UPDATES = [Joint(), Aggressive(), Aggressive(window=2, longest=5)]
FAMILIES: list[tuple[Any, list[Any]]] = [
    (KlWeight, WEIGHTS), (KlTerm, TERMS), (Schedule, SCHEDULES), (Objective, OBJECTIVES), (Updates, UPDATES),
]  # fmt: skip
MEMBERS = [pytest.param(union, member, id=repr(member)) for union, members in FAMILIES for member in members]
BATCHES = equal_length_batches(random_sentences(1, 24), 8)


def phase(
    objective: Elbo | Iwae = Elbo(),  # noqa: B008
    schedule: Schedule = Plateau(),  # noqa: B008
    updates: Updates = Joint(),  # noqa: B008
) -> PhaseSpec:
    return PhaseSpec(
        name="vae",
        corpus_fingerprint="f",
        model=MODEL,
        objective=objective,
        updates=updates,
        training=TrainingSpec(schedule=schedule, epochs=4),
        selection="neg_elbo",
        seed=0,
    )


@pytest.mark.parametrize(("union", "members"), FAMILIES)
def test_every_member_is_tested(union: Any, members: list[BaseModel]) -> None:
    assert {type(member) for member in members} == set(get_args(get_args(union)[0]))


@pytest.mark.parametrize(("union", "member"), MEMBERS)
def test_json_comes_back(union: Any, member: BaseModel) -> None:
    adapter: TypeAdapter[BaseModel] = TypeAdapter(union)
    found = adapter.validate_json(adapter.dump_json(member))
    assert found == member
    assert type(found) is type(member)


@pytest.mark.parametrize(("union", "member"), MEMBERS)
def test_an_unknown_key_or_kind_is_refused(union: Any, member: BaseModel) -> None:
    adapter: TypeAdapter[BaseModel] = TypeAdapter(union)
    for change in ({"surprise": 1}, {"kind": "surprise"}):
        with pytest.raises(ValidationError):
            adapter.validate_python(member.model_dump() | change)


@pytest.mark.parametrize("weight", WEIGHTS, ids=repr)
@pytest.mark.parametrize("term", TERMS, ids=repr)
def test_loss_and_gradient_are_finite(weight: KlWeight, term: KlTerm) -> None:
    check_learning(Elbo(kl_weight=weight, kl=term))


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
def test_every_objective_is_finite_and_teaches_every_parameter(objective: Elbo | Iwae) -> None:
    check_learning(objective)


def check_learning(objective: Elbo | Iwae) -> None:
    model = tiny_model()
    for batch in BATCHES:
        noise = torch.randn(objective.noise_shape(batch.size, MODEL.latent_size), generator=seeded(0))
        loss = objective(model, batch, objective.weight(1.5), noise, seeded(1))
        assert all(math.isfinite(float(part.detach())) for part in (loss.loss, loss.reconstruction, loss.kl))
        model.zero_grad()
        loss.loss.backward()  # type: ignore[no-untyped-call]
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert bool(parameter.grad.isfinite().all()), name
            assert bool(parameter.grad.any()), f"{name} learns nothing"


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_a_schedule_drives_an_epoch(schedule: Schedule) -> None:
    model, spec = tiny_model(), phase(schedule=schedule)
    before = model.decoder.output.weight.detach().clone()
    numbers = train_epoch(spec, model, spec.training.build(model.parameters()), BATCHES, Counters())
    assert 0 < numbers["train/learning_rate"] <= spec.training.learning_rate
    assert all(math.isfinite(number) for number in numbers.values())
    assert not torch.equal(model.decoder.output.weight, before)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_a_schedules_state_comes_back(schedule: Schedule) -> None:
    state = PlateauState()
    for epoch, loss in enumerate([3.0, 2.0, 2.5, 2.6, 2.7]):
        state, _ = schedule.after(loss, epoch, state)
        assert PlateauState.model_validate_json(state.model_dump_json()) == state
        assert isinstance(schedule.done(state), bool)


@pytest.mark.parametrize("weight", WEIGHTS, ids=repr)
@pytest.mark.parametrize("term", TERMS, ids=repr)
def test_a_phase_comes_back_with_its_key(weight: KlWeight, term: KlTerm) -> None:
    check_key(phase(Elbo(kl_weight=weight, kl=term), LinearDecay()))


@pytest.mark.parametrize("updates", UPDATES, ids=repr)
@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
def test_a_phase_with_updates_comes_back_and_trains(objective: Elbo | Iwae, updates: Updates) -> None:
    spec, model = phase(objective, updates=updates), tiny_model()
    check_key(spec)
    before = clone_state(model)
    numbers = train_epoch(spec, model, spec.training.build(model.parameters()), BATCHES, Counters())
    assert all(math.isfinite(number) for number in numbers.values())
    assert [name for name, tensor in model.state_dict().items() if torch.equal(tensor, before[name])] == []


def check_key(spec: PhaseSpec) -> None:
    found = PhaseSpec.model_validate_json(spec.model_dump_json())
    assert found == spec
    assert found.key() == spec.key()
