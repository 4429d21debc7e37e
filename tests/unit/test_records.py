"""Journal lines folded into records."""

from pathlib import Path

import pytest

from tests.journals import SPEC, TRIAL_SPEC, epoch, final, launch, numbers, scored, start, trial_id
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import Journal, JournalError
from vae_sweep.journal.metrics import COSTS, METRICS, metric_of
from vae_sweep.journal.records import CellRecord


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_a_whole_sweep(path: Path) -> None:
    with Journal(path) as journal:
        launch(journal)
        start(journal, 3)
        epoch(journal, 3, 0, "pretrain", checkpoint="/data/a")
        epoch(journal, 3, 0, "vae", checkpoint="/data/b")
        final(journal, 3, checkpoint="/data/c")
        scored(journal, 3)
        journal.write("end", outcome="complete")
    sweep = read_sweep(path)
    assert (sweep.name, sweep.spec, sweep.ended) == ("small", SPEC, "complete")
    assert sweep.launches[0].corpus["fingerprint"] == "f00d"
    assert sweep.cells == {3: CellRecord(3, "ours", {"target_rate": 4.0})}
    trial = sweep.trials["0003-ours-s0"]
    assert (trial.cell, trial.seed, trial.method, trial.attempts) == (3, 0, "ours", 1)
    assert (trial.values, trial.spec.plain) == ({"target_rate": 4.0}, TRIAL_SPEC)
    assert [(one.phase, one.epoch) for one in trial.epochs] == [("pretrain", 0), ("vae", 0)]
    assert trial.epochs[0].numbers == numbers(0)
    assert trial.final is not None
    assert (trial.final.outcome, trial.final.numbers) == ("finished", {"validation/perplexity": 9.5})
    assert trial.scored == {"test/perplexity": 9.75}
    assert trial.checkpoints == [Path("/data/a"), Path("/data/b"), Path("/data/c")]
    assert trial.newest_checkpoint == Path("/data/c")
    assert trial.ended_at is not None
    assert trial.started_at <= trial.ended_at <= (sweep.ended_at or 0)
    assert trial.conflicts == []


def test_a_restart_keeps_the_epochs(path: Path) -> None:
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        epoch(journal, 0, 0, checkpoint="/data/a")
        launch(journal, attempt=2)
        start(journal, 0, attempt=2)
        epoch(journal, 0, 1)
    trial = read_sweep(path).trials[trial_id(0)]
    assert (trial.attempts, len(trial.epochs)) == (2, 2)
    assert trial.newest_checkpoint == Path("/data/a")
    assert trial.ended_at is None


def test_an_epoch_that_comes_twice_is_kept_once(path: Path) -> None:
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        epoch(journal, 0, 0, numbers=numbers(0, seconds=1.0), checkpoint="/data/a")
        epoch(journal, 0, 0, numbers=numbers(0, seconds=7.0), checkpoint="/data/b")
    trial = read_sweep(path).trials[trial_id(0)]
    assert [one.numbers["train/seconds"] for one in trial.epochs] == [1.0]
    assert trial.newest_checkpoint == Path("/data/b")
    assert trial.conflicts == []


def test_an_epoch_that_comes_back_different_is_a_conflict(path: Path) -> None:
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        epoch(journal, 0, 2)
        epoch(journal, 0, 2, numbers=numbers(2) | {"validation/kl": 0.5})
    trial = read_sweep(path).trials[trial_id(0)]
    assert trial.epochs[0].numbers == numbers(2)
    assert [conflict.differing for conflict in trial.conflicts] == [{"validation/kl": (0.25, 0.5)}]
    assert str(trial.conflicts[0]) == (
        "vae epoch 2 was reported twice and differently (validation/kl: 0.25, then 0.5); the first is kept"
    )


