"""Broken invariants found in a journal: once a rule, on the run and below the report."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.journals import TRIAL_SPEC, epoch, launch, start, trial_id
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.invariants import sweep_findings
from vae_sweep.journal.journal import Journal
from vae_sweep.journal.records import SweepRecord
from vae_sweep.report.terminal import remarks
from vae_sweep.results.evidence import evidence_lines
from vae_sweep.results.results import NAMED, compute_results
from vae_sweep.tracking.runs import trial_run

SOUND = {
    "validation/neg_elbo": 12.0,
    "validation/reconstruction": 8.0,
    "validation/kl": 4.0,
    "validation/mutual_information": 3.0,
    "validation/active_units": 4.0,
    "train/kl_weight": 1.0,
}


def record(
    path: Path,
    epochs: list[dict[str, Any]],
    final: dict[str, Any] | None = None,
    test: dict[str, Any] | None = None,
    term: dict[str, Any] | None = None,
) -> SweepRecord:
    """A sweep of one trial, n_z = 4, whose reports differ from SOUND as given."""
    objective = {"kl": term or {"kind": "free_bits", "target_rate": 4.0}}
    spec = {**TRIAL_SPEC, "method": {"name": "ours", "objective": objective}}
    with Journal(path) as journal:
        launch(journal)
        start(journal, 0)
        journal.write("trial", trial=trial_id(0), cell=0, seed=0, method="ours", values={}, attempt=2, spec=spec)
        for at, changes in enumerate(epochs):
            epoch(journal, 0, at, numbers=SOUND | changes)
        if final is not None:
            numbers = SOUND | final
            journal.write(
                "final", trial=trial_id(0), outcome="finished", reason=None, numbers=numbers, checkpoint=None
            )
        if test is not None:
            scored = {key.replace("validation", "test"): value for key, value in SOUND.items()} | test
            journal.write("scored", trial=trial_id(0), numbers=scored)
    return read_sweep(path)


def tags(sweep: SweepRecord) -> dict[str, str]:
    return trial_run(sweep, sweep.trials[trial_id(0)]).tags


def test_sound_numbers_leave_no_trace(tmp_path: Path) -> None:
    sweep = record(tmp_path / "journal.jsonl", [{}, {}], {}, {})
    assert sweep_findings(sweep) == []
    assert "vae_sweep.violations" not in tags(sweep)
    assert remarks(compute_results(sweep, ("perplexity",))) == []


def test_a_rule_broken_again_is_said_once(tmp_path: Path) -> None:
    broken = {"validation/kl": 3.0, "validation/active_units": 5.0}
    sweep = record(tmp_path / "journal.jsonl", [{}, broken, {"validation/active_units": 6.0}], {})
    expected = [
        "vae epoch 1: -ELBO = Recon + KL: 12 against 8 + 3 = 11",
        "vae epoch 1: AU <= n_z: AU 5, n_z 4 (and in 1 more)",
    ]
    assert [str(finding) for finding in sweep_findings(sweep)] == expected
    assert tags(sweep)["vae_sweep.violations"] == "\n".join(f"🔴 {line}" for line in expected)
    lines = remarks(compute_results(sweep, ("perplexity",)))
    assert lines == [f"invariant broken: {trial_id(0)}, {line}" for line in expected]


def test_the_test_split_is_looked_at_too(tmp_path: Path) -> None:
    sweep = record(tmp_path / "journal.jsonl", [], {}, {"test/neg_elbo": 13.0})
    assert [finding.place for finding in sweep_findings(sweep)] == ["final test"]


def test_fbp_is_held_to_its_rate_at_the_end_and_at_weight_one(tmp_path: Path) -> None:
    term = {"kind": "free_bits_total", "target_rate": 8.0}
    far = {"validation/kl": 4.0}
    held = record(tmp_path / "a.jsonl", [far], far, None, term)
    assert [finding.violation.rule for finding in sweep_findings(held)] == ["FBP holds KL at λ"]
    lighter = record(tmp_path / "b.jsonl", [{"train/kl_weight": 0.5}], far, None, term)
    assert sweep_findings(lighter) == []
    assert sweep_findings(record(tmp_path / "c.jsonl", [far], None, None, term)) == []


TRUST = {"nll": 11.5, "perplexity": 9.0, "pareto_k": 0.85, "pareto_k_bad": 0.64, "samples": 1600.0}


def test_a_likelihood_that_is_not_known_draws_a_warning(tmp_path: Path) -> None:
    sweep = record(
        tmp_path / "journal.jsonl", [], {f"validation/{metric}": value for metric, value in TRUST.items()}
    )
    unknown, warning = [
        *evidence_lines(compute_results(sweep, ("perplexity",)).evidence),
        *remarks(compute_results(sweep, ("perplexity",))),
    ]
    assert unknown == (
        "cannot tell where cell 0 stands: 64.0% of its sentences have Pareto k > 0.7, 50% at most may; it is in "
        "no front and no hypervolume"
    )
    assert warning == (
        "warning: validation: NLL and PPL are not known where more than 50% of the sentences have Pareto k > 0.7 "
        "after all samples: 64.0% of cell 0's (1600 samples)"
    )


def test_the_weights_of_samples_from_q_draw_no_warning(tmp_path: Path) -> None:
    known = TRUST | {"pareto_k_bad": 0.5, "iw_pareto_k_bad": 0.98, "iw_nll": 12.6, "iw_perplexity": 11.0}
    sweep = record(
        tmp_path / "journal.jsonl", [], {f"validation/{metric}": value for metric, value in known.items()}
    )
    assert remarks(compute_results(sweep, ("perplexity",))) == []
    assert list(evidence_lines(compute_results(sweep, ("perplexity",)).evidence)) == []


def test_many_cells_that_are_not_known_draw_one_warning(tmp_path: Path) -> None:
    final = {f"validation/{metric}": value for metric, value in TRUST.items()}
    report = compute_results(record(tmp_path / "journal.jsonl", [], final), ("perplexity",))
    [row] = report.rows
    [line] = replace(report, rows=[replace(row, cell=cell) for cell in range(NAMED + 2)]).warnings
    assert line.count("1600 samples") == NAMED
    assert line.endswith(f"cell {NAMED - 1}'s (1600 samples), and so of 2 cells more")
