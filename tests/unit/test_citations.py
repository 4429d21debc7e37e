"""What code, docs and schema cite of the paper is there."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAPER = ROOT / (os.environ.get("VAE_SWEEP_PAPER") or "../shared/paper/li2019.txt")
PLACES = {
    "section": {"1", "2", "2.1", "2.2", "2.3", "2.4", "3", "3.1", "3.2", "3.3", "4"},
    "appendix": {"A", "B", "C", "D"},
    "table": {str(number) for number in range(1, 14)},
    "eq.": {"1"},
}
"""The sections, appendices, tables and numbered equations of Li et al. 2019."""

NUMBERS = r"((?:\d+(?:\.\d+)*|[A-Z])\b(?:(?:,| and| or| to) (?:\d+(?:\.\d+)*|[A-Z])\b)*)"
CITATION = re.compile(rf"\b(sections?|appendix|appendices|tables?|eqs?\.) {NUMBERS}", re.IGNORECASE)
OTHERS = re.compile(r"\b(?!Li )(?:\w+ et al\.|\w+ and \w+) \d{4}, (?:[a-z]+ [\d.]+, )?$")
"""Another work, named right before the place in it."""


def cited(text: str) -> Iterator[tuple[str, str]]:
    """Every place that a text cites of the paper: what kind, and which."""
    text = re.sub(r"\s+", " ", text)
    for found in CITATION.finditer(text):
        kind = {"s": "section", "a": "appendix", "t": "table", "e": "eq."}[found[1][0].lower()]
        if not OTHERS.search(text[: found.start()]):
            yield from ((kind, number) for number in re.findall(r"\d+(?:\.\d+)*|\b[A-Z]\b", found[2]))


def sources() -> list[Path]:
    folders = ("trainables", "vae_sweep", "benchmarks", "docs", "search_spaces")
    kinds = (".py", ".md", ".json", ".yaml", ".csv")
    inside = [path for name in folders for path in (ROOT / name).rglob("*") if path.suffix in kinds]
    return [*inside, ROOT / "README.md", ROOT / "CHANGELOG.md"]


def test_places_are_found_where_the_paper_is_meant() -> None:
    text = "(paper, section 2.1; Vehtari et al. 2024, section 3.2.4), Tables 1 to 3 and\n10; eq. 1 and Appendix B"
    expected = [("section", "2.1"), *(("table", number) for number in ("1", "3", "10")), ("eq.", "1")]
    assert list(cited(text)) == [*expected, ("appendix", "B")]
    assert list(cited("(Burda et al. 2016, eq. 8), as a section of the page")) == []


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_cited_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [place for place in cited(text) if place[1] not in PLACES[place[0]]] == []
    assert not re.search(r"code,\s+section", text), "the authors' code has no sections"


@pytest.mark.skipif(not PAPER.is_file(), reason=f"no paper at {PAPER}: set VAE_SWEEP_PAPER to its text")
def test_these_are_the_places_of_the_paper() -> None:
    text = PAPER.read_text(encoding="utf-8")
    headings = re.findall(r"^ ?(\d(?:\.\d)?|[A-Z]) [A-Z][a-z]+", text, re.MULTILINE)
    assert PLACES["section"] | PLACES["appendix"] <= set(headings)
    assert set(re.findall(r"^ ?Table (\d+):", text, re.MULTILINE)) == PLACES["table"]
