"""What the sweep's own run has beyond the journal's lines."""

from pathlib import Path

from tests.integration.mlflow_seen import EXPERIMENT, Seen
from tests.journals import scored, whole_sweep
from vae_sweep.journal.journal import Journal
from vae_sweep.results.leaders import Leaders
from vae_sweep.tracking.mirror import sync_journal


def test_the_sweeps_run_has_its_numbers_its_corpus_and_its_report(tmp_path: Path) -> None:
    path, uri = tmp_path / "journal.jsonl", f"sqlite:///{tmp_path}/mlflow.db"
    whole_sweep(path, tmp_path)
    report = tmp_path / "report"
    report.mkdir()
    (report / "report.html").write_text("<p>one</p>")
    (report / ".half").write_text("of another file")
    favoured = Leaders((), {"perplexity": 9.5})
    sync_journal(path, uri, EXPERIMENT, judge=lambda sweep: favoured)
    seen = Seen(uri)
    [parent] = seen.sweeps
    assert parent.data.metrics.items() >= {"trials": 3, "trials_collapsed": 1, "best_perplexity": 9.5}.items()
    for run in (parent, *seen.trials.values()):
        [found] = run.inputs.dataset_inputs
        assert (found.dataset.name, found.dataset.digest) == ("captions", "f00d")
        assert run.data.tags["mlflow.note.content"]
    assert {file.path for file in seen.client.list_artifacts(parent.info.run_id, "report")} == {
        "report/report.html"
    }
    (report / "report.html").write_text("<p>two</p>")
    favoured.best["perplexity"] = 8.5
    with Journal(path) as journal:
        scored(journal, 2)
    seen.client.set_tag(parent.info.run_id, "mlflow.note.content", "my own words")
    sync_journal(path, uri, EXPERIMENT, judge=lambda sweep: favoured)
    [parent] = Seen(uri).sweeps
    assert parent.data.metrics["best_perplexity"] == 8.5
    assert parent.data.tags["mlflow.note.content"] == "my own words"
    local = seen.client.download_artifacts(parent.info.run_id, "report/report.html", str(tmp_path))
    assert Path(local).read_text() == "<p>two</p>"
