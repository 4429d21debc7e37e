"""Laws of garbage collection on any sweep: what is required stays, twice is once, nothing else is touched."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.handmade import OUTPUTS, Handmade, pretraining, progress, spec_in, stored, taken, tree
from vae_sweep.gc.collect import collect
from vae_sweep.results.front import front_cells
from vae_sweep.results.retention import COLLECTED_FILE, missing_scores

QUICK = settings(derandomize=True, max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RATES = (2, 4, 8)


@dataclass(frozen=True)
class Run:
    """How a trial goes; `outcome` None leaves it open, `restarts` are checkpoints of a second attempt."""

    cell: int
    seed: int
    outcome: str | None
    perplexity: int
    epochs: int
    restarts: int
    scored: bool


runs = st.lists(
    st.builds(
        Run,
        cell=st.integers(0, 2),
        seed=st.integers(0, 1),
        outcome=st.sampled_from(["finished", "finished", "collapsed", "diverged", "failed", None]),
        perplexity=st.integers(1, 4),
        epochs=st.integers(0, 2),
        restarts=st.integers(0, 2),
        scored=st.booleans(),
    ),
    max_size=5,
    unique_by=lambda run: (run.cell, run.seed),
)


@contextmanager
def sweep_of(plan: list[Run], final: str) -> Iterator[Handmade]:
    with tempfile.TemporaryDirectory() as directory:
        storage = Path(directory)
        methods = {"ours": {"target_rate": {"choice": list(RATES)}}}
        sweep = Handmade(spec_in(storage, methods=methods, evaluation={"final": final}))
        names = {run: sweep.start(run.cell, run.seed, "ours", target_rate=RATES[run.cell]) for run in plan}
        for run, name in names.items():
            sweep.epochs(name, *range(run.epochs))
        sweep.launch(attempt=2)
        for run, name in names.items():
            if run.restarts:
                sweep.start(run.cell, run.seed)
                sweep.epochs(name, *range(run.epochs, run.epochs + run.restarts))
            if run.outcome:
                sweep.end(name, run.outcome, perplexity=run.perplexity)
            if run.outcome in ("finished", "collapsed") and run.scored:
                sweep.score(name)
        stored(storage / "pretrained", pretraining(sweep.spec, 0))
        progress(storage / "pretrained", pretraining(sweep.spec, 9))
        yield sweep


def required(sweep: Handmade) -> list[Path]:
    """Every file that must stay, as the rules are written."""
    record, found = sweep.record, []
    trials = list(record.trials.values())
    for trial in trials:
        if not trial.settled:
            newest = [path for path in reversed(trial.checkpoints) if path.is_dir()][:2]
            found += [file for path in newest for file in path.iterdir()]
    ended = {trial.id: trial.final for trial in trials if trial.settled and trial.final and trial.final.checkpoint}
    front = front_cells(record, sweep.spec.search.objectives)
    names = {trial.id for trial in trials if trial.cell in front}
    names |= {trial.id for trial in missing_scores(sweep.spec, record)}
    for cell in record.cells:
        twins = [trial for trial in trials if trial.cell == cell and trial.id in ended]
        if twins:
            names.add(min(twins, key=lambda one: (ended[one.id].numbers["validation/perplexity"], one.seed)).id)
    for name in names & ended.keys():
        place = ended[name].checkpoint
        found += [place / output for output in OUTPUTS] if place else []
    return found


@QUICK
@given(runs, st.sampled_from(["all", "front", "none"]))
def test_what_is_required_stays_and_twice_is_once(plan: list[Run], final: str) -> None:
    with sweep_of(plan, final) as sweep:
        storage = sweep.folder.parent
        kept = {path: path.read_bytes() for path in required(sweep)}
        before = tree(storage)
        foretold = collect(sweep.folder, dry_run=True)
        assert tree(storage) == before
        bytes_before = taken(storage)
        done = collect(sweep.folder, dry_run=False)
        assert (done.kinds, done.freed, done.kept) == (foretold.kinds, foretold.freed, foretold.kept)
        assert bytes_before - taken(storage) == done.freed
        assert {path: path.read_bytes() for path in kept} == kept
        after = tree(storage)
        assert {name for name in after if before.get(name) != after[name]} == {
            name for name in after if name.endswith((COLLECTED_FILE, "mirror.lock"))
        }
        gone = before.keys() - after.keys()
        assert all(name.startswith(("one/ray/", "pretrained/")) for name in gone)
        again = collect(sweep.folder, dry_run=False)
        assert (again.kinds, again.freed, again.kept) == ({}, 0, done.kept)
        assert tree(storage) == after


@QUICK
@given(runs, st.sampled_from(["all", "front", "none"]))
def test_checkpoints_are_bounded(plan: list[Run], final: str) -> None:
    with sweep_of(plan, final) as sweep:
        collect(sweep.folder, dry_run=False)
        for name, trial in sweep.record.trials.items():
            places = list(sweep.folder.glob(f"ray/*/{name}/checkpoint_*"))
            assert len(places) <= (1 if trial.settled else 2)
            for place in places if trial.settled and trial.scored else ():
                assert not (place / "state.json").exists()
                assert not (place / "tensors.safetensors").exists()
