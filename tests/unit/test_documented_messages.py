"""Every message that the page on troubleshooting quotes is one of the code's."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain

import pytest

from tests.documented.pages import REPOSITORY

PAGE = REPOSITORY / "docs" / "troubleshooting.md"
ROW = re.compile(r"^\| [^|`]*`(?P<message>[^`]+)`[^|]*\|[^|]*\|[^|]*\|$", re.MULTILINE)
SHELL = "vae-sweep: command not found"
"""The shell's own words."""


def texts_of(tree: ast.AST) -> Iterator[str]:
    """The texts of a module; what an f-string puts in is a NUL."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def said() -> str:
    """Everything that the code may say."""
    files = chain.from_iterable((REPOSITORY / name).rglob("*.py") for name in ("vae_sweep", "trainables"))
    return "\n".join(text for file in files for text in texts_of(ast.parse(file.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("message", [row["message"] for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))])
def test_a_message_of_the_page_is_said(message: str) -> None:
    parts = [part.strip() for part in message.split("…") if len(part.strip()) > 3]
    assert parts, f"{message}: nothing of it is fixed"
    assert [part for part in parts if part not in said()] == [SHELL] * (message == SHELL)


def test_the_page_has_messages() -> None:
    assert len(ROW.findall(PAGE.read_text(encoding="utf-8"))) > 25