def test_a_key_that_only_one_of_two_reports_has_is_a_conflict(path: Path) -> None:
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        epoch(journal, 0, 0)
        epoch(journal, 0, 0, numbers={**numbers(0), "validation/active_units": 3})
    trial = read_sweep(path).trials[trial_id(0)]
    assert trial.conflicts[0].differing == {"validation/active_units": (None, 3)}


@pytest.mark.parametrize("outcome", ["finished", "collapsed", "pruned", "diverged"])
def test_a_settled_end_stands(path: Path, outcome: str) -> None:
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        final(journal, 0, outcome)
        start(journal, 0, attempt=2)
        final(journal, 0, "failed", numbers={"validation/perplexity": 8.0})
    trial = read_sweep(path).trials[trial_id(0)]
    assert trial.final is not None
    assert (trial.final.outcome, trial.final.numbers) == (outcome, {"validation/perplexity": 9.5})
    assert trial.conflicts[0].differing == {
        "outcome": (outcome, "failed"),
        "validation/perplexity": (9.5, 8.0),
    }


def test_a_failed_trial_that_starts_again_is_open(path: Path) -> None:
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        final(journal, 0, "failed", reason="out of memory", numbers={})
        failed = read_sweep(path).trials[trial_id(0)].final
        start(journal, 0, attempt=2)
        open_again = read_sweep(path).trials[trial_id(0)].final
        final(journal, 0, "finished")
    assert failed is not None
    assert failed.reason == "out of memory"
    assert open_again is None
    trial = read_sweep(path).trials[trial_id(0)]
    assert trial.final is not None
    assert (trial.final.outcome, trial.conflicts) == ("finished", [])


def test_scores_add_up_and_are_not_overwritten(path: Path) -> None:
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        final(journal, 0)
        scored(journal, 0)
        scored(journal, 0, **{"test/kl": 4.0, "test/seconds": 2.0})
        scored(journal, 0, **{"test/kl": 5.0, "test/seconds": 3.0})
    trial = read_sweep(path).trials[trial_id(0)]
    assert trial.scored == {"test/perplexity": 9.75, "test/kl": 4.0, "test/seconds": 2.0}
    assert [conflict.differing for conflict in trial.conflicts] == [{"test/kl": (4.0, 5.0)}]


def test_a_new_launch_opens_an_ended_sweep(path: Path) -> None:
    with Journal(path) as journal:
        launch(journal)
        journal.write("end", outcome="stopped")
        first = read_sweep(path)
        launch(journal, attempt=2, spec={**SPEC, "seeds": [0, 1]})
    second = read_sweep(path)
    assert (first.ended, second.ended) == ("stopped", None)
    assert [one.attempt for one in second.launches] == [1, 2]
    assert second.spec["seeds"] == [0, 1]
    assert first.identity == second.identity


def test_sweeps_of_one_name_have_their_own_identity(tmp_path: Path) -> None:
    identities = set()
    for name in ("a", "b"):
        with Journal(tmp_path / name) as journal:
            launch(journal)
        identities.add(read_sweep(tmp_path / name).identity)
    assert len(identities) == 2


def test_an_empty_journal_is_a_sweep_that_was_never_launched(path: Path) -> None:
    Journal(path).close()
    sweep = read_sweep(path)
    assert (sweep.name, sweep.launches, sweep.trials, sweep.spec) == (path.parent.name, [], {}, {})


def test_a_report_of_an_unknown_trial_is_named(path: Path) -> None:
    with Journal(path) as journal:
        launch(journal)
        epoch(journal, 0, 0)
    with pytest.raises(JournalError, match="line 2: epoch of trial 0000-ours-s0, which no line before it starts"):
        read_sweep(path)


def test_words_are_declared_once() -> None:
    assert all(name == metric.name for name, metric in METRICS.items())
    assert METRICS.keys() > COSTS
    assert metric_of("vae/validation/kl") == metric_of("kl") == "kl"
    assert METRICS["neg_elbo"].symbol == "-ELBO"
