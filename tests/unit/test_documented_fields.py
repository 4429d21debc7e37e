"""The fields and defaults that the pages name are those of the code."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.documented.pages import REPOSITORY, name_of, pages
from vae_sweep.config.reader import json_schema
from vae_sweep.config.sweep_spec import SweepSpec

SCHEMA = json_schema()
ROW = re.compile(r"^\| `(?P<section>[a-z_.]+)` \|[^|]*\| (?P<fields>[^|]*?) ?\|$", re.MULTILINE)
DEFAULT = re.compile(r"`(?P<field>[a-z_.]+)` \((?P<value>[0-9][0-9,.]*)(?P<percent> %)?")
"""A field with its default in brackets, as the pages write it."""


def parts_of(field: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The specs of which a field may be one."""
    branches = [field, *field.get("oneOf", ()), *field.get("anyOf", ())]
    found = [SCHEMA["$defs"][branch["$ref"].rpartition("/")[2]] for branch in branches if "$ref" in branch]
    return [part for part in found if "properties" in part]


def sections(part: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every section below a part by its dotted path, with the names that stand in it."""
    for name, field in part["properties"].items():
        inner = parts_of(field)
        kinds = {value["const"] for each in inner for value in each["properties"].values() if "const" in value}
        names = {key for each in inner for key, value in each["properties"].items() if "const" not in value}
        if inner or not path:
            yield f"{path}{name}", names | kinds
        for each in inner:
            yield from sections(each, f"{path}{name}.")


def defaults() -> dict[str, float]:
    """Every number that a file without it comes to, by its dotted path."""
    search = {"kind": "random", "trials": 1, "pruning": {"rungs": [12]}}
    least = {"name": "least", "corpus": {"name": "captions"}, "methods": {"vae": None}, "search": search}
    spec = SweepSpec.model_validate(least)
    return dict(numbers_of(spec.model_dump(mode="json"), ""))


def numbers_of(values: Mapping[str, Any], path: str) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from numbers_of(value, f"{path}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{path}{name}", float(value)


def documented() -> list[Any]:
    """Every default that a page names."""
    known = {path.rpartition(".")[2] for path in defaults()}
    return [
        pytest.param(
            found["field"], number / 100 if found["percent"] else number, id=f"{name_of(page)}-{found[0]}"
        )
        for page in pages()
        for found in DEFAULT.finditer(page.read_text(encoding="utf-8"))
        if found["field"].rpartition(".")[2] in known
        for number in [float(found["value"].replace(",", "").rstrip("."))]
    ]


def test_the_page_on_sweep_files_names_every_section_with_its_fields() -> None:
    text = (REPOSITORY / "docs" / "spaces.md").read_text(encoding="utf-8")
    written = {row["section"]: set(re.findall("`([a-z_0-9]+)`", row["fields"])) for row in ROW.finditer(text)}
    known = dict(sections(SCHEMA))
    assert known.pop("pretraining") == known["training"]
    assert known.pop("pretraining.schedule") == known["training.schedule"]
    assert written.pop("pretraining") == set(), "the page says that they are the same"
    assert written == known


@pytest.mark.parametrize(("field", "value"), documented())
def test_a_default_in_a_page_is_that_of_the_code(field: str, value: float) -> None:
    found = {number for path, number in defaults().items() if f".{path}".endswith(f".{field}")}
    assert value in found
