"""Every member of a union of specs: its JSON comes back, and it trains."""

import math
from typing import Any, get_args

import pytest
import torch
from pydantic import BaseModel, TypeAdapter, ValidationError

from tests.helpers import MODEL, random_sentences, seeded, tiny_model
from trainables.objective.bound import Elbo
from trainables.objective.kl import Form, FreeBits, FreeBitsTotal, KlTerm, Per, PlainKl
from trainables.objective.kl_weight import Constant, KlWeight, Linear
from trainables.text.batches import equal_length_batches
from trainables.training.descent import Course, DescentSpec, Plateau, PlateauState, Tail
from trainables.training.phase import train_epoch
from trainables.training.spec import PhaseSpec
from trainables.training.state import Counters

WEIGHTS = [Constant(), Constant(weight=0.0), Constant(weight=0.3), Linear(), Linear(start=0.2, epochs=2.5)]
FORMS: list[tuple[Form, Per]] = [("max", "sentence"), ("max", "batch"), ("mask", "sentence"), ("mask", "batch")]
TERMS = [
    PlainKl(),
    *(FreeBits(target_rate=1.5, form=form, per=per) for form, per in FORMS),
    *(FreeBitsTotal(target_rate=1.5, form=form, per=per) for form, per in FORMS),
]
COURSES = [Plateau(), Plateau(patience=1, first_decay_epoch=0, decays=2, factor=0.1), Tail(), Tail(flat=0.0)]
FAMILIES: list[tuple[Any, list[Any]]] = [(KlWeight, WEIGHTS), (KlTerm, TERMS), (Course, COURSES)]
MEMBERS = [pytest.param(union, member, id=repr(member)) for union, members in FAMILIES for member in members]
BATCHES = equal_length_batches(random_sentences(1, 24), 8)


def phase(objective: Elbo = Elbo(), course: Plateau | Tail = Plateau()) -> PhaseSpec:  # noqa: B008
    return PhaseSpec(
        name="vae",
        corpus_fingerprint="f",
        model=MODEL,
        objective=objective,
        descent=DescentSpec(course=course, epochs=4),
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
def test_loss_and_gradient_are_finite(weight: Constant | Linear, term: PlainKl | FreeBits | FreeBitsTotal) -> None:
    model, objective = tiny_model(), Elbo(kl_weight=weight, kl=term)
    for batch in BATCHES:
        noise = torch.randn(batch.size, MODEL.latent_size, generator=seeded(0))
        loss = objective(model, batch, objective.kl_weight(1.5), noise, seeded(1))
        assert all(math.isfinite(float(part.detach())) for part in (loss.loss, loss.reconstruction, loss.kl))
        model.zero_grad()
        loss.loss.backward()  # type: ignore[no-untyped-call]
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert bool(parameter.grad.isfinite().all()), name
            assert bool(parameter.grad.any()), f"{name} learns nothing"


@pytest.mark.parametrize("course", COURSES, ids=repr)
def test_a_course_drives_an_epoch(course: Plateau | Tail) -> None:
    model, spec = tiny_model(), phase(course=course)
    before = model.decoder.output.weight.detach().clone()
    numbers = train_epoch(spec, model, spec.descent.build(model.parameters()), BATCHES, Counters())
    assert 0 < numbers["train/learning_rate"] <= spec.descent.learning_rate
    assert all(math.isfinite(number) for number in numbers.values())
    assert not torch.equal(model.decoder.output.weight, before)


@pytest.mark.parametrize("course", COURSES, ids=repr)
def test_a_courses_state_comes_back(course: Plateau | Tail) -> None:
    state = PlateauState()
    for epoch, loss in enumerate([3.0, 2.0, 2.5, 2.6, 2.7]):
        state, _ = course.after(loss, epoch, state)
        assert PlateauState.model_validate_json(state.model_dump_json()) == state
        assert isinstance(course.done(state), bool)


@pytest.mark.parametrize("weight", WEIGHTS, ids=repr)
@pytest.mark.parametrize("term", TERMS, ids=repr)
def test_a_phase_comes_back_with_its_key(
    weight: Constant | Linear, term: PlainKl | FreeBits | FreeBitsTotal
) -> None:
    spec = phase(Elbo(kl_weight=weight, kl=term), Tail())
    found = PhaseSpec.model_validate_json(spec.model_dump_json())
    assert found == spec
    assert found.key() == spec.key()
