"""Whether each name under `methods` is a method, and each of its domains fits a parameter of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError, ValidatorFunctionWrapHandler
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from trainables.base import Spec
from trainables.methods import METHODS, Method
from trainables.spec import SEARCHABLE, TrialSpec, Value
from trainables.text.spec import CorpusSpec
from vae_sweep.config.domains import FORMS, Domain, IntRange, is_range, points, samples
from vae_sweep.config.validation_messages import Where, literals, plain_message

MethodSpace = dict[str, dict[str, Domain]]
LISTABLE = 100_000
"""Most points that a method may have and still be listed."""


def checked_methods(raw: Any, handler: ValidatorFunctionWrapHandler, settings: Mapping[str, Any]) -> MethodSpace:
    """Parse `methods` and check them against METHODS and the sweep's other, sound `settings`.

    Raises ValidationError with every problem of every method.
    """
    if not isinstance(raw, dict) or not raw:
        return _parsed(raw, handler)
    problems: list[InitErrorDetails] = []
    for name, row in raw.items():
        problems += _name_problems(name, settings)
        parts = [{key: value} for key, value in row.items()] if isinstance(row, dict) and row else [row]
        sound: dict[str, Domain] = {}
        for part in parts:
            try:
                sound |= _parsed({name: part}, handler)[name]
            except ValidationError as error:
                problems += map(_again, error.errors())
        if name in METHODS:
            problems += _method_problems(name, sound, settings)
    if problems:
        raise ValidationError.from_exception_data("methods", problems)
    return _parsed(raw, handler)


def method_size(row: Mapping[str, Domain]) -> int | None:
    """Return how many points a method has, or None where a domain is continuous."""
    size = 1
    for domain in row.values():
        if isinstance(domain, IntRange):
            size *= domain.ends[1] - domain.ends[0] + 1
            continue
        values = points(domain)
        if values is None:
            return None
        size *= len(values)
    return size


def _parsed(raw: Any, handler: ValidatorFunctionWrapHandler) -> MethodSpace:
    rows: MethodSpace = handler(raw)
    return rows


def _name_problems(name: str, settings: Mapping[str, Any]) -> Iterator[InitErrorDetails]:
    if name not in METHODS:
        yield _problem((name,), name, "unknown method", allowed=METHODS)
    elif METHODS[name].reference and "search" in settings and settings["search"].kind != "grid":
        kind = settings["search"].kind
        yield _problem(
            (name,), ..., f"a reference method runs in grids only and is never drawn by {kind}; leave it out"
        )


def _method_problems(
    name: str, row: Mapping[str, Domain], settings: Mapping[str, Any]
) -> Iterator[InitErrorDetails]:
    method = METHODS[name]
    grid = "search" in settings and settings["search"].kind == "grid"
    parts = {part: settings[part] for part in SEARCHABLE if part in settings}
    template = TrialSpec(corpus=CorpusSpec(name="captions"), corpus_fingerprint="", method=method, seed=0, **parts)
    for parameter, domain in row.items():
        if parameter.partition(".")[0] in set(SEARCHABLE) - set(parts):
            continue
        problem = _place_problem(template, name, parameter)
        if problem is None:
            problem = _value_problem(template, name, parameter, domain)
        if problem is None and grid and points(domain) is None:
            text = "a grid lists its values: use {choice: [..]} or {int: [low, high]}, or another search.kind"
            problem = _problem((name, parameter), ..., text)
        if problem is not None:
            yield problem
    ranges = [name for name, domain in row.items() if is_range(domain)]
    if "search" in settings and settings["search"].kind == "fill" and len(ranges) > 1:
        text = f"fill looks along one range a method, not {' and '.join(ranges)}: list the values of the others"
        yield _problem((name,), ..., f"{text} with {{choice: [..]}}")
    size = method_size(row)
    if grid and size is not None and size > LISTABLE:
        yield _problem((name,), ..., f"a grid of {size} cells; at most {LISTABLE}, or another search.kind")


def _place_problem(template: TrialSpec, name: str, parameter: str) -> InitErrorDetails | None:
    """Say what speaks against this parameter for this method, whatever its values."""
    own, where = template.method.parameters(), (name, parameter)
    if parameter in own:
        return None
    if problem := _idle(template.method, parameter):
        return _problem(where, ..., problem)
    head, *rest = parameter.split(".")
    usable = _parts(template.method)
    if head in SEARCHABLE and head not in usable:
        lacking = "has no pretraining phase" if head == "pretraining" else "has no phase but pretraining"
        return _problem(where, ..., f"{name} {lacking}: {head} would change nothing; allowed: {', '.join(usable)}")
    if head not in SEARCHABLE or not rest:
        known = [f"{part}.{field}" for part in usable for field in type(getattr(template, part)).model_fields]
        allowed = [*own, *(f"{part}.<field>" for part in usable)]
        near = {"known": [*own, *known], "tag": parameter}
        return _problem(where, ..., "no such parameter of this method", allowed=allowed, **near)
    node: Any = getattr(template, head)
    for depth, part in enumerate(rest, start=1):
        if not isinstance(node, Spec) or part not in type(node).model_fields:
            inside = ".".join([head, *rest[: depth - 1]])
            allowed = [*type(node).model_fields] if isinstance(node, Spec) else []
            return _problem(where, ..., f"{inside} has no field {part}", allowed=allowed, tag=part)
        node = getattr(node, part)
    if isinstance(node, Spec) or rest[-1] == "kind":
        return _problem(where, ..., f"{parameter} is a choice of whole sections: set it outside methods")
    return None


def _idle(method: Method, parameter: str) -> str | None:
    """Say why a field that this method takes from elsewhere would change nothing."""
    head, _, field = parameter.partition(".")
    if method.language_model and parameter in ("model.latent_size", "model.encoder_size"):
        return f"{method.name} has a decoder alone: {parameter} would change nothing"
    if method.training and head == "training" and field.split(".")[0] in type(method.training).model_fields:
        return f"{method.name} brings its own {field.split('.')[0]}: {parameter} would change nothing"
    return None


def _parts(method: Method) -> tuple[str, ...]:
    unused = "training" if method.autoencodes else None if method.pretrain else "pretraining"
    return tuple(part for part in SEARCHABLE if part != unused)


def _value_problem(template: TrialSpec, name: str, parameter: str, domain: Domain) -> InitErrorDetails | None:
    path = template.method.parameters().get(parameter, (None,))[0]
    for inside, value in samples(domain):
        where = (name, parameter, *inside)
        try:
            result: Any = template.with_values({parameter: value})
        except ValidationError as error:
            detail = error.errors()[0]
            return _problem(where, value, plain_message(detail), known=literals(detail))
        for part in (f"method.{path}" if path else parameter).split("."):
            result = getattr(result, part)
        if not _same_kind(value, result):
            expected = "text" if isinstance(result, str) else "a number"
            if isinstance(value, float) and isinstance(result, int):
                expected = "a whole number, or {int: [low, high]}"
            return _problem(where, value, f"expected {expected}")
    return None


def _same_kind(given: Value, taken: Value) -> bool:
    """Say whether a value went in as what it is: no text or truth value read as a number, no fraction cut."""
    if isinstance(given, bool | str) or isinstance(taken, bool | str):
        return type(given) is type(taken)
    return isinstance(given, int) or isinstance(taken, float)


def _again(detail: ErrorDetails) -> InitErrorDetails:
    context = detail.get("ctx", {})
    known = detail["type"] != "domain"
    kind = detail["type"] if known else PydanticCustomError("domain", FORMS)
    return InitErrorDetails(type=kind, loc=detail["loc"], input=detail["input"], ctx=context)


def _problem(where: Where, value: Any, text: str, allowed: Any = (), **context: Any) -> InitErrorDetails:
    plain_message = {**context, "text": text, "allowed": list(allowed)}
    return InitErrorDetails(type=PydanticCustomError("space", "{text}", plain_message), loc=where, input=value)
