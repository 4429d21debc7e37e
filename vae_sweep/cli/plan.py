"""`vae-sweep plan`: what a launch would run."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from vae_sweep.cli.arguments import Overrides, make_console
from vae_sweep.cli.recipes import recipe_tables
from vae_sweep.cli.remarks import remarks_table
from vae_sweep.config.reader import read_spec
from vae_sweep.journal.metrics import values_text
from vae_sweep.results.paper_splits import recognise

if TYPE_CHECKING:
    from vae_sweep.planning.plan import Plan


DiffRecipes = Annotated[
    bool,
    typer.Option("--diff-recipes", help="Show only in what the recipes differ, in a sweep file or at all."),
]
PlannedFile = Annotated[
    Path | None,
    typer.Argument(metavar="SPACE.yaml", help="The sweep file; --diff-recipes needs none.", show_default=False),
]


NoEstimate = Annotated[
    bool,
    typer.Option("--no-estimate", help="Leave out the estimate of time, memory and disk, which takes a while."),
]


def plan(
    space: PlannedFile = None,
    overrides: Overrides = None,
    diff_recipes: DiffRecipes = False,
    no_estimate: NoEstimate = False,
) -> None:
    """Check a sweep file, its corpus and resources, show what a launch would run, and estimate what it takes."""
    console = make_console()
    if diff_recipes:
        for part in recipe_tables(space, overrides or ()):
            console.print(part)
    elif space is None:
        raise typer.BadParameter("give a sweep file, e.g. search_spaces/quickstart.yaml", param_hint="SPACE.yaml")
    else:
        spec = read_spec(space, overrides or ())
        from vae_sweep.planning.plan import make_plan
        from vae_sweep.planning.warm_start import warm_cells

        made = make_plan(spec)
        for part in plan_tables(made):
            console.print(part)
        if (warm := warm_cells(made)) is not None:
            others = f", {warm.others} others do not fit" if warm.others else ""
            console.print(f"learns from {len(warm.cells)} cells of {warm.sweep}{others}", soft_wrap=True)
        if not no_estimate:
            _print_estimate(console, made)


def plan_tables(made: "Plan") -> list[RenderableType]:
    """Return the corpus, the remarks on it, the cells and the totals of a plan."""

    remarks = [remarks_table(made.remarks)] if made.remarks else []
    return [_corpus_table(made), *remarks, _cell_table(made), _totals(made)]


def _print_estimate(console: Console, made: "Plan") -> None:
    from vae_sweep.planning.estimate.estimate import estimate
    from vae_sweep.planning.estimate.lines import estimate_lines
    from vae_sweep.planning.estimate.measure import measure_plan
    from vae_sweep.planning.estimate.work import planned_work

    work = planned_work(made)
    with console.status("measuring a few steps of each kind on this machine"):
        costs = measure_plan(made, work)
    for line in estimate_lines(made, estimate(costs, work)):
        console.print(line, soft_wrap=True, highlight=False)


def _corpus_table(made: "Plan") -> RenderableType:
    from trainables.text.vocabulary import SPECIAL

    corpus = made.corpus
    words = len(corpus.vocabulary) - len(SPECIAL)
    title = f"corpus {corpus.title}, fingerprint {corpus.fingerprint[:12]}, {words} words"
    table = Table("split")
    for heading in ("sentences", "tokens/sentence", "<unk> among words"):
        table.add_column(heading, justify="right")
    for name, split in corpus.splits.items():
        share = f"{split.unknown} ({split.unknown_share:.2%})"
        table.add_row(name, f"{len(split.sentences):,}", f"{split.tokens_per_sentence:.3f}", share)
    recognised = recognise({name: split.digest for name, split in corpus.splits.items()})
    return Group(Text(title, style="bold"), table, *([Text(f"{recognised}")] if recognised else []))


def _cell_table(made: "Plan") -> RenderableType:

    spec = made.spec
    title = f"sweep {spec.name}: {spec.search.kind}, objectives {' and '.join(spec.search.objectives)}"
    table = Table("method", "values", "a trial runs")
    for cell in made.cells or ():
        table.add_row(
            cell.method, values_text(cell.values), f"{' then '.join(cell.phases)}, {cell.epochs} epochs at most"
        )
    if made.cells is None:
        for name, row in spec.methods.items():
            domains = ", ".join(f"{key}: {_domain_text(domain)}" for key, domain in row.items())
            table.add_row(name, domains, "drawn as the search goes")
    return Group(Text(title, style="bold"), table)


def _domain_text(domain: object) -> str:

    if isinstance(domain, BaseModel):
        [(kind, value)] = domain.model_dump(mode="json", by_alias=True).items()
        return f"{kind} {value}"
    return str(domain)


def _totals(made: "Plan") -> str:
    from trainables.measure.adapted import FEWEST_PASSES
    from vae_sweep.planning.memory import memory_limit

    seeds = len(made.spec.seeds)
    text = f"{made.cell_count} cells × {seeds} seed{'s' * (seeds > 1)} = {made.trial_count} trials, "
    text += f"each on {_shares_text(made)}"
    if not any("model.precision" in row for row in made.spec.methods.values()):
        text += f", in {made.spec.model.precision}"
    if (most := made.spec.resources.max_gpus) is not None:
        text += f", at most {most:g} GPU{'s' * (most > 1)} at once"
    if (found := made.trainings) and found.pretrainings:
        text += f"; {found.needed} trainings"
        text += f" instead of {found.asked}" if found.needed < found.asked else ""
        text += f": {found.distinct} pretraining{'s' * (found.distinct > 1)}"
        text += f" for {found.pretrainings} trial{'s' * (found.pretrainings > 1)}"
        text += f", {found.stored} stored already" if found.stored else ""
    if (first := len(made.spec.first_seeds)) < seeds:
        text += f"; at most so many: {first} of the seeds at first, the others for cells near the front"
    if not os.environ.get("RAY_ADDRESS") and (bound := memory_limit()) is not None:
        text += f"\n{bound}"
    if made.unjudged:
        text += (
            f"\nwarning: search.pruning.rungs: {', '.join(made.unjudged)} ends, or is annealed, before any of them"
        )
    for field in made.unadapted:
        text += (
            f"\nwarning: evaluation.{field}: below {FEWEST_PASSES} decoder passes no proposal is adapted, so that "
            "perplexity is by samples from q, which is too high where λ is; give it more"
        )
    wrong = [word for word in made.spec.search.objectives if word == "neg_elbo"]
    if wrong:
        text += "\nwarning: the ELBO as an objective favours collapsed models; perplexity is the paper's"
    return text


def _shares_text(made: "Plan") -> str:
    """Return what trials occupy: what most methods do, then who differs."""
    shares = list(made.shares.values())
    usual = max(shares, key=shares.count)
    others = [f"{method} on {share}" for method, share in made.shares.items() if share != usual]
    return str(usual) + (f" ({', '.join(others)})" if others else "")
