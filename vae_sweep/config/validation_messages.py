"""What pydantic finds, as messages with the line of the sweep file."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from trainables.former_keys import todays_name

Where = tuple[str | int, ...]
SourceLocation = tuple[str, int]
"""A file and its line from 1; line 0 where the first part says it all."""

WHOLE_NUMBER, NUMBER = "expected a whole number", "expected a number"
TEXT, FIELDS = "expected text", "expected fields below it"
_MESSAGES = {
    "int_type": WHOLE_NUMBER,
    "int_parsing": WHOLE_NUMBER,
    "int_from_float": WHOLE_NUMBER,
    "float_type": NUMBER,
    "float_parsing": NUMBER,
    "finite_number": "expected a finite number",
    "bool_type": "expected true or false",
    "string_type": TEXT,
    "tuple_type": "expected a list [..]",
    "dict_type": FIELDS,
    "model_type": FIELDS,
    "model_attributes_type": FIELDS,
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "too_short": "must not be empty",
    "too_long": "takes at most {max_length} of them",
    "string_too_short": "must not be empty",
    "string_too_long": "takes at most {max_length} characters",
    "missing": "required, but not given",
    "extra_forbidden": "unknown key",
    "union_tag_not_found": "needs kind",
    "union_tag_invalid": "unknown kind",
}
PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^/@]+(?=@)")
"""The user and the password of a URL."""

_ABSENT = ("missing", "value_error", "space")
"""Types that may speak of a key that the file does not hold."""


def plain_message(detail: ErrorDetails) -> str:
    """Return what is wrong, in plain words."""
    context = detail.get("ctx", {})
    if detail["type"] == "literal_error":
        allowed = literals(detail)
        return f"expected {allowed[0]}" if len(allowed) == 1 else f"expected one of {', '.join(allowed)}"
    if detail["type"] not in _MESSAGES:
        return detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing" and isinstance(detail["loc"][-1], int):
        return "needs both ends: [low, high]"
    text = _MESSAGES[detail["type"]].format_map(context)
    got = detail["input"]
    if text in (WHOLE_NUMBER, NUMBER) and isinstance(got, str) and re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", got):
        return f"{text} without quotes"
    if text == FIELDS and got is None:
        return f"{text}, or leave the key out"
    return f"{text} in quotes" if text == TEXT and isinstance(got, int | float) else text


def format_value(value: Any) -> str:
    """Return a value as it would stand in the file, a password masked; empty for lists, mappings and objects."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(PASSWORD.sub(r"\1:***", value))
    return repr(value) if isinstance(value, int | float) else ""


def closest_word(asked: str, known: Sequence[str]) -> str | None:
    """Return the known name closest to the one asked for: that of today, the same last part, or a likely slip."""
    if (today := todays_name(asked)) != asked and today in known:
        return today
    same = [name for name in known if name.rpartition(".")[2] == asked]
    return next(iter(same or difflib.get_close_matches(asked, known, 1)), None)


def locate_errors(
    error: ValidationError,
    values: dict[str, Any],
    places: Mapping[Where, SourceLocation],
    schema: dict[str, Any],
    file: str,
) -> Iterator[tuple[SourceLocation, str]]:
    """Yield each problem of a sweep file with its place; `values` are the file's, `schema` what it may hold."""
    found = [detail for detail in error.errors() if detail["type"] != "too_short" or not detail["input"]]
    details = [(in_file(detail, values), detail) for detail in found]
    in_training = {detail["loc"]: detail["msg"] for path, detail in details if path[:1] == ("training",)}
    for path, group in groupby(details, key=lambda pair: pair[0]):
        alternatives = [detail for _, detail in group if not _inherited(detail, path, places, in_training)]
        if alternatives:
            place = next((places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in places), (file, 0))
            yield place, f"{dotted(path) or 'file'}: {_text(alternatives, schema, path in places)}"


def _inherited(
    detail: ErrorDetails, path: Where, places: Mapping[Where, SourceLocation], in_training: Mapping[Where, str]
) -> bool:
    """Say whether a problem of `pretraining` only repeats one of `training`, whose fields it takes over."""
    head, *rest = detail["loc"] or ("",)
    there = in_training.get(("training", *rest))
    if head != "pretraining" or there is None:
        return False
    own = path in places and len(path) > 1
    return not own or (detail["type"].startswith("union_tag") and detail["msg"] == there)


