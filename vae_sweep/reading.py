"""Reading a sweep file: YAML with `extends` and overrides, every error at once with its line."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from vae_sweep.errors import SpecError
from vae_sweep.spec import SweepSpec, merged

Path_ = tuple[str | int, ...]
WHOLE = ("methods", "seeds")
"""Keys that an extending file replaces whole instead of merging."""


@dataclass
class Source:
    """Plain values of a file and where each came from: path in the file -> `file:line`."""

    values: dict[str, Any]
    places: dict[Path_, str] = field(default_factory=dict)


def read_spec(path: Path, overrides: Sequence[str] = ()) -> SweepSpec:
    """Read a sweep file, what it extends, and `path=value` overrides. Raises SpecError with every error."""
    source = read_source(path)
    source.values.setdefault("name", path.stem)
    for override in overrides:
        _override(source, override)
    try:
        return SweepSpec.model_validate(source.values)
    except ValidationError as error:
        raise SpecError(list(_problems(error, source, str(path)))) from None


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a sweep file."""
    schema = SweepSpec.model_json_schema(by_alias=True)
    text = "another sweep file, relative to this one; this file states only differences"
    schema["properties"]["extends"] = {"type": "string", "description": text}
    row = schema["properties"]["methods"]["additionalProperties"]
    schema["properties"]["methods"]["additionalProperties"] = {"anyOf": [row, {"type": "null"}]}
    schema["required"] = []
    return schema


def read_source(path: Path, seen: tuple[Path, ...] = ()) -> Source:
    """Read a YAML file and the files that it extends into one source."""
    path = Path(path)
    if path.resolve() in seen:
        chain = " -> ".join(str(p) for p in (*seen, path.resolve()))
        raise SpecError([f"{path}: extends itself: {chain}"])
    data = _load(path)
    own = Source(_plain(data), dict(_places(data, path)))
    parent = own.values.pop("extends", None)
    if parent is None:
        return own
    where = own.places.get(("extends",), str(path))
    if not isinstance(parent, str):
        raise SpecError([f"{where}: extends: expected the path of a sweep file (got {parent!r})"])
    if not (path.parent / parent).is_file():
        raise SpecError([f"{where}: extends: no file {path.parent / parent}"])
    base = read_source(path.parent / parent, (*seen, path.resolve()))
    base.values.pop("name", None)
    values = merged({k: v for k, v in base.values.items() if k not in WHOLE or k not in own.values}, own.values)
    return Source(values, base.places | own.places)


def _load(path: Path) -> CommentedMap:
    try:
        data = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError([f"{path}: cannot be read ({error.strerror}); give the path of a sweep file"]) from None
    except UnicodeDecodeError as error:
        raise SpecError([f"{path}: not UTF-8 text ({error.reason})"]) from None
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise SpecError([f"{path}:{line}: {str(error.problem).splitlines()[0]}; keep one of them"]) from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise SpecError(
            [f"{path}:{line}: not valid YAML: {error.problem} {error.context or ''}".rstrip()]
        ) from None
    except YAMLError as error:
        raise SpecError([f"{path}: not valid YAML: {error}"]) from None
    if not isinstance(data, CommentedMap):
        kind = "nothing" if data is None else type(data).__name__
        raise SpecError(
            [f"{path}: expected a mapping of fields at the top, such as corpus: and methods: (got {kind})"]
        )
    return data


