"""What MLflow shows of a sweep and a trial in words, numbers and names."""

import json
from pathlib import Path

import pytest

from tests.journals import final, launch, outputs, scored, start, trial_id, whole_sweep
from vae_sweep.journal.events import FinalEvent, ScoredEvent
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import Journal, read_journal
from vae_sweep.journal.records import SweepRecord
from vae_sweep.results.leaders import Leaders
from vae_sweep.tracking.descriptions import counts, sweep_note, sweep_title, trial_note, trial_title
from vae_sweep.tracking.runs import metric_points, sweep_run, trial_run


@pytest.fixture
def sweep(tmp_path: Path) -> SweepRecord:
    whole_sweep(tmp_path / "journal.jsonl", tmp_path)
    return read_sweep(tmp_path / "journal.jsonl")


def test_names_say_what_runs_are(sweep: SweepRecord) -> None:
    assert sweep_title(sweep) == "small: captions, grid"
    assert trial_title(sweep.trials[trial_id(0)]) == "ours λ=4 s0"


def test_outcomes_are_counted(sweep: SweepRecord, tmp_path: Path) -> None:
    found = counts(sweep)
    assert {key: count for key, count in found.items() if count} == {
        "trials": 3,
        "trials_finished": 1,
        "trials_collapsed": 1,
        "trials_diverged": 1,
    }
    path = tmp_path / "open.jsonl"
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
    assert counts(read_sweep(path))["trials_open"] == 1


def test_a_sweeps_run_shows_whom_the_numbers_favour(sweep: SweepRecord, tmp_path: Path) -> None:
    state = sweep_run(sweep, Leaders((trial_id(0),), {"perplexity": 9.5}), tmp_path, 12.5)
    assert state.numbered == 12_500
    assert state.numbers.items() >= {"best_perplexity": 9.5, "trials": 3}.items()
    note = state.tags["mlflow.note.content"]
    assert "grid search over text VAEs on captions" in note
    assert "**complete**, 3 trials, 1 finished, 1 collapsed, 1 diverged, of 3 cells" in note
    assert f"| ours λ=4 s0 (`{trial_id(0)}`) | 9.50 |" in note
    assert "`report/report.html` is the whole report" in note
    assert "report.html" not in sweep_note(sweep, Leaders(), report=False)


def test_a_trials_run_says_where_its_likelihood_is_not_known(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        launch(journal)
        start(journal, 0)
        known = {"validation/perplexity": 9.5, "validation/pareto_k_bad": 0.5}
        final(journal, 0, numbers=known)
        scored(journal, 0, **{"test/pareto_k_bad": 0.625, "test/iw_perplexity": 12.25})
    sweep = read_sweep(tmp_path / "journal.jsonl")
    note = trial_note(sweep, sweep.trials[trial_id(0)])
    assert "PPL on test is not known and ranks nothing: 62.5% of the sentences have Pareto k > 0.7" in note
    assert "PPL on validation" not in note
    assert "| test | 9.75 | 12.25 |" in note
    score = sweep.trials[trial_id(0)].scored
    points = metric_points(ScoredEvent(trial=trial_id(0), numbers=score), score, 1.0)
    sent = {point.key: point.value for point in points}
    assert (sent["test_perplexity"], sent["test_iw_perplexity"]) == (9.75, 12.25)


def test_a_trials_run_tells_its_outcome_and_numbers(sweep: SweepRecord) -> None:
    note = trial_note(sweep, sweep.trials[trial_id(0)])
    assert note.startswith("**ours λ=4 s0**: Ours (pretrain + anneal + FB), cell 0 of sweep small.")
    assert "| validation | 9.50 |" in note
    assert "| test | 9.75 |" in note
    assert f"vae-sweep reconstruct {sweep.folder} {trial_id(0)}" in note
    lost = trial_note(sweep, sweep.trials[trial_id(1)])
    assert "**diverged**: the loss is not finite" in lost
    assert "reconstruct" not in lost


def test_params_begin_with_what_a_cell_is(sweep: SweepRecord) -> None:
    params = trial_run(sweep, sweep.trials[trial_id(0)]).params
    assert {key: params[key] for key in ("method", "target_rate", "seed", "cell")} == {
        "method": "ours",
        "target_rate": "4.0",
        "seed": "0",
        "cell": "0",
    }


def test_the_corpus_is_a_dataset(sweep: SweepRecord) -> None:
    found = trial_run(sweep, sweep.trials[trial_id(0)]).dataset
    assert found == sweep_run(sweep, Leaders(), None, 0.0).dataset
    assert found is not None
    assert (found.name, found.digest) == ("captions", "f00d")
    assert json.loads(found.source) == {"fingerprint": "f00d"}


def test_numbers_of_an_end_and_a_score_have_short_names_too(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        final(journal, 0, checkpoint=outputs(tmp_path, 0))
        scored(journal, 0)
    measured = [event for event in read_journal(path) if isinstance(event, FinalEvent | ScoredEvent)]
    keys = [[point.key for point in metric_points(event, event.numbers, event.time)] for event in measured]
    assert keys == [["final/validation/perplexity", "perplexity"], ["final/test/perplexity", "test_perplexity"]]
