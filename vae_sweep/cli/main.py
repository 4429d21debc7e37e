"""The command `vae-sweep`: verbs, and the one place where an error becomes a message and an exit code."""

import os
import sys

import typer

from trainables.base import VaeSweepError
from trainables.files import words
from vae_sweep.cli import (
    compare,
    data,
    doctor,
    explain,
    gc,
    init,
    job,
    launch,
    plan,
    probe,
    register,
    repair,
    replay,
    report,
    schema,
    score,
    status,
    stop,
    submit,
    use,
)
from vae_sweep.cli.arguments import show_all

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Sweeps of text VAEs on Ray Tune, searched by Optuna, logged to MLflow (Li et al. 2019).",
)
app.command("init")(init.init)
app.command("plan")(plan.plan)
app.command("launch")(launch.launch)
app.command("resume")(launch.resume)
app.command("status")(status.status)
app.command("list")(status.list_sweeps)
app.command("stop")(stop.stop)
app.command("explain")(explain.explain)
app.command("replay")(replay.replay)
app.command("sync")(launch.sync)
app.command("report")(report.report)
app.command("compare")(compare.compare)
app.command("probe")(probe.probe)
app.command("score")(score.score)
app.command("generate")(use.generate)
app.command("reconstruct")(use.reconstruct)
app.command("interpolate")(use.interpolate)
app.command("encode")(use.encode)
app.command("register")(register.register)
app.command("doctor")(doctor.doctor)
app.command("repair")(repair.repair)
app.command("gc")(gc.gc)
app.command("schema")(schema.schema)
app.command("submit")(submit.submit)
app.add_typer(job.app, name="job")
app.add_typer(data.app, name="data")


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
