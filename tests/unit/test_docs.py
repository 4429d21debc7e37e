"""The pages: each command has its place, sweep files are read, Python runs, tables are as the README has them."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.documented.elsewhere import ELSEWHERE, Elsewhere, elsewhere, is_short, parses
from tests.documented.pages import (
    NOTEBOOKS,
    REPOSITORY,
    Command,
    Listing,
    commands,
    is_command,
    listings,
    meant,
    pages,
    parts,
)
from tests.documented.sandbox import MEANINGS, furnish, meant_here
from vae_sweep.config.reader import read_spec
from vae_sweep.errors import SpecError

RUN_HERE = ("vae-sweep ", "mlflow ui ", "python -c ", "export ", "mkdir ", "printf ")
"""What tests/integration/test_docs_commands.py runs, if ELSEWHERE does not name it."""


def of(language: str) -> list[Any]:
    """The listings of a language, for a test of each."""
    return [pytest.param(each, id=str(each)) for each in listings() if each.language == language]


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.words)
def test_a_command_has_its_place(command: Command) -> None:
    entry, words = elsewhere(command), meant_here(command.words)
    if entry is None:
        assert words.startswith(RUN_HERE), (
            f"{command.page}: {command.words}: place it in tests/documented/elsewhere.py"
        )
        if words.startswith("vae-sweep ") and not is_short(command):
            parses(words.partition(" > ")[0])
    elif not is_short(command):
        entry.check(words if entry.check is parses else command.words)


@pytest.mark.parametrize("entry", ELSEWHERE, ids=lambda entry: entry.start)
def test_an_entry_of_elsewhere_still_occurs(entry: Elsewhere) -> None:
    assert any(elsewhere(command) is entry for command in commands()), "no page shows it any more: take it out"


@pytest.mark.parametrize("word", [word for word in MEANINGS if word != "…"])
def test_a_meaning_is_still_needed(word: str) -> None:
    assert any(word in command.words for command in commands())


@pytest.mark.parametrize("listing", of(""))
def test_a_listing_without_a_language_shows_no_command(listing: Listing) -> None:
    assert not [line for line in listing.text.splitlines() if is_command(line)], "mark it sh"


def test_commands_are_marked_sh_alone() -> None:
    assert not {listing.language for listing in listings()} & {"bash", "shell", "console", "shell-session"}


@pytest.mark.parametrize("listing", of("yaml"))
def test_a_sweep_file_in_a_page_is_read(listing: Listing, tmp_path: Path) -> None:
    """A part of a file is read as what differs from the demo."""
    furnish(tmp_path)
    whole = {"corpus:", "extends:"} & {word for line in listing.text.splitlines() for word in line.split(" ")[:1]}
    text = listing.text if whole else f"extends: search_spaces/quickstart.yaml\n{listing.text}"
    if "extends:" not in text and "methods:" not in text:
        text += "methods: {vae: }\n"
    if any(f"{kind}: [" in text for kind in ("float", "log")) and "search:" not in text:
        text += "search: {kind: random, trials: 2}\n"
    (tmp_path / "page.yaml").write_text(text)
    read_spec(tmp_path / "page.yaml")
    (tmp_path / "page.yaml").write_text(f"{text}\nno_such_key: 1\n")
    with pytest.raises(SpecError, match="no_such_key"):
        read_spec(tmp_path / "page.yaml")


@pytest.mark.parametrize("listing", of("python"))
def test_python_in_a_page_runs(listing: Listing) -> None:
    code = compile(listing.text, str(listing), "exec")
    if "sweeps/" not in listing.text and listing.page not in NOTEBOOKS:
        # what reads a sweep, or launches one, runs in tests/integration/test_docs_commands.py
        exec(code, {"__name__": "page"})  # noqa: S102 - the page is ours


def test_the_readme_shows_columns_of_the_tutorials_table() -> None:
    tables = {each.page: each.text for each in listings() if each.text.startswith("quickstart: test split")}
    assert tables.keys() == {"README.md", "docs/tutorial.md"}
    whole = [line.split() for line in tables["docs/tutorial.md"].splitlines()]
    narrow = [line.split() for line in tables["README.md"].splitlines()]
    assert [words[:2] for words in narrow[4:-1]] == [words[:2] for words in whole[4:]]
    for words, all_words in zip(narrow[2:-1], whole[2:], strict=True):
        rest = iter(all_words)
        assert all(word.strip("─") in rest or not word.strip("─") for word in words), words


def test_every_page_of_docs_is_reached_by_links_alone() -> None:
    """What no link leads to is found by nobody; the site has its navigation besides."""
    seen, waiting = set(), [REPOSITORY / "README.md", REPOSITORY / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in seen and page.is_file():
            seen.add(page)
            targets = [part.partition(")")[0].partition("#")[0] for part in page.read_text().split("](")[1:]]
            waiting += [(page.parent / target).resolve() for target in targets if target.endswith(".md")]
    assert {page for page in pages() if page.parent != REPOSITORY} <= seen


def test_how_a_listing_is_taken_apart() -> None:
    text = "a one \\\n  --two    # why\n\n# a remark\nb 'c && d' && e & f &\n"
    assert list(itertools.islice(parts(text), 1)) == ["a one --two"]
    assert list(parts("b && e & f &\n")) == ["b", "e", "f"]
    assert meant(r"x a\|b [--c] [FILE.yaml]") == ["x a --c FILE.yaml", "x b --c FILE.yaml"]
    assert (
        meant_here("RAY=1 vae-sweep gc SWEEP --set a=SWEEPS")
        == "RAY=1 vae-sweep gc sweeps/quickstart --set a=SWEEPS"
    )
