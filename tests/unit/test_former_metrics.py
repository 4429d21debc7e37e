"""Journals of before the tight estimate (0964958): what their likelihoods are called today."""

from pathlib import Path
from typing import Any

from tests.journals import TRIAL_SPEC, launch
from trainables.training.report import FinalReport
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.former_metrics import in_todays_metrics
from vae_sweep.journal.journal import Journal
from vae_sweep.journal.records import SweepRecord
from vae_sweep.replay.comparison import ReplayComparison
from vae_sweep.report.terminal import rich_tables
from vae_sweep.results.evidence import evidence_lines
from vae_sweep.results.results import compute_results

FORMER = {
    "sentences": 500.0,
    "reconstruction": 10.7,
    "neg_elbo": 14.9,
    "iw_nll": 13.6,
    "iw_nll_error": 0.1,
    "perplexity": 3.44,
    "iw_samples": 1000.0,
    "iw_ess": 40.0,
    "pareto_k": 0.6,
    "pareto_k_bad": 0.32,
    "elbo_gap": 1.3,
    "elbo_gap_error": 0.02,
    "floor": 13.4,
    "floor_perplexity": 3.39,
    "floor_gap": 0.16,
    "floor_gap_error": 0.02,
}
EXACT = {
    "iw_nll": 13.5,
    "iw_nll_error": 0.1,
    "perplexity": 3.41,
    "iw_samples": 1.0,
    "floor_gap": 0.1,
    "floor_gap_error": 0.01,
}
OBJECTIVES = ("perplexity", "reconstruction")


def on(split: str, numbers: dict[str, float]) -> dict[str, float]:
    return {f"{split}/{metric}": value for metric, value in numbers.items()}


def former_sweep(path: Path) -> SweepRecord:
    """A VAE with a rung, an end and a score, and a language model, as 0964958 wrote them."""
    rows: list[tuple[str, dict[str, float]]] = [
        ("ours", FORMER),
        ("lstm_lm", EXACT),
    ]
    with Journal(path) as journal:
        launch(journal)
        for cell, (method, numbers) in enumerate(rows):
            about: dict[str, Any] = {"cell": cell, "method": method, "values": {}}
            journal.write("cell", **about)
            journal.write("trial", trial=method, seed=0, attempt=1, spec=TRIAL_SPEC, **about)
            journal.write("rung", trial=method, epoch=2, numbers=on("validation", numbers), collapsed=None)
            end: dict[str, Any] = {"outcome": "finished", "reason": None, "checkpoint": None}
            journal.write("final", trial=method, numbers=on("validation", numbers), **end)
            journal.write("scored", trial=method, numbers=on("test", numbers))
    return read_sweep(path)


def test_samples_from_q_are_called_so_everywhere(tmp_path: Path) -> None:
    trial = former_sweep(tmp_path / "journal.jsonl").trials["ours"]
    expected = {
        "sentences": 500.0,
        "reconstruction": 10.7,
        "neg_elbo": 14.9,
        "iw_nll": 13.6,
        "iw_nll_error": 0.1,
        "iw_perplexity": 3.44,
        "iw_samples": 1000.0,
        "iw_ess": 40.0,
        "iw_pareto_k": 0.6,
        "iw_pareto_k_bad": 0.32,
        "floor": 13.4,
        "floor_perplexity": 3.39,
    }
    assert trial.final is not None
    assert trial.final.numbers == trial.rungs[0].numbers == on("validation", expected)
    assert trial.scored == on("test", expected)
    assert trial.conflicts == []


def test_the_likelihood_of_a_language_model_is_exact(tmp_path: Path) -> None:
    trial = former_sweep(tmp_path / "journal.jsonl").trials["lstm_lm"]
    assert trial.scored == on(
        "test",
        {
            "iw_nll": 13.5,
            "nll": 13.5,
            "iw_nll_error": 0.1,
            "nll_error": 0.1,
            "iw_perplexity": 3.41,
            "perplexity": 3.41,
            "iw_samples": 1.0,
            "samples": 1.0,
            "floor_gap": 0.1,
            "floor_gap_error": 0.01,
        },
    )


def test_numbers_of_today_stay_as_they_are() -> None:
    today: dict[str, float | None] = {
        "validation/nll": 13.5,
        "validation/perplexity": 3.4,
        "validation/pareto_k_bad": 0.0,
        "test/nll": 13.6,
        "test/iw_nll": 13.7,
        "test/iw_perplexity": 3.5,
        "test/perplexity": 3.45,
        "test/elbo_gap": 1.0,
        "train/seconds": None,
    }
    assert in_todays_metrics(today, language_model=False) == today
    assert in_todays_metrics({"test/perplexity": 9.0}, language_model=False) == {"test/perplexity": 9.0}


def test_the_report_of_a_former_sweep_shows_qs_values_and_ranks_nothing(tmp_path: Path) -> None:
    report = compute_results(former_sweep(tmp_path / "journal.jsonl"), OBJECTIVES)
    [row] = [row for row in report.rows if (row.method, row.split) == ("ours", "test")]
    assert (row.mark, row.numbers["iw_perplexity"], "perplexity" in row.numbers) == ("?", 3.44, False)
    assert list(evidence_lines(report.evidence)) == [
        "cannot tell where cell 0 stands: no tight value of NLL and PPL, only that of samples from q, ranking "
        "nothing; vae-sweep score SWEEP measures it anew"
    ]
    assert report.warnings == []
    assert report.evidence.hypervolume is None
    [test, _] = rich_tables(report)
    assert "? cannot tell" in str(test.renderables[0])


def test_a_replay_passes_over_what_was_not_measured_then(tmp_path: Path) -> None:
    trial = former_sweep(tmp_path / "journal.jsonl").trials["ours"]
    comparison = ReplayComparison(trial)
    here = on("validation", {"nll": 13.4, "perplexity": 3.39, "reconstruction": 10.8, "neg_elbo": 14.9})
    comparison.end(FinalReport(outcome="finished", numbers=here))
    assert [str(one) for one in comparison.differences] == [
        "the end, validation/reconstruction: journal 10.7, here 10.8"
    ]
