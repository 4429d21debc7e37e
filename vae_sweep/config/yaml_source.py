"""The plain values of a YAML file, the line of each, and what is wrong with the file as YAML."""

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode

from vae_sweep.config.validation_messages import SourceLocation, Where
from vae_sweep.config.yaml_nodes import Tree, compose, tags, yaml_problem
from vae_sweep.errors import SpecError

_SUFFIXES = (".yaml", ".yml")


@dataclass
class YamlSource:
    """Plain values of a file, where each came from, and what is wrong with the file as YAML."""

    values: dict[str, Any]
    places: dict[Where, SourceLocation] = field(default_factory=dict)
    problems: list[tuple[SourceLocation, str]] = field(default_factory=list)

    def place(self, where: Where) -> SourceLocation:
        """Return where a value stands: its own place, or that of the nearest mapping around it."""
        return next(self.places[where[:n]] for n in range(len(where), 0, -1) if where[:n] in self.places)


def load_yaml(path: Path) -> YamlSource:
    """Read a YAML file. Raises SpecError where it cannot be read, is no YAML or has no fields at the top."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        _refuse_tags(text, str(path))
        tree = Tree(compose(text), len(text), str(path))
    except OSError as error:
        hint = near_file(path) or "; give the path of a sweep file"
        raise SpecError([f"{path}: cannot be read ({error.strerror}){hint}"]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SpecError([f"{path}:{line}: not UTF-8 text ({error.reason}); save the file as UTF-8"]) from None
    except (YAMLError, RecursionError) as error:
        line, said = yaml_problem(error)
        raise SpecError([f"{shown_place(str(path), line)}: not valid YAML: {said}"]) from None
    if not isinstance(tree.values, dict):
        kinds = {tuple: "a list", type(None): "nothing"}
        got = kinds.get(type(tree.values), "a single value")
        raise SpecError(
            [f"{path}: expected fields at the top, such as `corpus:` and `methods:` (got {got})"],
        )
    return YamlSource(tree.values, tree.places, tree.problems)


def value_of(text: str) -> Any:
    """Read the value of an override. Raises ValueError where it is not sound YAML.

    A shell has taken its quotes and comments away already: text without quotes is taken whole, with any `#`, `&`
    or `~`; behind a list, a mapping or quotes nothing may stand.
    """
    text = text.strip()
    if text == "~":
        return text
    try:
        node = compose(text)
        if node is None:
            return text or None
        tree = Tree(node, len(text))
        if tags(text) or tree.problems:
            raise ValueError(text)
        if isinstance(node, ScalarNode) and node.style is None:
            return tree.values if node.value == text else text
        if node.anchor or text[node.end_mark.index :].strip():
            raise ValueError(text)
        return tree.values
    except (YAMLError, RecursionError) as error:
        raise ValueError(text) from error


def _refuse_tags(text: str, file: str) -> None:
    if lines := tags(text):
        said = "a tag `!..`; plain values need none, put text that starts with ! in quotes"
        raise SpecError([f"{file}:{line}: {said}" for line in lines])


def shown_place(file: str, line: int) -> str:
    """Return `file:line`, or what stands for both where there is no line."""
    return f"{file}:{line}" if line else file


def near_file(path: Path) -> str:
    """Return a hint at a sweep file with a similar name in the same directory, or nothing."""
    try:
        names = [file.name for file in path.parent.iterdir() if file.suffix in _SUFFIXES]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, 1)
    return f"; did you mean {path.parent / near[0]}?" if near else ""
