"""What the journal keeps of probes, how it is read back, and the tables made of it."""

from pathlib import Path
from typing import Any

import pytest

from tests.journals import final, launch, start, trial_id
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import Journal, JournalError, read_journal
from vae_sweep.journal.metrics import METRICS
from vae_sweep.models.probe import ProbeError, chosen_probes, trials_to_probe
from vae_sweep.models.probe_tables import TABLES, probe_tables
from vae_sweep.tracking.runs import metric_points, trial_run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        launch(journal)
        for number in range(3):
            start(journal, number)
        final(journal, 0, checkpoint="/weights/0")
        final(journal, 1, "collapsed", checkpoint="/weights/1")
        final(journal, 2, "diverged")
    return path


def probed(path: Path, number: int, probes: list[str], texts: str | None = None, **numbers: float) -> None:
    with Journal(path) as journal:
        keys = {f"probe/{metric}": value for metric, value in numbers.items()}
        journal.write("probed", trial=trial_id(number), probes=probes, numbers=keys, texts=texts)


def test_probes_are_added_up(path: Path) -> None:
    probed(path, 0, ["bleu"], bleu=8.5)
    probed(path, 0, ["pcc", "copying"], texts="probes/x", pcc=0.5, copy_distance=3.0)
    probed(path, 0, ["bleu"], bleu=8.5)
    trial = read_sweep(path).trials[trial_id(0)]
    assert trial.probed == {"probe/bleu": 8.5, "probe/pcc": 0.5, "probe/copy_distance": 3.0}
    assert trial.probes == ["bleu", "pcc", "copying"]
    assert trial.texts == path.parent / "probes/x"
    assert not trial.conflicts


def test_a_probe_that_differs_is_a_conflict(path: Path) -> None:
    probed(path, 0, ["bleu"], bleu=8.5)
    probed(path, 0, ["bleu"], bleu=9.5)
    trial = read_sweep(path).trials[trial_id(0)]
    assert trial.probed == {"probe/bleu": 8.5}
    assert "probe/bleu: 8.5, then 9.5" in str(trial.conflicts[0])


def test_a_probed_line_is_checked(path: Path) -> None:
    with Journal(path) as journal, pytest.raises(JournalError, match="probe/bleu"):
        journal.write("probed", trial=trial_id(0), probes=["bleu"], numbers={"probe/bleu": "much"}, texts=None)


def test_points_and_pages_of_probes(path: Path) -> None:
    probed(path, 0, ["bleu", "copying"], texts="probes/x", bleu=8.5)
    line = read_journal(path)[-1]
    [point] = metric_points(line, {"probe/bleu": 8.5}, line.time)
    assert (point.key, point.value, point.step) == ("probe/bleu", 8.5, 0)
    sweep = read_sweep(path)
    assert trial_run(sweep, sweep.trials[trial_id(0)]).texts == path.parent / "probes/x"
    assert trial_run(sweep, sweep.trials[trial_id(1)]).texts is None


def test_trials_that_left_weights_are_chosen(path: Path) -> None:
    record = read_sweep(path)
    assert [trial.id for trial in trials_to_probe(record, ())] == [trial_id(0), trial_id(1)]
    assert [trial.id for trial in trials_to_probe(record, [trial_id(1)])] == [trial_id(1)]
    with pytest.raises(ProbeError, match=f"{trial_id(2)}.*there are: {trial_id(0)}, {trial_id(1)}"):
        trials_to_probe(record, [trial_id(2)])


def test_a_model_without_codes_is_not_chosen(path: Path) -> None:
    record = read_sweep(path)
    record.trials[trial_id(0)].spec.plain["method"] = {"language_model": True}
    assert [trial.id for trial in trials_to_probe(record, ())] == [trial_id(1)]


def test_probes_are_named() -> None:
    assert chosen_probes(["copying", "bleu"]) == ("bleu", "copying")
    assert len(chosen_probes([])) == 6
    with pytest.raises(ProbeError, match=r"--only: no probe 'blue'; allowed are bleu, pcc"):
        chosen_probes(["bleu", "blue"])


def test_tables_have_the_papers_columns(path: Path) -> None:
    probed(path, 0, ["bleu", "accuracy"], bleu=8.617, accuracy_gmm=67.24, accuracy_100=83.8)
    probed(path, 1, ["pcc"], pcc=0.6834)
    tables = {table.title.partition(":")[0]: table for table in probe_tables(read_sweep(path))}
    assert set(tables) == {"Table 4", "Table 5", "Table 8"}
    assert tables["Table 4"].columns == ("method", "BLEU", "cut")
    [row] = tables["Table 4"].rows
    assert row[1] == "8.62"
    assert "λ=4" in row[0]
    assert tables["Table 5"].rows[0][1] == "0.683"
    assert tables["Table 8"].columns == ("method", "0", "100", "500", "1000", "2000", "10000")
    assert tables["Table 8"].rows[0][1:] == ("67.2", "83.8", "-", "-", "-", "-")


def test_tables_show_means_over_seeds(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        other: dict[str, Any] = {"seed": 1, "method": "ours", "values": {"target_rate": 4.0}, "attempt": 1}
        journal.write("trial", trial="0000-ours-s1", cell=0, spec={}, **other)
        for name, value in ((trial_id(0), 8.0), ("0000-ours-s1", 10.0)):
            journal.write("probed", trial=name, probes=["bleu"], numbers={"probe/bleu": value}, texts=None)
    [table] = probe_tables(read_sweep(path))
    [row] = table.rows
    assert row[1] == "9.00"
    assert "2 seeds" in row[0]


def test_every_column_is_a_declared_metric() -> None:
    assert all(metric in METRICS for metrics in TABLES.values() for metric in metrics)
