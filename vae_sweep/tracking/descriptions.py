"""The descriptions of runs and models in MLflow's UI, as Markdown."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from trainables.methods import METHODS
from trainables.training.report import Outcome
from vae_sweep.config.paths import pasted
from vae_sweep.journal.invariants import metrics_of
from vae_sweep.journal.metrics import METRICS, values_text
from vae_sweep.journal.records import Numbers, SweepRecord, TrialRecord
from vae_sweep.results.leaders import Leaders
from vae_sweep.statistics.trust import TIGHT, bad_share, cannot_tell

SHOWN = ("perplexity", "iw_perplexity", "reconstruction", "kl", "mutual_information", "active_units", "neg_elbo")
"""Metrics that a trial shows first: as metrics under their own names, and in descriptions."""

_SPLITS = ("validation", "test")
_OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
MOST_WINNERS = 20


def trial_title(trial: TrialRecord) -> str:
    """Return a trial's method, values and seed, e.g. `ours λ=4 s0`."""
    values = values_text(trial.values)
    return f"{trial.method} {values} s{trial.seed}" if values else f"{trial.method} s{trial.seed}"


def sweep_title(sweep: SweepRecord) -> str:
    """Return a sweep's name, corpus and search, e.g. `quickstart: captions, grid`."""
    about = [sweep.launches[-1].corpus.get("name"), sweep.spec.get("search", {}).get("kind")]
    return ": ".join(filter(None, (sweep.name, ", ".join(filter(None, about)))))


def counts(sweep: SweepRecord) -> dict[str, int]:
    """Return how many trials of a sweep have which outcome; `trials` are all that started."""
    found = Counter(trial.final.outcome if trial.final else "open" for trial in sweep.trials.values())
    return {"trials": len(sweep.trials)} | {f"trials_{name}": found[name] for name in ("open", *_OUTCOMES)}


def sweep_note(sweep: SweepRecord, leaders: Leaders, report: bool) -> str:
    """Return what a sweep's run says of itself: what it is, how it ended, whom its numbers favour."""
    launch, folder = sweep.launches[-1], sweep.folder
    kind = sweep.spec.get("search", {}).get("kind", "")
    known = ", ".join(f"{count} {name.removeprefix('trials_')}" for name, count in counts(sweep).items() if count)
    lines = [
        f"Sweep **{sweep.name}**: {kind} search over text VAEs on {_corpus(launch.corpus)}.",
        f"**{sweep.ended or 'running'}**, {known}, of {len(sweep.cells)} cells.",
    ]
    if leaders.winners:
        rows = [_row(sweep.trials[name]) for name in leaders.winners[:MOST_WINNERS]]
        lines += ["The front, each cell's best replicate, validation split:", _table(("trial", *_symbols()), rows)]
    if report:
        lines.append("Artifacts: `report/report.html` is the whole report, `report/front.png` the front.")
    lines.append(
        _commands(
            f"vae-sweep report {pasted(folder)}",
            f"vae-sweep generate {pasted(folder)}",
            "vae-sweep launch spec.json    # again, from this run's artifact",
        )
    )
    return "\n\n".join(lines)


def trial_note(sweep: SweepRecord, trial: TrialRecord) -> str:
    """Return what a trial's run says of itself: what it is, its outcome, its numbers, what to do with it."""
    folder = sweep.folder
    lines = [f"**{trial_title(trial)}**: {_method(trial)}, cell {trial.cell} of sweep {sweep.name}."]
    if trial.final is None:
        return "\n\n".join([*lines, "It has not ended."])
    reason = (trial.final.reason or "").strip().splitlines()
    lines.append(f"**{trial.final.outcome}**{': ' + reason[-1] if reason else ''}")
    measured = {"validation": trial.final.numbers, "test": trial.scored}
    for split, numbers in measured.items():
        if cannot_tell([known := metrics_of(numbers, split)], TIGHT):
            share = f"{bad_share([known]):.1%} of the sentences have Pareto k > 0.7"
            lines.append(f"PPL on {split} is not known and ranks nothing: {share} after all samples.")
    rows = [(split, *_values(measured[split], split)) for split in _SPLITS if any(_values(measured[split], split))]
    if rows:
        lines.append(_table(("split", *_symbols()), rows))
    commands = [f"vae-sweep explain {pasted(folder)} {trial.id}", f"vae-sweep replay {pasted(folder)} {trial.id}"]
    if trial.final.checkpoint is not None:
        lines.append(
            "Artifacts: `weights.safetensors` and `vocabulary.json` are the model, `trial.json` is its spec, "
            "`samples.txt` has reconstructions and samples" + (", `probes` its probes." if trial.probes else ".")
        )
        commands.append(f"vae-sweep reconstruct {pasted(folder)} {trial.id}")
    return "\n\n".join([*lines, _commands(*commands)])


def short_numbers(numbers: Numbers, split: str) -> dict[str, float]:
    """Return the metrics of SHOWN that numbers have of a split."""
    found = {metric: numbers.get(f"{split}/{metric}") for metric in SHOWN}
    return {metric: value for metric, value in found.items() if value is not None}


def _method(trial: TrialRecord) -> str:
    return METHODS[trial.method].title if trial.method in METHODS else trial.method


def _corpus(corpus: Mapping[str, Any]) -> str:
    sentences = corpus.get("sentences", {}).get("train")
    return f"{corpus.get('name', 'a corpus')}" + (f" ({sentences} training sentences)" if sentences else "")


def _symbols() -> tuple[str, ...]:
    return tuple(METRICS[metric].symbol for metric in SHOWN)


def _row(trial: TrialRecord) -> tuple[str, ...]:
    numbers = trial.final.numbers if trial.final else {}
    return (f"{trial_title(trial)} (`{trial.id}`)", *_values(numbers, "validation"))


def _values(numbers: Numbers, split: str) -> tuple[str, ...]:
    known = short_numbers(numbers, split)
    return tuple(f"{known[metric]:z.{METRICS[metric].digits}f}" if metric in known else "" for metric in SHOWN)


def _table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(heading)
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _commands(*lines: str) -> str:
    return "\n".join(("```", *lines, "```"))