def dotted(path: Where) -> str:
    """Return a path as it is written in messages and in `--set`."""
    return ".".join(str(part) for part in path)


def in_file(detail: ErrorDetails, values: dict[str, Any]) -> Where:
    """Return the path in the file of a pydantic location, which also names members of unions.

    The fourth part under `methods` names the kind of a domain, and so reads like one of its keys.
    """
    path: list[str | int] = []
    node: Any = values
    for number, part in enumerate(detail["loc"], start=1):
        if len(path) == 3 and number == 4 and path[0] == "methods" and detail["type"] != "space":
            continue
        key = isinstance(node, dict) and part in node
        index = isinstance(node, list | tuple) and isinstance(part, int) and part < len(node)
        last = number == len(detail["loc"])
        if key or index:
            node = node[part]
        elif not last or detail["type"] not in _ABSENT or not isinstance(node, dict):
            continue
        path.append(part)
    if detail["type"] == "union_tag_invalid":
        path.append("kind")
    return tuple(path)


def _text(alternatives: list[ErrorDetails], schema: dict[str, Any], given: bool) -> str:
    detail = alternatives[0]
    said = list(dict.fromkeys(plain_message(alternative) for alternative in alternatives))
    if NUMBER in said and WHOLE_NUMBER in said:
        said.remove(WHOLE_NUMBER)
    message = " or ".join([said[0], *(text.removeprefix("expected ") for text in said[1:])])
    context = detail.get("ctx", {})
    allowed = list(context.get("allowed", ()))
    known = [*context.get("known", ()), *(word for each in alternatives for word in literals(each))]
    asked = str(context.get("tag", detail["input"]))
    if detail["type"] == "extra_forbidden":
        asked, allowed = str(detail["loc"][-1]), fields(detail["loc"][:-1], schema)
        known = [*allowed, *sections(schema)]
    elif detail["type"].startswith("union_tag"):
        allowed = kinds(detail["loc"], schema)
    got = repr(context["tag"]) if detail["type"] == "union_tag_invalid" else format_value(detail["input"])
    if got and given and detail["type"] != "extra_forbidden":
        message += f" (got {got})"
    if allowed:
        message += f"; allowed: {', '.join(allowed)}"
    near = closest_word(asked, [*allowed, *known])
    return f"{message}; did you mean {near}?" if near else message


def literals(detail: ErrorDetails) -> list[str]:
    """Return the literals that pydantic would have taken, empty where it wanted something else."""
    if detail["type"] != "literal_error":
        return []
    return re.findall(r"'([^']*)'", str(detail.get("ctx", {})["expected"]))


def fields(loc: Where, schema: dict[str, Any]) -> list[str]:
    """Return the keys that the schema allows at a pydantic location, sorted."""
    return sorted(_resolved(_node(loc, schema), schema).get("properties", {}))


def sections(schema: dict[str, Any]) -> list[str]:
    """Return `section.field` for all that stands one level below the top."""
    found = ((name, _resolved(node, schema)) for name, node in schema["properties"].items())
    return [f"{name}.{field}" for name, node in found for field in node.get("properties", {})]


def kinds(loc: Where, schema: dict[str, Any]) -> list[str]:
    """Return the kinds among which a location's `kind` chooses."""
    return sorted(_resolved(_node(loc, schema), schema).get("discriminator", {}).get("mapping", {}))


def _node(loc: Where, schema: dict[str, Any]) -> dict[str, Any]:
    node = schema
    for part in loc:
        node = _resolved(node, schema)
        mapping = node.get("discriminator", {}).get("mapping", {})
        members = [_resolved(member, schema) for member in node.get("oneOf", node.get("anyOf", ()))]
        tagged = [member for member in members if part in member.get("properties", {})]
        if part in mapping:
            node = {"$ref": mapping[part]}
        elif tagged:
            node = tagged[0]
        else:
            inner = node.get("properties", {}).get(part) or node.get("additionalProperties") or node.get("items")
            node = inner if isinstance(inner, dict) else {}
    return node


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node
