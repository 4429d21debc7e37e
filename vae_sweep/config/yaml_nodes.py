"""YAML in one pass: the plain values of a text, the line of each, and what is wrong with its keys.

Nothing is taken on trust: nesting, and what aliases unfold to, are bounded before they cost time or memory.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.tokens import TagToken

from vae_sweep.config.validation_messages import SourceLocation, Where, dotted

LEVELS = 100
"""How deep values may be nested."""

UNFOLDED = 100_000
"""How many values aliases may add to those that are written."""

MERGE = "tag:yaml.org,2002:merge"
SKIPPED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\'\'|[^\'])*\'|(?:^|\s)#[^\n]*|[\[\]{}]', re.MULTILINE)
INDENT = re.compile(r"^( *)((?:[-?] +)*)(?=[^\s#])", re.MULTILINE)


class TextError(YAMLError):
    """A fault that is found without a parser, or that no parser finds; `line` is 0 where it is not known."""

    def __init__(self, line: int, said: str) -> None:
        self.line = line
        super().__init__(said)


def compose(text: str) -> Node | None:
    """Return the tree of a text. Raises YAMLError where it is not YAML or nested too deeply."""
    _refuse_depth(text)
    tree: Node | None = _parser().compose(text)
    return tree


def tags(text: str) -> list[int]:
    """Return the lines of tags `!..`, which plain values need none of."""
    if "!" not in text:
        return []
    return [token.start_mark.line + 1 for token in _parser().scan(text) if isinstance(token, TagToken)]


def yaml_problem(error: Exception) -> tuple[int, str]:
    """Return the line, 0 where it is unknown, and what the parser has to say."""
    if isinstance(error, RecursionError):
        return 0, "nested too deeply"
    if isinstance(error, TextError):
        return error.line, str(error)
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


class Tree:
    """The plain values of a tree: dicts, tuples, numbers, texts, truth values and None.

    `places` has the line of each, `problems` what is wrong with keys. Raises YAMLError where aliases unfold to too
    much or contain themselves, or a value cannot be read.
    """

    def __init__(self, node: Node | None, size: int, file: str = "") -> None:
        self.places: dict[Where, SourceLocation] = {}
        self.problems: list[tuple[SourceLocation, str]] = []
        self._file, self._left = file, size + UNFOLDED
        self._constructor = _parser().constructor
        self.values = None if node is None else self._value(node, (), ())

    def _value(self, node: Node, path: Where, above: tuple[Node, ...]) -> Any:
        self._left -= 1
        if self._left < 0:
            line = node.start_mark.line + 1
            raise TextError(
                line, f"aliases (`*name`) that unfold to more than {UNFOLDED:,} values; write them out"
            )
        if any(node is outer for outer in above):
            raise TextError(0, f"{dotted(path)}: an anchor that contains itself")
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        inside = (*above, node)
        if isinstance(node, SequenceNode):
            return tuple(self._item(item, (*path, place), inside) for place, item in enumerate(node.value))
        if isinstance(node, MappingNode):
            return self._mapping(node, path, inside)
        raise TextError(node.start_mark.line + 1, "no value, list or mapping")

    def _item(self, node: Node, path: Where, above: tuple[Node, ...]) -> Any:
        self.places[path] = (self._file, node.start_mark.line + 1)
        return self._value(node, path, above)

    def _mapping(self, node: MappingNode, path: Where, above: tuple[Node, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == MERGE:
                for part in value.value if isinstance(value, SequenceNode) else [value]:
                    merged = {**self._merged(part, line, path, above), **merged}
                continue
            name = self._key(key, path, line)
            where = (*path, name)
            if name in seen:
                text = f"{dotted(where)}: given twice (first in line {seen[name]}); keep one"
                self.problems.append(((self._file, line), text))
                continue
            seen[name] = line
            self.places[where] = (self._file, line)
            found[name] = self._value(value, where, above)
        return {**merged, **found}

    def _merged(self, node: Node, line: int, path: Where, above: tuple[Node, ...]) -> dict[str, Any]:
        if not isinstance(node, MappingNode):
            raise TextError(line, "`<<` takes fields, or a list of such")
        places = dict(self.places)
        values = self._mapping(node, path, (*above, node))
        self.places = dict.fromkeys(self.places, (self._file, line)) | places
        return values

    def _key(self, node: Node, path: Where, line: int) -> str:
        if not isinstance(node, ScalarNode):
            raise TextError(line, "a key that is a list or a mapping")
        name = str(self._scalar(node)) if node.style is None else str(node.value)
        if odd := next((character for character in name if _is_invisible(character)), None):
            called = unicodedata.name(odd, "control character").lower()
            clean = "".join(" " if _is_invisible(character) else character for character in name).strip()
            text = f"{dotted((*path, clean))}: the key holds a {called} (U+{ord(odd):04X}); use plain blanks"
            self.problems.append(((self._file, line), text))
            return clean
        return name

    def _scalar(self, node: ScalarNode) -> Any:
        try:
            value = self._constructor.construct_object(node)
        except ValueError as error:
            line, shown = node.start_mark.line + 1, node.value[:40]
            raise TextError(line, f"{shown} is no value ({error}); put text in quotes") from None
        return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _is_invisible(character: str) -> bool:
    return character != " " and unicodedata.category(character) in ("Zs", "Zl", "Zp", "Cf", "Cc")


def _parser() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = True
    return yaml


def _refuse_depth(text: str) -> None:
    for start, level in _levels(text):
        if level > LEVELS:
            raise TextError(text.count("\n", 0, start) + 1, "nested too deeply")


def _levels(text: str) -> Iterator[tuple[int, int]]:
    """Yield places of a text and how deep they are nested, by brackets and by indentation; never too deep."""
    level = 0
    for match in SKIPPED.finditer(text):
        level += (match[0] in "[{") - (match[0] in "]}")
        yield match.start(), level
    columns: list[int] = []
    for match in INDENT.finditer(text):
        column = len(match[1])
        while columns and columns[-1] >= column:
            columns.pop()
        columns.append(column)
        yield match.start(), len(columns) + len(match[2].split())
