"""The command `vae-sweep`: verbs, and the one place where an error becomes a message and an exit code."""

import os
import sys
from typing import Annotated

import typer

from trainables.base import VaeSweepError
from trainables.files import words
from vae_sweep.cli.arguments import show_all
from vae_sweep.cli.verbs import VerbGroup

app = typer.Typer(
    cls=VerbGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="Sweeps of text VAEs on Ray Tune, searched by Optuna, logged to MLflow (Li et al. 2019).",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from vae_sweep.cli.version import version_line

        print(version_line())
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Options of `vae-sweep` itself."""


def main() -> None:
    """Run the command line; a user's mistake, or what the system refuses, ends with a message and exit code 2."""
    show_all()
    try:
        try:
            app()
        finally:
            _flush()
    except VaeSweepError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        print(words(error), file=sys.stderr)
        sys.exit(2)


def _flush() -> None:
    """Write what stdout still holds; what it refuses is reported here, and not once more at Python's exit."""
    try:
        sys.stdout.flush()
    except OSError as error:
        error.filename = "stdout"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


if __name__ == "__main__":
    main()
