"""Reading a sweep file: YAML with `extends` and overrides, every error at once with its line."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from trainables.methods import METHODS
from trainables.spec import SEARCHABLE
from vae_sweep.errors import SpecError
from vae_sweep.problems import Place, Where, dotted, located, shown
from vae_sweep.spec import SweepSpec, merged

WHOLE = ("methods", "seeds")
"""Keys that an extending file replaces whole instead of merging."""
SUFFIXES = (".yaml", ".yml")


@dataclass
class Source:
    """Plain values of a file, where each came from, and what is wrong with the file as YAML."""

    values: dict[str, Any]
    places: dict[Where, Place] = field(default_factory=dict)
    problems: list[tuple[Place, str]] = field(default_factory=list)


def read_spec(path: Path, overrides: Sequence[str] = ()) -> SweepSpec:
    """Read a sweep file, what it extends, and `path=value` overrides. Raises SpecError with every error."""
    path = Path(path)
    source = read_source(path)
    source.values.setdefault("name", path.stem)
    source.places.setdefault(("name",), (f"{path} (its name)", 0))
    for override in overrides:
        _override(source, override)
    problems = list(source.problems)
    try:
        spec = SweepSpec.model_validate(source.values, strict=True)
    except ValidationError as error:
        problems += located(error, source.values, source.places, _raw_schema(), str(path))
    if problems:
        ordered = sorted(problems, key=lambda problem: problem[0])
        raise SpecError([f"{_place(*place)}: {text}" for place, text in ordered])
    return spec


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a sweep file, with each method's own parameters."""
    schema = _raw_schema()
    text = "another sweep file, relative to this one; this file states only differences"
    schema["properties"]["extends"] = {"type": "string", "description": text}
    rows = schema["properties"]["methods"]
    schema["$defs"]["Domain"] = rows.pop("additionalProperties")["additionalProperties"]
    domain = {"$ref": "#/$defs/Domain"}
    rows["additionalProperties"] = False
    rows["properties"] = {
        name: {
            "type": ["object", "null"],
            "description": method.title,
            "properties": dict.fromkeys(method.parameters(), domain),
            "patternProperties": {rf"^({'|'.join(SEARCHABLE)})\.": domain},
            "additionalProperties": False,
        }
        for name, method in METHODS.items()
    }
    schema["required"] = []
    return schema


def read_source(path: Path, chain: tuple[Path, ...] = ()) -> Source:
    """Read a YAML file and the files that it extends into one source. Raises SpecError where none can be made."""
    if path.resolve() in chain:
        files = (*chain[chain.index(path.resolve()) :], path.resolve())
        raise SpecError([f"{path}: extends itself: {' -> '.join(file.name for file in files)}; break the circle"])
    own = _load(path)
    parent = own.values.pop("extends", None)
    if parent is None:
        return own
    where = _place(*own.places["extends",])
    if not isinstance(parent, str):
        got = f" (got {shown(parent)})" if shown(parent) else ""
        raise SpecError([f"{where}: extends: expected the path of one sweep file{got}"])
    if not (path.parent / parent).is_file():
        raise SpecError([f"{where}: extends: no file {path.parent / parent}{_near_file(path.parent / parent)}"])
    base = read_source(path.parent / parent, (*chain, path.resolve()))
    base.values.pop("name", None)
    base.places.pop(("name",), None)
    kept = {key: value for key, value in base.values.items() if key not in WHOLE or key not in own.values}
    values = merged(kept, own.values)
    places = {where: place for where, place in (base.places | own.places).items() if _holds(values, where)}
    return Source(values, places, base.problems + own.problems)


