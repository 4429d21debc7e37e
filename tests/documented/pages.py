"""The listings and commands of the pages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
NOTEBOOKS = ("docs/python.md",)
"""Pages whose Python runs as a whole, block after block."""

LISTING = re.compile(r"^(?P<indent> *)```(?P<language>[a-z-]*)\n(?P<text>.*?)^ *```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`(?P<text>[^`]+)`(?!`)")
PROGRAMS = (
    "vae-sweep", ".venv/bin/[a-z-]+", "make", "python3?", "pip", "docker", "docker/secrets.sh", "kubectl",
    "kustomize", "cd", "sbatch", "ray", "ssh", "mlflow", "optuna-dashboard", "export", "mkdir", "printf",
)  # fmt: skip
"""What a command begins with, after the variables that it sets."""

START = re.compile(rf"([A-Z_a-z]+=\S+ )*({'|'.join(PROGRAMS)})( |$)")


@dataclass(frozen=True)
class Listing:
    """A fenced block: where it stands, what it says it is, its text."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command as it is written, on one line; `inline` is one in a sentence or a table."""

    page: str
    words: str
    inline: bool


def pages() -> list[Path]:
    """Every page that a user reads."""
    return [
        REPOSITORY / "README.md",
        REPOSITORY / "CONTRIBUTING.md",
        *sorted((REPOSITORY / "docs").glob("**/*.md")),
    ]


def name_of(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@cache
def listings() -> tuple[Listing, ...]:
    """Every fenced block of every page."""
    found = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for match in LISTING.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Listing(name_of(page), line, match["language"], match["text"]))
    return tuple(found)


def is_command(text: str) -> bool:
    """Whether a text begins as a command does, and is more than a program's name."""
    return START.match(text) is not None and " " in text


@cache
def commands() -> tuple[Command, ...]:
    """Every distinct command, in the order of the pages: those of listings marked `sh` first."""
    listed = [
        Command(listing.page, words, False)
        for listing in listings()
        if listing.language == "sh"
        for words in parts(listing.text)
    ]
    known = {command.words for command in listed}
    spoken = [
        Command(name_of(page), words, True)
        for page in pages()
        for match in INLINE.finditer(LISTING.sub("", page.read_text(encoding="utf-8")))
        for words in meant(" ".join(match["text"].split()))
        if is_command(words) and words not in known
    ]
    return tuple({command.words: command for command in [*listed, *spoken]}.values())


def parts(text: str) -> Iterator[str]:
    """Yield the single commands of a listing: lines joined where they go on, comments left out, `&&` apart."""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        plain = re.sub(r"(^|\s+)#\s.*$", "", line).strip()
        yield from (" ".join(part.split()) for part in re.split(r"\s+&&?(?:\s+|$)", plain) if part)


def meant(text: str) -> list[str]:
    r"""Every command that a short form stands for: `a\|b` is a or b, what is in brackets is there."""
    plain = re.sub(r"\[(-[^]]*|[A-Z][A-Za-z.]*)\]", r"\1", text)
    choices = [word.split(r"\|") for word in plain.split(" ")]
    return [" ".join(chosen) for chosen in product(*choices)]
