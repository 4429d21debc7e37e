"""Stored latent summaries as a report reads them."""

from pathlib import Path

import pytest

from tests.handmade import Handmade
from tests.reported_sweep import LATENT_SUMMARY, Reported, end, reported_sweep, reporting_spec
from trainables.probes.latent_summary import LATENT_SUMMARY_FILE
from vae_sweep.report.latent_summaries import LatentSummaryCache, label_names, shown_trials, unit_rows


@pytest.fixture
def reported(tmp_path: Path) -> Reported:
    return reported_sweep(tmp_path)


def test_a_cell_is_shown_by_its_best_seed(reported: Reported) -> None:
    assert [trial.id for trial in shown_trials(reported.sweep.record)] == [
        "0000-vae-s0",
        "0001-ours-s0",
        "0002-ours-s0",
        "0003-vae_fbp-s0",
    ]


def test_a_row_without_perplexity_is_shown_by_reconstruction(tmp_path: Path) -> None:
    sweep = Handmade(reporting_spec(tmp_path))
    for seed, reconstruction in enumerate([3.0, 2.0, 4.0]):
        end(sweep, sweep.start(0, seed, "ae"), "finished", {"reconstruction": reconstruction})
    assert [trial.seed for trial in shown_trials(sweep.record)] == [1]
    assert unit_rows(LatentSummaryCache().exemplars(sweep.record)) == []


def test_latent_summaries_are_read_and_their_units_ordered(reported: Reported) -> None:
    exemplars = LatentSummaryCache().exemplars(reported.sweep.record)
    assert [found.summary for found in exemplars] == [LATENT_SUMMARY] * 4
    assert all(found.mapped and not found.missing for found in exemplars)
    assert label_names(exemplars) == ["bad", "good"]
    row = unit_rows(exemplars)[1]
    assert (row.cell, row.name, row.order) == (1, "ours λ=2", (1, 0, 2))


def test_what_is_not_there_is_told(reported: Reported) -> None:
    (reported.places["0000-vae-s0"] / LATENT_SUMMARY_FILE).unlink()
    (reported.places["0001-ours-s0"] / LATENT_SUMMARY_FILE).write_text('{"format": 1, "positions": [[')
    (reported.places["0002-ours-s0"] / "samples.txt").unlink()
    gone, damaged, silent, whole = LatentSummaryCache().exemplars(reported.sweep.record)
    assert gone.missing == ("latent.json is not in its last checkpoint: written before it was kept, or deleted",)
    assert damaged.missing[0].startswith("latent.json is damaged, or of another version")
    assert (silent.samples, silent.summary) == (None, LATENT_SUMMARY)
    assert whole.missing == ()


def test_a_cache_of_latent_summaries_reads_each_checkpoint_once(reported: Reported) -> None:
    cache = LatentSummaryCache()
    first = cache.exemplars(reported.sweep.record)
    for place in reported.places.values():
        (place / LATENT_SUMMARY_FILE).unlink()
    assert cache.exemplars(reported.sweep.record) == first


def test_an_outage_of_object_storage_is_told_and_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    sweep = Handmade(reporting_spec(tmp_path))
    for cell in range(3):
        name = sweep.start(cell, 0)
        about = {"trial": name, "outcome": "finished", "reason": None, "error": None, "numbers": {}}
        sweep.write("final", **about, checkpoint=f"s3://bucket/{name}")
    cache = LatentSummaryCache()
    exemplars = cache.exemplars(sweep.record)
    assert len(exemplars) == 3
    assert len({found.missing for found in exemplars}) == 1
    assert "127.0.0.1:9 refuses or is out of reach" in exemplars[2].missing[0]
