"""Sources: the plain values of a YAML file, the line of each, and what is wrong with the file as YAML."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.tokens import TagToken

from vae_sweep.errors import SpecError
from vae_sweep.problems import Place, Where, dotted

SUFFIXES = (".yaml", ".yml")


@dataclass
class Source:
    """Plain values of a file, where each came from, and what is wrong with the file as YAML."""

    values: dict[str, Any]
    places: dict[Where, Place] = field(default_factory=dict)
    problems: list[tuple[Place, str]] = field(default_factory=list)

    def place(self, where: Where) -> Place:
        """Return where a value stands: its own place, or that of the nearest mapping around it."""
        return next(self.places[where[:n]] for n in range(len(where), 0, -1) if where[:n] in self.places)


def load(path: Path) -> Source:
    """Read a YAML file. Raises SpecError where it cannot be read, is no YAML or has no fields at the top."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        _refuse_tags(text, str(path))
        data = _parser().load(text)
        problems = list(_repeated(_parser().compose(text), str(path)))
    except OSError as error:
        hint = near_file(path) or "; give the path of a sweep file"
        raise SpecError([f"{path}: cannot be read ({error.strerror}){hint}"]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SpecError([f"{path}:{line}: not UTF-8 text ({error.reason}); save the file as UTF-8"]) from None
    except (YAMLError, RecursionError) as error:
        line, said = _yaml_words(error)
        raise SpecError([f"{shown_place(str(path), line)}: not valid YAML: {said}"]) from None
    except ValueError:
        line, said = _unreadable(text)
        raise SpecError([f"{shown_place(str(path), line)}: not valid YAML: {said}"]) from None
    if not isinstance(data, CommentedMap):
        kinds = {CommentedSeq: "a list", type(None): "nothing"}
        got = kinds.get(type(data), "a single value")
        raise SpecError(
            [f"{path}: expected fields at the top, such as `corpus:` and `methods:` (got {got})"],
        )
    return Source(plain(data), dict(_places(data, str(path))), problems)


def value_of(text: str) -> Any:
    """Read the value of an override, as `plain` gives it. Raises ValueError where it is not sound YAML.

    A shell has taken its quotes and comments away already: text without quotes is taken whole, with any `#`, `&`
    or `~`; behind a list, a mapping or quotes nothing may stand.
    """
    text = text.strip()
    if text == "~":
        return text
    try:
        node = _parser().compose(text)
        if _tags(text) or any(_repeated(node, "")):
            raise ValueError(text)
        if node is None:
            return text or None
        if isinstance(node, ScalarNode) and node.style is None:
            return plain(_parser().load(text)) if node.value == text else text
        if node.anchor or text[node.end_mark.index :].strip():
            raise ValueError(text)
        return plain(_parser().load(text))
    except (YAMLError, RecursionError) as error:
        raise ValueError(text) from error


def _parser() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = True
    return yaml


def _refuse_tags(text: str, file: str) -> None:
    if lines := _tags(text):
        said = "a tag `!..`; plain values need none, put text that starts with ! in quotes"
        raise SpecError([f"{file}:{line}: {said}" for line in lines])


def _tags(text: str) -> list[int]:
    return [token.start_mark.line + 1 for token in _parser().scan(text) if isinstance(token, TagToken)]


def _yaml_words(error: Exception) -> tuple[int, str]:
    """Return the line, 0 where it is unknown, and what the parser has to say."""
    if isinstance(error, RecursionError):
        return 0, "nested too deeply"
    if not isinstance(error, MarkedYAMLError):
        return 0, str(error).splitlines()[0]
    said = str(error.problem)
    if said.startswith("but "):
        said = f"{error.context}, {said}"
    said = said.replace("but got '<stream end>'", "but the file ends")
    if r"'\t'" in said:
        said = "a tab; indent with spaces"
    if "mapping values are not allowed" in said:
        said = "a second `:` in one line; put text that holds `: ` in quotes, nested fields on lines of their own"
    return error.problem_mark.line + 1 if error.problem_mark else 0, said


def _unreadable(text: str) -> tuple[int, str]:
    """Return the line of the first value that looks like a number or a date and is none, and why."""
    for node in _scalars(_parser().compose(text)):
        try:
            _parser().load(node.value)
        except ValueError as error:
            return node.start_mark.line + 1, f"{node.value[:40]} is no value ({error}); put text in quotes"
    return 0, "a number or a date that cannot be read; put text in quotes"


def _scalars(node: Any) -> Iterator[ScalarNode]:
    if isinstance(node, ScalarNode):
        if node.style is None:
            yield node
    elif isinstance(node, CollectionNode):
        for item in node.value:
            for part in item if isinstance(item, tuple) else (item,):
                yield from _scalars(part)


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


def plain(node: Any) -> Any:
    """Return what was parsed as dicts, tuples, numbers, texts, truth values and None."""
    if isinstance(node, Mapping):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return tuple(plain(item) for item in node)
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


def shown_place(file: str, line: int) -> str:
    """Return `file:line`, or what stands for both where there is no line."""
    return f"{file}:{line}" if line else file


def near_file(path: Path) -> str:
    """Return a hint at a sweep file with a similar name in the same directory, or nothing."""
    try:
        names = [file.name for file in path.parent.iterdir() if file.suffix in SUFFIXES]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, 1)
    return f"; did you mean {path.parent / near[0]}?" if near else ""
