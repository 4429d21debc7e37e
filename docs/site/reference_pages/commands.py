"""Every command of `vae-sweep`, with its arguments and options, from the command tree itself."""

import inspect
from collections.abc import Iterator

import typer
from typer.core import TyperCommand, TyperGroup

from reference_pages.markdown import code, table
from vae_sweep.cli.verbs import VERBS, load

PROGRAM = "vae-sweep"


def commands() -> str:
    """Return a section for each command, in the order of `vae-sweep --help`."""
    return "\n\n".join(_section(words, command) for words, command in leaves())


def leaves() -> Iterator[tuple[str, TyperCommand]]:
    """Yield each command that does something, with the words that call it."""
    for name in VERBS:
        yield from _below(f"{PROGRAM} {name}", load(name))


def _below(words: str, command: object) -> Iterator[tuple[str, TyperCommand]]:
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            yield from _below(f"{words} {name}", below)
    elif isinstance(command, TyperCommand):
        yield words, command


def _section(words: str, command: TyperCommand) -> str:
    context = typer.Context(command, info_name=words)
    pieces = " ".join(command.collect_usage_pieces(context)).replace("{", "").replace("}", "")
    records = [parameter.get_help_record(context) for parameter in command.params]
    rows = [(code(record[0]), record[1]) for record in records if record]
    parts = [f"## {words}", inspect.cleandoc(command.help or ""), f"```sh\n{words} {pieces}\n```"]
    if rows:
        parts.append(table(("argument or option", "what"), rows))
    return "\n\n".join(parts)
