"""Every field of a sweep file, from its JSON Schema and from what a file without it comes to."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reference_pages.markdown import code, free, link, table
from vae_sweep.config.reader import json_schema
from vae_sweep.config.sweep_spec import SweepSpec

Schema = Mapping[str, Any]
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
COUNTS = {"minItems": "at least {}", "minLength": "at least {} letter"}
TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "`null`",
}
DOMAINS = ("Choice", "IntRange", "FloatRange", "LogRange")
LEAST = {"name": "least", "corpus": {"name": "captions"}, "methods": {"vae": None}}
"""The shortest file; what it leaves out is as the defaults say."""


def domains() -> str:
    """Return the forms that a method's parameter may take in a space."""
    parts = json_schema()["$defs"]
    rows = [("a value", "That value alone.")]
    for name in DOMAINS:
        [(key, field)] = parts[name]["properties"].items()
        shape = "[low, high]" if field.get("maxItems") == 2 else "[…]"
        rows.append((code(f"{{{key}: {shape}}}"), parts[name]["description"]))
    return table(("form", "what"), rows)


def sweep_file() -> str:
    """Return a section for the top of the file and one for each section below it, by its dotted path."""
    schema = json_schema()
    return "\n\n".join(Page(schema["$defs"]).sections("The file", schema, "", _defaults()))


def _defaults() -> dict[str, Any]:
    values = SweepSpec.model_validate(LEAST).model_dump(mode="json", by_alias=True)
    del values["name"], values["methods"], values["corpus"]["name"]
    return values


@dataclass
class Page:
    """Writes sections; a part that stands under two names is written once, and the second is a link to it."""

    parts: Schema
    titles: dict[str, str] = field(default_factory=dict)

    def sections(self, title: str, part: Schema, path: str, values: Schema) -> list[str]:
        """Return the section of a part, then those of what it holds; `values` are the defaults known of it."""
        fields = {name: each for name, each in part["properties"].items() if "const" not in each}
        below = [
            text for name, each in fields.items() for text in self._below(path + name, each, values.get(name))
        ]
        rows = [
            (
                code(name),
                self._allowed(each),
                _default(values.get(name, each.get("default", ""))),
                free(about(each)),
            )
            for name, each in fields.items()
        ]
        said = free(about(part)) if path else "At the top of the file."
        written = table(("field", "what it may be", "default", "what"), rows)
        return [f"## {free(title)}\n\n{said}\n\n{written}", *below]

    def _below(self, path: str, each: Schema, values: Any) -> Iterator[str]:
        for name in (branch["$ref"].rpartition("/")[2] for branch in _branches(each) if "$ref" in branch):
            inner = self.parts[name]
            if name in self.titles or "properties" not in inner:
                continue
            kind = inner["properties"].get("kind", {}).get("const")
            self.titles[name] = f"{path}: {kind}" if kind else path
            known = values if isinstance(values, Mapping) and values.get("kind") == kind else {}
            yield from self.sections(self.titles[name], inner, f"{path}.", known)

    def _allowed(self, each: Schema) -> str:
        if "minProperties" in each:
            return "[methods](methods.md), each with its parameters"
        row = "a method, then " if isinstance(each.get("additionalProperties"), Mapping) else ""
        return row + " or ".join(dict.fromkeys(map(self._kind, _branches(each))))

    def _kind(self, each: Schema) -> str:
        if "$ref" in each:
            title = self.titles[each["$ref"].rpartition("/")[2]]
            return link(title, title)
        if "const" in each:
            return code(each["const"])
        if "enum" in each:
            return ", ".join(map(code, each["enum"]))
        if each.get("type") == "array":
            return f"a list of: {self._kind(each['items'])}{_limits(each)}"
        return TYPES[each["type"]] + _limits(each)


def about(part: Schema) -> str:
    """Return what a part says of itself, on one line."""
    return " ".join(part.get("description", "").split())


def _branches(each: Schema) -> list[Schema]:
    """Return what a field may be one of, or the field itself; of a mapping what its values are."""
    if isinstance(values := each.get("additionalProperties"), Mapping):
        return [values]
    return [*each.get("oneOf", ()), *each.get("anyOf", ())] or [each]


def _limits(each: Schema) -> str:
    bounds = " and ".join(f"{sign} {each[word]:g}" for word, sign in BOUNDS.items() if word in each)
    return f" {bounds}".rstrip() + "".join(
        f", {text.format(each[word])}" for word, text in COUNTS.items() if word in each
    )


def _default(value: Any) -> str:
    if isinstance(value, Mapping):
        return code(f"kind: {value['kind']}") if "kind" in value else ""
    return code(value if isinstance(value, str) else json.dumps(value))
