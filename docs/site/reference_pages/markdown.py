"""Markdown from plain values."""

import re
from collections.abc import Iterable, Sequence

MARK = re.compile(r"^<!-- generated: (?P<part>[a-z-]+) -->$", re.MULTILINE)
"""The line of a page that gives way to what the code says."""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; bars and line breaks inside a cell cannot end it."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def cell(text: str) -> str:
    """Return a text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def code(value: object) -> str:
    """Return a value as code; nothing for a value that is not there."""
    return f"`{value}`" if str(value) else ""


def link(text: str, heading: str) -> str:
    """Return a link to a heading of the same page, by the rule that code hosts and the site share."""
    return f"[{text}](#{re.sub(r'[^a-z0-9_ -]', '', heading.lower()).replace(' ', '-')})"


def free(text: str) -> str:
    """Return a text whose signs Markdown would take for its own, as they are."""
    return re.sub(r"([*_<])", r"\\\1", text)