def _plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {_key(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node if node is None else str(node)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(key)


def _places(node: Any, file: Path, path: Path_ = ()) -> Iterator[tuple[Path_, str]]:
    if isinstance(node, CommentedMap):
        for key, value in node.items():
            line = node.lc.data[key][0] + 1 if key in node.lc.data else node.lc.line + 1
            yield (*path, _key(key)), f"{file}:{line}"
            yield from _places(value, file, (*path, _key(key)))
    elif isinstance(node, CommentedSeq):
        for index, value in enumerate(node):
            yield (*path, index), f"{file}:{node.lc.data[index][0] + 1}"
            yield from _places(value, file, (*path, index))


def _override(source: Source, text: str) -> None:
    path, equals, raw = text.partition("=")
    if not equals or not all(path.split(".")):
        raise SpecError([f"--set {text}: expected path=value, such as model.latent_size=16"])
    try:
        value = _plain(YAML(typ="rt").load(raw))
    except YAMLError:
        raise SpecError([f"--set {text}: the value {raw!r} is not valid YAML"]) from None
    parts = path.split(".")
    if parts[0] == "methods" and len(parts) > 3:
        parts = [*parts[:2], ".".join(parts[2:])]
    node = source.values
    for depth, part in enumerate(parts[:-1], start=1):
        if part not in node:
            source.places[tuple(parts[:depth])] = f"--set {text}"
        inner = node.get(part)
        node[part] = dict(inner) if isinstance(inner, dict) else {}
        node = node[part]
    node[parts[-1]] = value
    source.places[tuple(parts)] = f"--set {text}"


def _problems(error: ValidationError, source: Source, file: str) -> Iterator[str]:
    details = [(detail, _in_file(detail["loc"], source.values)) for detail in error.errors()]
    shadowed = any(path[:1] != ("pretraining",) for _, path in details)
    for detail, path in details:
        if path[:1] == ("pretraining",) and shadowed and path not in source.places and len(path) > 1:
            continue
        yield _problem(detail, path, source, file)


def _in_file(loc: Path_, values: Any) -> Path_:
    """Drop from a pydantic location the parts that name union members and not keys of the file."""
    path: list[str | int] = []
    node: Any = values
    for i, part in enumerate(loc):
        key = isinstance(node, dict) and part in node
        index = isinstance(node, list) and isinstance(part, int) and 0 <= part < len(node)
        if key or index:
            node = node[part]
        elif 0 < i < len(loc) - 1 or not isinstance(node, dict):
            continue
        path.append(part)
    return tuple(path)


def _problem(detail: ErrorDetails, path: Path_, source: Source, file: str) -> str:
    where = next((source.places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in source.places), file)
    name = ".".join(str(part) for part in path)
    message = detail["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    context = detail.get("ctx", {})
    allowed = [str(word) for word in context.get("allowed", ())]
    if detail["type"] == "extra_forbidden":
        message, allowed = "unknown key", _fields(detail["loc"][:-1])
    elif detail["type"] == "literal_error":
        allowed = [word.strip(" '") for word in str(context["expected"]).replace(" or ", ",").split(",")]
    elif detail["type"] == "missing":
        return f"{where}: {name}: required, but not given"
    got = detail["input"]
    shown = f" (got {got!r})" if not isinstance(got, dict | list | tuple | SweepSpec) else ""
    choices = f"; allowed: {', '.join(allowed)}" if allowed and detail["type"] != "literal_error" else ""
    asked = str(path[-1]) if detail["type"] == "extra_forbidden" and path else str(got)
    near = difflib.get_close_matches(asked, allowed, 1)
    return f"{where}: {name or 'file'}: {message}{shown}{choices}" + (f"; did you mean {near[0]}?" if near else "")


def _fields(loc: Path_) -> list[str]:
    """Return the keys that the schema allows at a pydantic location."""
    schema = json_schema()
    node = schema
    for part in loc:
        node = _resolved(node, schema)
        members = [_resolved(m, schema) for m in (*node.get("oneOf", ()), *node.get("anyOf", ()))]
        mapping = node.get("discriminator", {}).get("mapping", {})
        if part in mapping:
            node = _resolved({"$ref": mapping[part]}, schema)
        elif part in node.get("properties", {}):
            node = node["properties"][part]
        else:
            inner = [m for m in members if part in m.get("properties", {})]
            node = inner[0] if inner else node.get("additionalProperties") or node.get("items") or {}
    return sorted(_resolved(node, schema).get("properties", {}))


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node
