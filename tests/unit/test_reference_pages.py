"""The reference pages that the site writes name all that the code has."""

import re
import sys

import pytest

from tests.documented.pages import REPOSITORY
from trainables.methods import METHODS
from vae_sweep.config.reader import json_schema
from vae_sweep.journal.metrics import METRICS

SITE = REPOSITORY / "docs" / "site"


@pytest.fixture(autouse=True)
def reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """The site's modules are no package of the project."""
    monkeypatch.syspath_prepend(SITE)
    for name in [name for name in sys.modules if name.startswith("reference_pages")]:
        monkeypatch.delitem(sys.modules, name)


def row_of(text: str, first: str) -> list[str]:
    """The cells of the table row that begins with this one."""
    [line] = [line for line in text.splitlines() if line.startswith(f"| `{first}` |")]
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_every_command_with_its_options() -> None:
    from reference_pages.commands import commands

    text = commands()
    for words in ("vae-sweep launch", "vae-sweep job stop", "vae-sweep data fetch"):
        assert f"\n## {words}\n" in f"\n{text}"
    report = text.partition("## vae-sweep report\n")[2].partition("\n## ")[0]
    assert "vae-sweep report [OPTIONS] SWEEP" in report
    assert "table\\|json\\|csv" in report
    assert "[default: table]" in report


def test_every_field_with_what_a_file_without_it_comes_to() -> None:
    from reference_pages.sweep_file import domains, sweep_file

    text, schema = sweep_file(), json_schema()
    for part in (schema, *schema["$defs"].values()):
        if part.get("title") not in ("Choice", "IntRange", "FloatRange", "LogRange"):
            for name, field in part.get("properties", {}).items():
                assert "const" in field or f"\n| `{name}` |" in text
    assert row_of(text, "precision")[1:3] == ["`float32`, `bfloat16`, `auto`", "`auto`"]
    assert row_of(text, "latent_size") == ["`latent_size`", "whole number > 0", "`32`", r"n\_z"]
    assert row_of(text, "flat")[1:3] == ["number ≥ 0 and ≤ 1", "`0.5`"]
    assert row_of(text, "vocabulary_size")[1:3] == ["whole number > 4 or `null`", "`null`"]
    assert "[training.schedule: linear_decay](#trainingschedule-linear_decay)" in row_of(text, "schedule")[1]
    assert all(f"{{{kind}: " in domains() for kind in ("choice", "int", "float", "log"))


def test_every_row_with_its_parameters() -> None:
    from reference_pages.methods import methods

    text = methods()
    for name, method in METHODS.items():
        section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert method.title in section
        assert {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")} == set(
            method.parameters()
        )
    ours = text.partition("\n## ours\n")[2]
    assert row_of(ours, "target_rate")[:3] == ["`target_rate`", "float > 0", "`8`"]
    assert row_of(ours, "form")[1:3] == ["`max`, `mask`", "`max`"]


def test_every_metric() -> None:
    from reference_pages.metrics import metrics

    text = metrics()
    for metric in METRICS:
        assert row_of(text, metric)[0] == f"`{metric}`"
    assert row_of(text, "perplexity")[1:5] == ["PPL", "per token", "lower", "2"]
    assert row_of(text, "kl")[5] == r"KL(q(z|x) \|\| p(z)), summed over units".replace("q(z|x)", r"q(z\|x)")
