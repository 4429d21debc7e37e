"""Of every declared field of a trial: it changes the key of the pretraining, or it cannot change its result."""

import typing
from collections.abc import Iterator
from typing import Any, Literal, TypeVar, get_args

import pytest
from pydantic import BaseModel, ValidationError

from tests.helpers import tiny_trial
from trainables.measure.spec import RungSpec
from trainables.methods import METHODS, Method
from trainables.spec import TrialSpec, with_value
from trainables.text.spec import CorpusSpec
from trainables.training.training_spec import (
    CosineRestarts,
    LinearDecay,
    Plateau,
    Schedule,
    TrainingOverride,
    TrainingSpec,
)


def pretraining_row(name: str, **changes: Any) -> Method:
    """A row as it would be with a pretraining before it."""
    return METHODS[name].model_copy(update={"pretrain": True, **changes})


def own(schedule: Schedule) -> TrainingOverride:
    return TrainingOverride(optimizer="adam", learning_rate=0.2, schedule=schedule)


PLAIN = tiny_trial("ours")
SCHEDULES: list[Schedule] = [Plateau(), LinearDecay(), CosineRestarts()]
TRIALS = [
    PLAIN.model_copy(update={"corpus": CorpusSpec(path="/here"), "rungs": RungSpec(rungs=(1,))}),
    *(PLAIN.model_copy(update={"method": pretraining_row(name)}) for name in METHODS if name != "lstm_lm"),
    *(
        PLAIN.model_copy(
            update={
                "method": pretraining_row("ours", training=own(schedule)),
                "training": TrainingSpec(schedule=schedule),
                "pretraining": TrainingSpec(schedule=schedule),
            }
        )
        for schedule in SCHEDULES
    ),
]
SEEN = ("seed", "corpus_fingerprint", "model.", "pretraining.")
"""What the result of a pretraining depends on; the fingerprint stands for the corpus and its cut."""

KINDS = {"kind"}
"""Fields that name a class; another class has other fields, and test_keys.py tries them."""

SHAPE = {"method.pretrain", "method.language_model"}
"""Fields that say which phases there are, and of which model."""

VALUES: tuple[Any, ...] = (
    "f" * 64,
    "/elsewhere",
    "vae_fb",
    0.11,
    1.5,
    9,
    99,
    True,
    False,
    ["kl"],
    [3],
    {"rungs": [2]},
)
VALUES += (own(LinearDecay()).model_dump(mode="json"),)

Some = TypeVar("Some", bound=BaseModel)


def leaves(spec: BaseModel, above: str = "") -> Iterator[tuple[str, type[BaseModel], str]]:
    """Every field that holds no spec: its path, its class, its name."""
    for name in type(spec).model_fields:
        value = getattr(spec, name)
        if isinstance(value, BaseModel):
            yield from leaves(value, f"{above}{name}.")
        elif name not in KINDS:
            yield above + name, type(spec), name


def declared(spec: type[BaseModel]) -> set[type[BaseModel]]:
    """The class and all that its fields may hold."""
    found = {spec}
    for annotation in typing.get_type_hints(spec).values():
        for part in parts(annotation):
            if isinstance(part, type) and issubclass(part, BaseModel) and part not in found:
                found |= declared(part)
    return found


def parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from parts(inner)


def others(spec: Some, path: str, owner: type[BaseModel], name: str) -> Iterator[Some]:
    """The same spec with another valid value at a path."""
    words = [
        word for part in parts(owner.model_fields[name].annotation) if is_literal(part) for word in get_args(part)
    ]
    for value in (*words, *VALUES):
        try:
            other = type(spec).model_validate(with_value(spec.model_dump(mode="json"), path, value))
        except ValidationError:
            continue
        if other != spec:
            yield other


def is_literal(annotation: Any) -> bool:
    return typing.get_origin(annotation) is Literal


FIELDS: dict[tuple[type[BaseModel], str, str], list[TrialSpec]] = {}
for trial in TRIALS:
    for path, owner, name in leaves(trial):
        if path not in SHAPE:
            FIELDS.setdefault((owner, name, path), []).append(trial)


def test_every_declared_field_is_tested() -> None:
    classes = declared(TrialSpec)
    tested = {(owner, name) for owner, name, _ in FIELDS} | {(type(TRIALS[0].method), path[7:]) for path in SHAPE}
    assert len(classes) >= 19
    assert tested >= {
        (owner, name)
        for owner in classes
        for name, field in owner.model_fields.items()
        if name not in KINDS and not any(part in classes for part in parts(field.annotation))
    }


@pytest.mark.parametrize(("owner", "name", "path"), FIELDS, ids=lambda part: getattr(part, "__name__", part))
def test_a_field_changes_the_pretraining_or_does_not(owner: type[BaseModel], name: str, path: str) -> None:
    found = [(trial, other) for trial in FIELDS[owner, name, path] for other in others(trial, path, owner, name)]
    assert found, "no other value is known"
    for trial, other in found:
        one, another = trial.phases()[0], other.phases()[0]
        assert (one.name, another.name) == ("pretrain", "pretrain")
        assert (one.key() != another.key()) == path.startswith(SEEN), other


@pytest.mark.parametrize("trial", [*TRIALS, tiny_trial("lstm_lm")], ids=lambda trial: trial.method.name)
def test_every_field_of_every_phase_changes_its_key(trial: TrialSpec) -> None:
    for phase in trial.phases():
        for path, owner, name in leaves(phase):
            found = list(others(phase, path, owner, name))
            fixed = owner.__name__ == "LanguageModelSpec" and name in ("encoder_size", "latent_size")
            assert bool(found) != fixed, path
            for other in found:
                assert other.key() != phase.key(), path
