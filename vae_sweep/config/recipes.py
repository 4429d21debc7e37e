"""Recipes: where the paper and its authors' code differ in a setting, and what is the same in both."""

from collections.abc import Mapping
from typing import Any, Literal

from trainables.methods import METHODS

Recipe = Literal["paper", "official_code"]

RECIPES: dict[str, dict[str, dict[str, Any]]] = {
    "paper": {"sections": {}, "rows": {}},
    "official_code": {
        "sections": {
            "training": {"schedule": {"kind": "plateau", "patience": 5, "first_reference": 1e4}},
            "evaluation": {"final_samples": 500, "activity_boundary": "at_least"},
        },
        "rows": {"form": "mask", "anneal_pace": "full_batches", "selection": "iw_bound"},
    },
}
"""Recipe -> differences from the defaults, which are the paper's: in sections, and in methods' parameters."""

MAPPINGS: dict[Recipe, Literal["one_to_one", "most_responsible"]] = {
    "paper": "one_to_one",
    "official_code": "most_responsible",
}
"""Recipe -> how the classification probe maps mixture components to labels; a setting of the probe alone."""

SAME = (
    "the learning rate starts at 0.5 (the code's own default is 1.0; its README passes 0.5)",
    "no decay before epoch 15, counted from 0 (the paper is silent)",
    "λ is the total over units, as in the paper's tables and the code; eq. 1 has it for each unit",
    "thresholds are for each sentence; `per: batch` is the code's --fb 3",
    "selection and plateau look at validation −ELBO at weight 1, for pretraining at reconstruction (IWAE: above)",
    "FB and FBP are not annealed: an assumption, for neither says",
    "aggressive training is not annealed: an assumption, for the paper is silent; the commands of its authors "
    "(He et al. 2019) anneal from 0.1 over 10 epochs, which is `anneal_epochs: 10`",
    "IWAE trains the true bound (the code's loss has its sign turned round)",
    "mutual information is that of the whole split",
    "Adam stays Adam: that the code's turns into SGD at the first decay concerns no method of the tables",
)
"""Settings that are the same under both recipes, and why."""


def with_recipe(raw: Mapping[str, Any], recipe: Any) -> dict[str, Any]:
    """Return a sweep file's values over its recipe's; whatever the file says itself wins."""
    result = dict(raw)
    if not isinstance(recipe, str) or recipe not in RECIPES:
        return result
    for section, values in RECIPES[recipe]["sections"].items():
        result[section] = _over(values, result[section]) if section in result else values
    if isinstance(rows := result.get("methods"), Mapping):
        result["methods"] = {name: _row(name, row, RECIPES[recipe]["rows"]) for name, row in rows.items()}
    return result


def _over(under: Any, own: Any) -> Any:
    """Lay a file's value over a recipe's; mappings merge unless they are of different kinds."""
    if not isinstance(under, Mapping) or not isinstance(own, Mapping) or own.get("kind") != under.get("kind"):
        return own
    return {**under, **{key: _over(under[key], value) if key in under else value for key, value in own.items()}}


def _row(name: str, row: Any, defaults: Mapping[str, Any]) -> Any:
    if name not in METHODS or not isinstance(row, Mapping):
        return row
    known = METHODS[name].parameters()
    return {**row, **{key: value for key, value in defaults.items() if key in known and key not in row}}
