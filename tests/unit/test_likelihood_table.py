"""How well the numbers of a cell are known, by hand."""

from pathlib import Path

import pytest

from tests.replicated import journal
from vae_sweep.report.files import as_csv, as_latex
from vae_sweep.report.likelihood_table import likelihood_head, likelihood_line
from vae_sweep.results.cells import cell_results
from vae_sweep.results.results import compute_results

OBJECTIVES = ("perplexity", "reconstruction")
KNOWN = {
    "nll": 42.0,
    "nll_error": 0.51,
    "nll_sampling_error": 0.01,
    "reconstruction_error": 0.42,
    "kl_error": 0.05,
    "mutual_information_error": 0.11,
    "elbo_gap": 2.0,
    "elbo_gap_error": 0.1,
    "amortisation_gap": 1.5,
    "amortisation_gap_error": 0.05,
    "approximation_gap": 0.5,
    "approximation_gap_error": 0.02,
    "samples": 1600.0,
    "pareto_k_bad": 0.012,
    "iw_nll": 43.1,
    "iw_pareto_k_bad": 0.98,
}


def test_a_line_has_every_error_and_the_gap_in_two_parts(tmp_path: Path) -> None:
    """One seed: gaps ± 1.96 standard errors over sentences, sampling ± 1.96 of its own."""
    [row] = cell_results(journal(tmp_path / "s", [("ours", {}, {0: (66.7, 40.0)})], more={0: KNOWN}), OBJECTIVES)
    line = likelihood_line(row)
    assert line is not None
    assert dict(zip(likelihood_head(), line, strict=True)) == {
        "cell": "0*",
        "method": "ours",
        "NLL s.e.": "0.51",
        "Recon s.e.": "0.420",
        "KL s.e.": "0.050",
        "MI s.e.": "0.110",
        "sampling": "±0.020",
        "-ELBO - NLL": "+2.00±0.20",
        "amortisation": "+1.50±0.10",
        "approximation": "+0.50±0.04",
        "passes": "1600",
        "k > 0.7": "1.2%",
        "NLL(q)": "43.10",
        "k(q) > 0.7": "98.0%",
    }
    assert row.half_widths == {}
    assert row.interval("nll").half_width == pytest.approx(1.959964 * 0.01)


def test_several_seeds_have_their_interval_over_seeds_and_no_narrower_than_sampling(tmp_path: Path) -> None:
    """Two seeds of one NLL: 1.96 · 0.01 / √2 by sampling; the gap's interval over seeds is 0."""
    record = journal(tmp_path / "s", [("ours", {}, {0: (66.7, 40.0), 1: (66.7, 40.0)})], more={0: KNOWN})
    [row] = cell_results(record, OBJECTIVES)
    assert row.half_widths["nll"] == row.sampling["nll"] == pytest.approx(1.959964 * 0.01 / 2**0.5)
    assert row.half_widths["reconstruction"] == 0.0
    line = likelihood_line(row)
    assert line is not None
    assert line[7] == "+2.00±0.00"


def test_what_was_not_measured_has_no_line(tmp_path: Path) -> None:
    record = journal(tmp_path / "s", [("ours", {}, {0: (66.7, 40.0)})])
    [row] = cell_results(record, OBJECTIVES)
    assert likelihood_line(row) is None
    assert "how well" not in as_latex(compute_results(record, OBJECTIVES))


def test_the_table_is_in_latex_and_its_words_in_csv(tmp_path: Path) -> None:
    report = compute_results(
        journal(tmp_path / "s", [("ours", {}, {0: (66.7, 40.0)})], more={0: KNOWN}), OBJECTIVES
    )
    text = as_latex(report)
    assert "% s, validation split, how well the numbers are known" in text
    assert r"0* & ours & 0.51 & 0.420 & 0.050 & 0.110 & $\pm$0.020 & +2.00$\pm$0.20" in text
    head, line = (found.split(",") for found in as_csv(report).splitlines())
    values = dict(zip(head, line, strict=True))
    assert (values["amortisation_gap"], values["kl_error"], values["iw_pareto_k_bad"]) == ("1.5", "0.05", "0.98")
