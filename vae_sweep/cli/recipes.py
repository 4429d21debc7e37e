"""`vae-sweep plan --diff-recipes`: what the recipes would settle differently."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import RenderableType
from rich.table import Table

from trainables.methods import METHODS
from vae_sweep.config.reader import read_spec
from vae_sweep.config.recipes import MAPPINGS, RECIPES, SAME
from vae_sweep.config.sweep_spec import SweepSpec


class RecipeDifference(NamedTuple):
    """A setting by its path in a sweep file, or by its name and its methods; a value for each recipe."""

    setting: str
    values: tuple[Any, ...]


def recipe_tables(space: Path | None, overrides: Sequence[str]) -> list[RenderableType]:
    """Return the differences, of a sweep file or of all methods at their defaults, and what is the same in both.

    Raises SpecError where the file is broken.
    """

    title = f"recipes for {space}: what the file says itself is the same in both" if space else "recipes"
    table = Table("setting", *RECIPES, title=title, title_justify="left", title_style="bold")
    for setting, values in recipe_differences([recipe_spec(recipe, space, overrides) for recipe in RECIPES]):
        table.add_row(setting, *map(str, values))
    table.add_row("label of a mixture component (probe)", *MAPPINGS.values())
    return [table, "The same in both:\n" + "\n".join(f"- {line}" for line in SAME)]


def recipe_spec(recipe: str, space: Path | None, overrides: Sequence[str]) -> SweepSpec:
    """Return a sweep file under a recipe, or a sweep of every method where there is no file."""

    if space is not None:
        return read_spec(space, [*overrides, f"recipe={recipe}"])
    rows: dict[str, Any] = {name: {} for name in METHODS}
    return SweepSpec.model_validate(
        {"name": "recipes", "recipe": recipe, "corpus": {"name": "captions"}, "methods": rows}
    )


def recipe_differences(specs: Sequence[SweepSpec]) -> list[RecipeDifference]:
    """Return the settings in which sweeps differ: first of sections, then of methods."""
    sections = [dict(_leaves(spec.model_dump(mode="json", exclude={"methods", "recipe"}))) for spec in specs]
    found = [
        RecipeDifference(path, values)
        for path in dict.fromkeys(path for section in sections for path in section)
        if len(set(map(str, values := tuple(section.get(path) for section in sections)))) > 1
    ]
    rows: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name in specs[0].methods:
        for parameter, paths in METHODS[name].parameters().items():
            shown = tuple(str(spec.methods[name].get(parameter, _default(name, paths[0]))) for spec in specs)
            if len(set(shown)) > 1:
                rows.setdefault((parameter, shown), []).append(name)
    return found + [
        RecipeDifference(f"{parameter} of {', '.join(names)}", values)
        for (parameter, values), names in rows.items()
    ]


def _default(method: str, path: str) -> Any:
    node: Any = METHODS[method]
    for part in path.split("."):
        node = getattr(node, part)
    return node


def _leaves(plain: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in plain.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield above + key, value
