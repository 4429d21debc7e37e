"""Which trials are missing, by a sweep's journal, and how a trial of it is configured."""

from typing import Any

from trainables.methods import METHODS
from trainables.training.report import FinalReport
from vae_sweep.journal.records import SweepRecord
from vae_sweep.planning.allocation import TrialResources
from vae_sweep.planning.plan import Plan
from vae_sweep.search.sampling import Cell
from vae_sweep.search.state import Assignment, EvaluatedCell, SearchState, seeds_left


def search_state(plan: Plan, record: SweepRecord) -> SearchState:
    """Return what the journal knows: cells drawn, replicates ended, and what is left of the rest.

    Left are the trials that have started, and the seeds that every cell gets. A failed trial is left: what made it
    fail may have been mended since.
    """
    cells = [Cell(cell.number, cell.method, cell.values) for _, cell in sorted(record.cells.items())]
    ended: dict[int, dict[int, FinalReport]] = {}
    starts: dict[tuple[int, int], tuple[str, ...]] = {}
    for trial in record.trials.values():
        if trial.settled and trial.final is not None:
            final = trial.final
            plain = {"outcome": final.outcome, "reason": final.reason, "numbers": final.numbers}
            ended.setdefault(trial.cell, {})[trial.seed] = FinalReport.model_validate(plain)
        else:
            starts[trial.cell, trial.seed] = tuple(str(place) for place in reversed(trial.checkpoints))
    unfinished = [
        Assignment(cell, seed, starts.get((cell.number, seed), ()))
        for cell in cells
        for seed in plan.spec.seeds
        if (cell.number, seed) in starts or seed in seeds_left(plan.spec, ended.get(cell.number, {}))
    ]
    warm = [EvaluatedCell(cell["method"], cell["values"], tuple(cell["objectives"])) for cell in record.warm]
    return SearchState(cells, ended, unfinished, warm)


def fruitless(record: SweepRecord) -> str | None:
    """Return in words that a sweep has ended without a number to show, None where one of its trials has any."""
    finals = [trial.final for trial in record.trials.values()]
    if not finals or any(final is None or final.outcome != "diverged" for final in finals):
        return None
    each = "the only trial" if len(finals) == 1 else f"each of the {len(finals)} trials"
    return (
        f"{each} diverged, and no more is to be run; lower training.learning_rate or training.clip, or set "
        "model.precision=float32, and launch under another name"
    )


def trial_name(cell: Cell, seed: int) -> str:
    """Return a trial's identity: cell number, method, seed."""
    return f"{cell.number:04d}-{cell.method}-s{seed}"


def trial_config(plan: Plan, assignment: Assignment) -> dict[str, Any]:
    """Return the config of one Ray trial, as `trainables.ray_trainable.train` takes it."""
    cell, seed = assignment.cell, assignment.seed
    trial = plan.spec.trial(cell.method, cell.values, seed, plan.corpus.fingerprint)
    return {
        "trial": trial.model_dump(mode="json"),
        "data_directory": str(plan.data_directory),
        "threads": plan.shares[cell.method].threads,
        "starts": list(assignment.starts),
        "share": 2**assignment.retries,
        "identity": {
            "trial": trial_name(cell, seed),
            "cell": cell.number,
            "seed": seed,
            "method": cell.method,
            "values": cell.values,
        },
    }


def pretraining_of(plan: Plan, assignment: Assignment) -> tuple[str, TrialResources] | None:
    """Return what names the pretraining that a trial shares with others; None where it has none."""
    cell, method = assignment.cell, METHODS[assignment.cell.method]
    if not plan.spec.storage.share_pretraining or not (method.pretrain or method.autoencodes):
        return None
    trial = plan.spec.trial(cell.method, cell.values, assignment.seed, plan.corpus.fingerprint)
    return trial.phases()[0].key(), plan.shares[cell.method]
