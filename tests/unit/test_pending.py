"""What MLflow is to be sent after a sweep was scored anew."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.journals import final, launch, scored, start, trial_id, whole_sweep
from vae_sweep.journal.journal import Journal
from vae_sweep.journal.records import SweepRecord
from vae_sweep.results.leaders import Leaders
from vae_sweep.tracking.pending import Feed
from vae_sweep.tracking.registry import ModelCandidate
from vae_sweep.tracking.runs import SWEEP_KEY, RunState
from vae_sweep.tracking.writer import Entry


class Sent:
    """Takes what a writer would write: the runs' keys, and the trial that is the best."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.best: list[str] = []
        self.newest: dict[str, tuple[int, float]] = {}

    def write(self, state: RunState, entries: Sequence[Entry], parent: RunState | None) -> None:
        self.runs.append(state.key)
        for point in (point for entry in entries for point in entry.points):
            self.newest[point.key] = max(self.newest.get(point.key, (0, 0.0)), (point.milliseconds, point.value))

    def register_winner(
        self, name: str, wanted: ModelCandidate, trial: RunState, parent: RunState, best: bool
    ) -> None:
        self.best += [wanted.trial] * best


def lowest(sweep: SweepRecord) -> Leaders:
    """The trial with the lowest perplexity of those that left files."""
    ended = [trial for trial in sweep.trials.values() if trial.final and trial.final.checkpoint]
    ranked = sorted(
        ended, key=lambda trial: (trial.final and trial.final.numbers["validation/perplexity"], trial.id)
    )
    return Leaders(tuple(trial.id for trial in ranked[:1]))


def test_a_new_score_renews_its_run_the_sweeps_run_and_the_winner(tmp_path: Path) -> None:
    path, sent = tmp_path / "journal.jsonl", Sent()
    whole_sweep(path, tmp_path)
    feed = Feed(path, lowest)
    feed.read()
    assert feed.flush(sent, lambda: False) is None  # type: ignore[arg-type]
    assert (feed.waiting(), sent.best) == (0, [trial_id(0)])
    sent.runs.clear()
    with Journal(path) as journal:
        numbers = {"validation/perplexity": 9.0}
        journal.write("scored", trial=trial_id(2), numbers=numbers, evaluation="a" * 64)
    feed.read()
    assert feed.flush(sent, lambda: False) is None  # type: ignore[arg-type]
    assert set(sent.runs) == {SWEEP_KEY, trial_id(2)}
    assert sent.best == [trial_id(0), trial_id(2)]


def test_a_journal_that_was_replaced_is_sent_again_from_its_start(tmp_path: Path) -> None:
    path, sent = tmp_path / "journal.jsonl", Sent()
    whole_sweep(path, tmp_path)
    feed = Feed(path, lowest)
    feed.read()
    assert feed.flush(sent, lambda: False) is None  # type: ignore[arg-type]
    sent.runs.clear()
    other = tmp_path / "other.jsonl"
    with Journal(other) as journal:
        launch(journal)
        start(journal, 5)
    other.replace(path)
    feed.read()
    assert (feed.waiting(), feed.unread()) == (3, 0)
    assert feed.flush(sent, lambda: False) is None  # type: ignore[arg-type]
    assert (set(sent.runs), set(feed.sweep.trials)) == ({SWEEP_KEY, trial_id(5)}, {trial_id(5)})


def test_a_running_sweep_registers_nothing_by_its_scores(tmp_path: Path) -> None:
    path, sent = tmp_path / "journal.jsonl", Sent()
    whole_sweep(path, tmp_path)
    with Journal(path) as journal:
        scored(journal, 2)
    text = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in text if '"kind": "end"' not in line))
    feed = Feed(path, lowest)
    feed.read()
    assert feed.flush(sent, lambda: False) is None  # type: ignore[arg-type]
    assert sent.best == []


def test_a_new_score_is_the_newest_though_the_clock_was_set_back(tmp_path: Path) -> None:
    """MLflow shows the point with the latest time."""
    path, sent = tmp_path / "journal.jsonl", Sent()
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        final(journal, 0)
        for perplexity in (9.0, 8.0):
            scored(journal, 0, **{"test/perplexity": perplexity})
    *lines, last = path.read_text().splitlines()
    line = json.loads(last) | {"evaluation": "a" * 64}
    path.write_text("\n".join([*lines, json.dumps(line | {"time": line["time"] - 3600})]) + "\n")
    feed = Feed(path, lowest)
    feed.read()
    assert feed.flush(sent, lambda: False) is None  # type: ignore[arg-type]
    assert sent.newest["test_perplexity"][1] == 8.0
