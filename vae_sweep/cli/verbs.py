"""The verbs of `vae-sweep`: a verb's module is imported when the verb is called or its own help is asked."""

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Verb(NamedTuple):
    """Where a verb is, a function or a group of verbs, and its line in `vae-sweep --help`."""

    module: str
    name: str
    help: str


VERBS = {
    "init": Verb(
        "init",
        "init",
        "Write a commented sweep file for a corpus, of a size that ends in time on this machine.",
    ),
    "plan": Verb(
        "plan",
        "plan",
        "Check a sweep file, its corpus and resources, show what a launch would run, and estimate what it takes.",
    ),
    "launch": Verb(
        "launch",
        "launch",
        "Run a sweep; on a sweep that was launched before with the same file, run what is missing.",
    ),
    "resume": Verb(
        "launch",
        "resume",
        "Run what is missing of a sweep, from its folder alone; nothing that ended runs again.",
    ),
    "status": Verb(
        "status",
        "status",
        "Show how a sweep stands, also while another process runs it: trials, failures, time left; writes "
        "nothing.",
    ),
    "list": Verb(
        "status",
        "list_sweeps",
        "Show every sweep in a storage directory; a damaged one is named in its line.",
    ),
    "stop": Verb(
        "stop",
        "stop",
        "Stop a running sweep from another process: each running trial ends after its running epoch, "
        "checkpointed.",
    ),
    "explain": Verb(
        "explain",
        "explain",
        "Say why a trial ended as it did, with the numbers that show it, and what to do next; writes nothing.",
    ),
    "replay": Verb(
        "replay",
        "replay",
        "Run a trial again in this process and compare every number with the journal, bit for bit; writes "
        "nothing.",
    ),
    "sync": Verb(
        "launch",
        "sync",
        "Send to MLflow what is missing there of a sweep; safe to repeat, nothing arrives twice.",
    ),
    "report": Verb(
        "report",
        "report",
        "Show every cell of a sweep with the metrics of the paper's tables, also while the sweep runs.",
    ),
    "compare": Verb(
        "compare",
        "compare",
        "Hold sweeps on one corpus against the first: shared cells by seed, fronts, hypervolumes, costs, "
        "settings.",
    ),
    "probe": Verb(
        "probe",
        "probe",
        "Run the paper's probes on ended trials (Tables 4 to 8, 12, 13); what was probed before is not run again.",
    ),
    "score": Verb(
        "score",
        "score",
        "Measure the weights that trials left anew; each score is journaled beside those before, the newest "
        "is shown.",
    ),
    "generate": Verb(
        "use",
        "generate",
        "Print sentences drawn from the model: z from the prior, then word after word.",
    ),
    "reconstruct": Verb(
        "use",
        "reconstruct",
        "Print what comes back of each sentence through its code, one line for one line.",
    ),
    "interpolate": Verb(
        "use",
        "interpolate",
        "Print the sentences on the way between the codes of two sentences.",
    ),
    "encode": Verb(
        "use",
        "encode",
        "Print the code of each sentence, its posterior mean, as a JSON array on a line.",
    ),
    "register": Verb(
        "register",
        "register",
        "Register trials as models in MLflow; a trial that is registered under the name keeps its version.",
    ),
    "doctor": Verb(
        "doctor",
        "doctor",
        "Look for open ports, readable secrets and unsound storage; one line a finding, exit code 1 on a problem.",
    ),
    "repair": Verb(
        "repair",
        "repair",
        "Mend a damaged journal: a copy is kept, what is sound stays, and what is lost is named.",
    ),
    "gc": Verb(
        "gc",
        "gc",
        "Delete checkpoints and pretrainings that nothing needs any more; the front, the best and what is "
        "open stay.",
    ),
    "schema": Verb("schema", "schema", "Print the JSON Schema of a sweep file, for editors."),
    "submit": Verb(
        "submit",
        "submit",
        "Send a sweep to a Ray cluster as a job; sent again, say how it stands, or run what is missing.",
    ),
    "job": Verb("job", "app", "Look after a sweep that was submitted to a cluster."),
    "data": Verb("data", "app", "Fetch corpora, import tables, and see which are here."),
}


class VerbGroup(TyperGroup):
    """A group that lists its verbs by VERBS alone, and imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands.update({name: TyperCommand(name, help=verb.help) for name, verb in VERBS.items()})

    def resolve_command(
        self, ctx: Any, args: list[str]
    ) -> tuple[str | None, TyperCommand | TyperGroup | None, list[str]]:
        """Return the verb that is called, imported, and its arguments."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else load(name), rest


def load(name: str) -> TyperCommand | TyperGroup:
    """Import a verb."""
    verb = VERBS[name]
    found = getattr(import_module(f"vae_sweep.cli.{verb.module}"), verb.name)
    if isinstance(found, typer.Typer):
        group = typer.main.get_group(found)
        group.name = name
        return group
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    command = typer.main.get_command(alone)
    if not isinstance(command, TyperCommand):
        raise TypeError(f"{name}: {command!r} is no command")
    return command
