"""What is still sound in a damaged journal: whole lines, lines behind NULs, lines that ran into each other."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from vae_sweep.journal.parsing import KINDS, Line, problem_of

BEGIN = re.compile(r'\{\s*"kind"')
_FIELD = re.compile(r'"(kind|trial|phase|cell|epoch)":\s*"?([\w.-]+)')
MOST_SHOWN = 60


@dataclass(frozen=True)
class Piece:
    """One line of the file: what of it is sound, and what is wrong with it, None where nothing is."""

    number: int
    lines: list[Line]
    problem: str | None


def pieces(content: bytes) -> Iterator[Piece]:
    """Yield the lines of a journal, damaged or not."""
    for number, raw in enumerate(content.removesuffix(b"\n").split(b"\n") if content else (), start=1):
        yield _piece(number, raw.decode(errors="replace"))


def _piece(number: int, text: str) -> Piece:
    try:
        line, wrong = json.loads(text), None
        wrong = problem_of(line)
    except ValueError:
        line, wrong = None, "not JSON"
    if wrong is None and "\ufffd" not in text:
        return Piece(number, [line], None)
    found = list(_within(text))
    rest = text
    for _, part in found:
        rest = rest.replace(part, "", 1)
    left = rest.strip("\0 \t\r")
    if not left:
        held = f"{len(found)} whole lines, which are saved" if found else "nothing"
        return Piece(number, [line for line, _ in found], f"not one line of JSON; it holds {held}")
    kept = f"; {len(found)} whole lines in it are saved" if found else ""
    return Piece(number, [line for line, _ in found], f"{wrong or 'not text'}; lost: {_named(left)}{kept}")


def _within(text: str) -> Iterator[tuple[Line, str]]:
    """Yield the whole lines that stand somewhere in a text, with how they are written there."""
    decoder, at = json.JSONDecoder(), 0
    while (match := BEGIN.search(text, at)) is not None:
        try:
            line, end = decoder.raw_decode(text, match.start())
        except ValueError:
            at = match.end()
            continue
        part, at = text[match.start() : end], end
        if problem_of(line) is None and "\ufffd" not in part:
            yield line, part


def _named(text: str) -> str:
    """Return what a damaged piece was, as far as its fields can still be read."""
    fields: dict[str, str] = {}
    for match in _FIELD.finditer(text):
        fields.setdefault(match[1], match[2])
    kind = fields.pop("kind", None)
    named = f"a line of kind {kind}" if kind in KINDS else "a line"
    if fields:
        return f"{named} ({', '.join(f'{name} {value}' for name, value in fields.items())})"
    shown = "".join(char if char.isprintable() else "?" for char in text[:MOST_SHOWN])
    return f"{named} that begins {shown!r}"
