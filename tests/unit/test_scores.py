"""Scores in the journal: the newest of a split is read, all are kept; what a sweep lacks under an evaluation."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.journals import epoch, final, launch, scored, start, trial_id
from tests.stored.sweeps import TRIALS, stored_sweep
from trainables.training.report import FinalReport
from vae_sweep.config.reader import with_overrides
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import SpecError
from vae_sweep.journal.fold import JournalFold, read_sweep
from vae_sweep.journal.history import History
from vae_sweep.journal.journal import Journal
from vae_sweep.journal.records import SweepRecord, TrialRecord
from vae_sweep.journal.stored_spec import existing_spec
from vae_sweep.replay.comparison import ReplayComparison
from vae_sweep.results.evaluations import measured_lines, unlike
from vae_sweep.running.rescoring import ScoreError, lacking, trials_to_score
from vae_sweep.tracking.runs import metric_points

FIRST = {"validation/perplexity": 9.5, "validation/kl": 1.0}


def again(journal: Journal, number: int, key: str | None, **numbers: float) -> None:
    """Journal a score under an evaluation of this key."""
    named = {name.replace("_", "/", 1): value for name, value in numbers.items()}
    settings = {"final_samples": 50} if key else None
    journal.write("scored", trial=trial_id(number), numbers=named, evaluation=key, settings=settings)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """One trial, ended and scored by an earlier version."""
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        epoch(journal, 0, 0)
        final(journal, 0, numbers=FIRST)
        scored(journal, 0)
    return path


def the_trial(path: Path) -> TrialRecord:
    return read_sweep(path).trials[trial_id(0)]


def numbers_of(trial: TrialRecord) -> tuple[Any, Any]:
    return trial.final and trial.final.numbers, trial.scored


def test_the_newest_score_of_a_split_is_read_whole(path: Path) -> None:
    with Journal(path) as journal:
        again(journal, 0, "a" * 64, validation_perplexity=8.0, test_perplexity=8.5, test_kl=2.0)
    trial = the_trial(path)
    assert numbers_of(trial) == ({"validation/perplexity": 8.0}, {"test/perplexity": 8.5, "test/kl": 2.0})
    assert trial.own_numbers("validation") == FIRST
    assert trial.own_numbers("test") == {"test/perplexity": 9.75}
    assert [(one.split, one.evaluation) for one in trial.scores] == [
        ("validation", None),
        ("test", None),
        ("validation", "a" * 64),
        ("test", "a" * 64),
    ]
    assert trial.conflicts == []


def test_one_split_alone_leaves_the_other(path: Path) -> None:
    with Journal(path) as journal:
        again(journal, 0, "a" * 64, validation_perplexity=8.0)
    assert numbers_of(the_trial(path)) == ({"validation/perplexity": 8.0}, {"test/perplexity": 9.75})


def test_the_same_evaluation_twice_keeps_the_first_and_tells(path: Path) -> None:
    with Journal(path) as journal:
        for value in (8.0, 8.0, 8.1):
            again(journal, 0, "a" * 64, test_perplexity=value)
    trial = the_trial(path)
    assert trial.scored == {"test/perplexity": 8.0}
    assert len(trial.scores) == 3
    assert [str(found) for found in trial.conflicts] == [
        "the score was reported twice and differently (test/perplexity: 8.0, then 8.1); the first is kept"
    ]


def test_an_end_that_comes_after_lost_weights_is_read(path: Path) -> None:
    with Journal(path) as journal:
        again(journal, 0, "a" * 64, validation_perplexity=8.0)
        journal.write("lost", trial=trial_id(0), reason="damaged")
        again(journal, 0, "b" * 64, validation_perplexity=7.0)
        assert the_trial(path).final is None
        start(journal, 0, attempt=2)
        final(journal, 0, numbers=FIRST)
    trial = the_trial(path)
    assert trial.final is not None
    assert trial.final.numbers == FIRST
    assert trial.conflicts == []


def test_a_replay_is_held_against_what_the_trial_itself_measured(path: Path) -> None:
    with Journal(path) as journal:
        again(journal, 0, "a" * 64, validation_perplexity=8.0, test_perplexity=8.5)
    comparison = ReplayComparison(the_trial(path))
    comparison.end(FinalReport(outcome="finished", numbers=FIRST))
    comparison.score({"test/perplexity": 9.75})
    assert [found for found in comparison.differences if found.place != "vae epoch 0"] == []


def test_mlflow_gets_every_number_of_a_new_score(path: Path) -> None:
    fold = JournalFold(path)
    with Journal(path) as journal:
        again(journal, 0, "a" * 64, validation_perplexity=8.0, test_perplexity=8.5)
    from vae_sweep.journal.journal import read_journal

    for line in read_journal(path):
        numbers = fold.add(line)
    sent = {point.key: point.value for point in metric_points(line, numbers, line.time)}
    assert sent == {
        "final/validation/perplexity": 8.0,
        "final/test/perplexity": 8.5,
        "perplexity": 8.0,
        "test_perplexity": 8.5,
    }


def test_explain_tells_of_scores_that_came_later(path: Path) -> None:
    assert list(measured_lines(the_trial(path))) == []
    with Journal(path) as journal:
        again(journal, 0, "a" * 64, test_perplexity=8.5)
    before, after = measured_lines(the_trial(path))
    assert before.startswith("test, ")
    assert before.endswith(": by an earlier version of vae-sweep")
    assert after.endswith(": evaluation aaaaaaaaaaaa, final_samples 50, which is read")


def test_a_sweep_measured_unlike_is_told_of(path: Path) -> None:
    with Journal(path) as journal:
        start(journal, 1)
        final(journal, 1, numbers=FIRST)
        assert unlike(read_sweep(path)) is None
        again(journal, 1, "a" * 64, validation_perplexity=8.0)
        message = unlike(read_sweep(path))
        assert message is not None
        assert message.startswith("1 trial of 2 measured under another evaluation than the newest")
        again(journal, 0, "a" * 64, validation_perplexity=8.0)
    assert unlike(read_sweep(path)) is None
    assert unlike(History(JournalFold(path).record()).record) is None


def test_the_newest_evaluation_is_the_last_journaled_whatever_the_clock_said(path: Path) -> None:
    with Journal(path) as journal:
        start(journal, 1)
        final(journal, 1, numbers=FIRST)
        again(journal, 1, "a" * 64, validation_perplexity=8.0)
        start(journal, 2)
        final(journal, 2, numbers=FIRST)
        again(journal, 2, "b" * 64, validation_perplexity=8.0)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], json.dumps(json.loads(lines[-1]) | {"time": 1.0})]) + "\n")
    message = unlike(read_sweep(path))
    assert message is not None
    assert message.startswith("2 trials of 3 measured under another evaluation"), "only the last has the newest"


def lacks(spec: SweepSpec, record: SweepRecord, *names: str) -> dict[str, list[str]]:
    return {trial.id: list(splits) for trial, splits in lacking(spec, record, names)}


def untested(folder: Path) -> SweepRecord:
    """The sweep of 0964958 without its test scores."""
    journal = folder / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"kind": "scored"' not in line))
    return read_sweep(journal)


def test_what_a_sweep_lacks_under_an_evaluation(tmp_path: Path) -> None:
    folder = stored_sweep(tmp_path)
    spec, both = existing_spec(folder), ["validation", "test"]
    assert lacks(spec, read_sweep(folder / "journal.jsonl")) == dict.fromkeys(TRIALS, both)
    record = untested(folder)
    for final_, expected in (("all", both), ("none", ["validation"])):
        own = with_overrides(spec, [f"evaluation.final={final_}"], "evaluation")
        assert lacks(own, record) == dict.fromkeys(TRIALS, expected)
        assert lacks(own, record, "0001") == {TRIALS[1]: both}


def test_whom_the_new_validation_numbers_bring_to_the_front_is_tested(tmp_path: Path) -> None:
    folder = stored_sweep(tmp_path)
    spec = with_overrides(existing_spec(folder), ["evaluation.final=front"], "evaluation")
    untested(folder)
    with Journal(folder / "journal.jsonl") as journal:
        for trial, nats in zip(TRIALS, (9.0, 11.0, 10.0), strict=True):
            metrics = {"perplexity": nats, "nll": nats, "reconstruction": nats, "pareto_k_bad": 0.0}
            numbers = {f"validation/{metric}": value for metric, value in metrics.items()}
            journal.write("scored", trial=trial, numbers=numbers, evaluation=spec.evaluation.key())
    found = lacks(spec, read_sweep(folder / "journal.jsonl"))
    assert found == {TRIALS[0]: [], TRIALS[1]: [], TRIALS[2]: ["test"]}, "a reference is on no front"


def test_what_was_scored_under_an_evaluation_is_not_lacking(tmp_path: Path) -> None:
    folder = stored_sweep(tmp_path)
    spec = existing_spec(folder)
    with Journal(folder / "journal.jsonl") as journal:
        numbers = {"validation/kl": 1.0}
        journal.write("scored", trial=TRIALS[1], numbers=numbers, evaluation=spec.evaluation.key())
    found = lacks(spec, read_sweep(folder / "journal.jsonl"))
    assert found[TRIALS[1]] == ["test"]
    other = with_overrides(spec, ["evaluation.final_samples=31"], "evaluation")
    assert lacks(other, read_sweep(folder / "journal.jsonl"))[TRIALS[1]] == ["validation", "test"]


def test_trials_that_left_no_weights_are_refused_by_name_alone(path: Path) -> None:
    with Journal(path) as journal:
        start(journal, 1)
        final(journal, 1, "diverged", reason="not finite", numbers={})
    record = read_sweep(path)
    with pytest.raises(ScoreError, match="trial 0001-ours-s0 is diverged: only what finished or collapsed"):
        trials_to_score(record, ["0001"])
    with pytest.raises(ScoreError, match="no ended trial that left weights"):
        trials_to_score(record, [])


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("seeds=[1]", "only evaluation.* can be set here"),
        ("model.latent_size=3", "only evaluation.* can be set here"),
        ("evaluation.final_sample=3", "did you mean final_samples"),
        ("evaluation.final_samples=many", "expected a whole number"),
        ("evaluation.final_samples", "expected path=value"),
    ],
)
def test_only_the_evaluation_can_be_set(tmp_path: Path, override: str, words: str) -> None:
    spec = existing_spec(stored_sweep(tmp_path))
    with pytest.raises(SpecError) as refused:
        with_overrides(spec, [override], "evaluation")
    assert words in str(refused.value)
    assert with_overrides(spec, [], "evaluation") == spec