def _load(path: Path) -> Source:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        data = _yaml().load(text)
        problems = list(_repeated(_yaml().compose(text), str(path)))
    except OSError as error:
        hint = _near_file(path) or "; give the path of a sweep file"
        raise SpecError([f"{path}: cannot be read ({error.strerror}){hint}"]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SpecError([f"{path}:{line}: not UTF-8 text ({error.reason}); save the file as UTF-8"]) from None
    except (YAMLError, RecursionError) as error:
        line, said = _yaml_words(error)
        raise SpecError([f"{_place(str(path), line)}: not valid YAML: {said}"]) from None
    if not isinstance(data, CommentedMap):
        kinds = {CommentedSeq: "a list", type(None): "nothing"}
        got = kinds.get(type(data), "a single value")
        raise SpecError(
            [f"{path}: expected fields at the top, such as `corpus:` and `methods:` (got {got})"],
        )
    return Source(_plain(data), dict(_places(data, str(path))), problems)


def _yaml() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = True
    return yaml


def _yaml_words(error: Exception) -> tuple[int, str]:
    """Return the line, 0 where it is unknown, and what the parser has to say."""
    if isinstance(error, RecursionError):
        return 0, "nested too deeply"
    if not isinstance(error, MarkedYAMLError):
        return 0, str(error).splitlines()[0]
    said = str(error.problem)
    if said.startswith("but "):
        said = f"{error.context}, {said}"
    if r"'\t'" in said:
        said = "a tab; indent with spaces"
    if "mapping values are not allowed" in said:
        said = "a second `:` in one line; put text that holds `: ` in quotes, nested fields on lines of their own"
    return error.problem_mark.line + 1 if error.problem_mark else 0, said


def _repeated(node: Any, file: str, path: Where = (), above: tuple[Any, ...] = ()) -> Iterator[tuple[Place, str]]:
    """Yield keys given twice in one mapping, and anchors that contain themselves."""
    if any(node is outer for outer in above):
        raise YAMLError(f"{dotted(path)}: an anchor that contains itself")
    if isinstance(node, MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, ScalarNode) else "?"
            line = key.start_mark.line + 1
            if name in seen:
                yield (file, line), f"{dotted((*path, name))}: given twice (first in line {seen[name]}); keep one"
            seen.setdefault(name, line)
            yield from _repeated(value, file, (*path, name), (*above, node))
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated(item, file, (*path, index), (*above, node))


def _plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return tuple(_plain(item) for item in node)
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node if node is None else str(node)


def _places(node: Any, file: str, path: Where = ()) -> Iterator[tuple[Where, Place]]:
    if isinstance(node, CommentedMap):
        for key, value in node.items():
            line = node.lc.data[key][0] if key in node.lc.data else node.lc.line
            yield (*path, str(key)), (file, line + 1)
            yield from _places(value, file, (*path, str(key)))
    elif isinstance(node, CommentedSeq):
        for index, value in enumerate(node):
            yield (*path, index), (file, node.lc.data[index][0] + 1)
            yield from _places(value, file, (*path, index))


def _holds(values: Any, where: Where) -> bool:
    for part in where:
        mapping = isinstance(values, dict) and part in values
        if not mapping and not (isinstance(values, tuple) and isinstance(part, int) and part < len(values)):
            return False
        values = values[part]
    return True


def _override(source: Source, text: str) -> None:
    path, equals, raw = text.partition("=")
    parts = path.strip().split(".")
    place = (f"--set {text}", 0)
    if not equals or not all(parts):
        source.problems.append((place, "expected path=value, such as model.latent_size=16"))
        return
    if parts[0] == "extends":
        source.problems.append((place, "extends stands in files only; launch the other file instead"))
        return
    try:
        value = _plain(_yaml().load(raw))
    except YAMLError:
        source.problems.append((place, f"the value {raw!r} is not valid YAML"))
        return
    if parts[0] == "methods" and len(parts) > 3:
        parts = [*parts[:2], ".".join(parts[2:])]
    node = source.values
    for depth, part in enumerate(parts[:-1], start=1):
        inner = node.get(part)
        if not isinstance(inner, dict):
            source.places[tuple(parts[:depth])] = place
        node[part] = dict(inner) if isinstance(inner, dict) else {}
        node = node[part]
    node[parts[-1]] = value
    where = tuple(parts)
    kept = {old: place for old, place in source.places.items() if old[: len(where)] != where}
    source.places = kept | {where: place}


def _place(file: str, line: int) -> str:
    return f"{file}:{line}" if line else file


def _near_file(path: Path) -> str:
    """Return a hint at a sweep file with a similar name in the same directory, or nothing."""
    try:
        names = [file.name for file in path.parent.iterdir() if file.suffix in SUFFIXES]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, 1)
    return f"; did you mean {path.parent / near[0]}?" if near else ""


def _raw_schema() -> dict[str, Any]:
    return SweepSpec.model_json_schema(by_alias=True)
