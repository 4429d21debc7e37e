"""Every method: what it is made of, and what a space may vary in it."""

from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from reference_pages.markdown import code, table
from trainables.base import Spec
from trainables.methods import METHODS, Method

SIGNS = {Gt: ("gt", ">"), Ge: ("ge", "≥"), Lt: ("lt", "<"), Le: ("le", "≤")}


def methods() -> str:
    """Return the table of all methods, then a section for each with its parameters."""
    headings = ("method", "in the paper", "pretrained", "objective", "updates", "in a search")
    rows = [
        (
            f"[{code(name)}](#{name})",
            method.title,
            "yes" if method.pretrain else "",
            parts_text(method.objective, short=True),
            parts_text(method.updates, short=True),
            "a reference, in grids only" if method.reference else "yes",
        )
        for name, method in METHODS.items()
    ]
    return "\n\n".join([table(headings, rows), *(_section(method) for method in METHODS.values())])


def parts_text(part: Spec, short: bool = False) -> str:
    """Return a part of a method in few words: its kind and its fields, or only those that are not the default."""
    kind = str(getattr(part, "kind", type(part).__name__)).replace("_", " ")
    fields = type(part).model_fields
    inside = [
        f"{name} {parts_text(value, short) if isinstance(value, Spec) else _plain(value)}"
        for name, value in part
        if name != "kind" and not (short and value == fields[name].default)
    ]
    return f"{kind} ({', '.join(inside)})" if inside else kind


def _section(method: Method) -> str:
    lines = [f"## {method.name}", f"{method.title}: {parts_text(method.objective)}, {parts_text(method.updates)}."]
    if method.training:
        own = ", ".join(
            f"{name} {parts_text(value) if isinstance(value, Spec) else _plain(value)}"
            for name, value in method.training
        )
        lines.append(f"It brings its own training: {own}.")
    if method.undefined_metrics:
        lines.append(f"It has no {', '.join(map(code, method.undefined_metrics))}.")
    found = method.parameters()
    if found:
        lines.append(
            table(("parameter", "value", "default", "what"), [_parameter(method, *item) for item in found.items()])
        )
    else:
        lines.append("It has no parameters of its own.")
    return "\n\n".join(lines)


def _parameter(method: Method, name: str, paths: tuple[str, ...]) -> tuple[str, str, str, str]:
    part: Any = method
    *steps, last = paths[0].split(".")
    for step in steps:
        part = getattr(part, step)
    field = type(part).model_fields[last]
    return code(name), _allowed(field), code(_plain(getattr(part, last))), field.description or ""


def _allowed(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(code(value) for value in get_args(field.annotation))
    bounds = [
        f"{sign} {getattr(bound, attribute):g}"
        for bound in field.metadata
        for attribute, sign in [SIGNS.get(type(bound), ("", ""))]
        if sign
    ]
    return " ".join([getattr(field.annotation, "__name__", str(field.annotation)), *bounds])


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
