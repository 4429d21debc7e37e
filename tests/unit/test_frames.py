"""A sweep as pandas frames: a line a cell, a trial, an epoch, under the journal's names."""

from pathlib import Path

import pandas as pd
import pytest

from tests.documented.pages import REPOSITORY
from tests.handmade import Handmade, spec_in
from tests.replicated import Cells, journal
from tests.reported_sweep import Reported, reported_sweep
from trainables.methods import METHODS
from vae_sweep.report.frames import (
    CELL_STATE,
    EPOCH_STATE,
    INTERVAL,
    SAMPLING,
    TRIAL,
    TRIAL_STATE,
    UNKNOWN,
    cell_frame,
    epoch_frame,
    short_frame,
    trial_frame,
)
from vae_sweep.results.cells import MAIN_METRICS, cell_results

OBJECTIVES = ("perplexity", "reconstruction")


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    return reported_sweep(tmp_path_factory.mktemp("sweeps"))


@pytest.fixture(scope="module")
def cells(reported: Reported) -> pd.DataFrame:
    return cell_frame(cell_results(reported.sweep.record, OBJECTIVES), OBJECTIVES)


def test_a_line_a_cell_with_its_values_as_columns(cells: pd.DataFrame) -> None:
    assert list(cells["cell"]) == [0, 1, 2, 3]
    assert list(cells["method"]) == ["vae", "ours", "ours", "vae_fbp"]
    assert list(cells["target_rate"].dropna()) == [2, 4, 4]
    assert list(cells["seeds"]) == [2] * 4
    assert list(cells["outcome"]) == ["collapsed", *["finished"] * 3]
    assert list(cells["front"]) == [True, True, True, False]


def test_means_and_half_widths_are_those_of_the_report(reported: Reported, cells: pd.DataFrame) -> None:
    for row in cell_results(reported.sweep.record, OBJECTIVES):
        [line] = cells[cells["cell"] == row.cell].to_dict("records")
        for metric in row.numbers:
            assert line[f"{row.split}/{metric}"] == row.numbers[metric]
            assert line[f"{row.split}/{metric}_ci95"] == row.half_widths[metric]


def test_the_tables_words_are_there_where_nobody_has_them(cells: pd.DataFrame) -> None:
    assert cells["test/iw_perplexity"].isna().all()
    assert {f"{split}/{metric}" for split in ("validation", "test") for metric in MAIN_METRICS} <= set(
        cells.columns
    )
    assert "validation/floor" not in cells.columns
    assert cells.filter(like="/perplexity").dtypes.eq("float64").all()


def test_why_a_likelihood_is_not_known_is_told_by_split(tmp_path: Path) -> None:
    found: Cells = [("ours", {}, {0: (8.0, 20.0)}), ("vae", {}, {0: (9.0, 21.0)})]
    record = journal(tmp_path / "s", found, more={0: {"pareto_k_bad": 0.6, "nll": 21.0}})
    cells = cell_frame(cell_results(record, OBJECTIVES), OBJECTIVES)
    assert cells["validation/unknown_likelihood"].str.startswith("60.0% of its sentences").tolist() == [
        True,
        False,
    ]
    assert list(cells["front"]) == [False, True]
    assert cells["test/unknown_likelihood"].isna().all()


def test_sampling_alone_has_a_column_where_it_is_known(tmp_path: Path) -> None:
    more = {0: {"nll": 21.0, "nll_sampling_error": 0.1, "sentences": 100.0}}
    record = journal(tmp_path / "s", [("vae", {}, {0: (8.0, 20.0)})], more=more)
    found = cell_results(record, OBJECTIVES)
    [line] = cell_frame(found, OBJECTIVES).to_dict("records")
    assert line["validation/nll_sampling_ci95"] == found[0].sampling["nll"]
    assert "validation/nll_ci95" not in line


def test_a_line_a_trial_also_of_one_that_is_open(reported: Reported) -> None:
    trials = trial_frame(reported.sweep.record)
    assert len(trials) == 9
    [first] = trials[trials["trial"] == "0002-ours-s1"].to_dict("records")
    assert (first["cell"], first["method"], first["seed"], first["target_rate"]) == (2, "ours", 1, 4)
    assert (first["outcome"], first["attempts"]) == ("finished", 1)
    assert first["validation/perplexity"] == pytest.approx(8.7)
    assert first["test/perplexity"] == pytest.approx(9.7)
    assert str(first["ended"].tz) == "UTC"
    assert first["started"] <= first["ended"]
    [last] = trials[trials["trial"] == "0004-lstm_lm-s0"].to_dict("records")
    assert pd.isna(last["outcome"])
    assert pd.isna(last["ended"])
    assert pd.isna(last["validation/perplexity"])


def test_what_probes_found_stands_beside(tmp_path: Path) -> None:
    sweep = Handmade(spec_in(tmp_path))
    sweep.whole(0, 0, 8.0)
    sweep.write("probed", trial="0000-vae-s0", numbers={"probe/bleu": 12.5}, probes=["bleu"], texts=None)
    assert list(trial_frame(sweep.record)["probe/bleu"]) == [12.5]


def test_a_line_an_epoch_counted_from_one_in_each_phase(reported: Reported) -> None:
    epochs = epoch_frame(reported.sweep.record)
    assert len(epochs) == 8 * 5
    shown = epochs[epochs["trial"] == "0001-ours-s0"]
    assert list(zip(shown["phase"], shown["epoch"], strict=True)) == [
        ("pretrain", 1), ("pretrain", 2), ("vae", 1), ("vae", 2), ("vae", 3),
    ]  # fmt: skip
    assert list(shown["validation/kl"]) == [50, 50, 2, 2, 2]
    assert list(shown["train/seconds"]) == [30] * 5
    assert set(shown["target_rate"]) == {2}


def test_a_word_that_says_nothing_of_a_method_is_no_number(tmp_path: Path) -> None:
    sweep = Handmade(spec_in(tmp_path, methods={"lstm_lm": {}, "vae": {}}))
    for cell, method in enumerate(("lstm_lm", "vae")):
        name = sweep.start(cell, 0, method)
        numbers = {"validation/kl": 3.0, "validation/reconstruction": 20.0}
        sweep.write("epoch", trial=name, phase="vae", epoch=0, numbers=numbers, checkpoint=None)
    epochs = epoch_frame(sweep.record)
    assert "kl" in METHODS["lstm_lm"].undefined_metrics
    assert epochs["validation/kl"].isna().tolist() == [True, False]


def test_a_sweep_that_has_just_begun_has_empty_frames(tmp_path: Path) -> None:
    record = Handmade(spec_in(tmp_path)).record
    cells, trials, epochs = cell_frame([], ("perplexity",)), trial_frame(record), epoch_frame(record)
    assert [len(frame) for frame in (cells, trials, epochs)] == [0, 0, 0]
    assert cells["validation/perplexity"].dtype == "float64"
    assert str(trials["started"].dt.tz) == "UTC"


def test_no_parameter_is_called_like_another_column() -> None:
    names = {name for method in METHODS.values() for name in method.parameters()}
    assert not names & {*TRIAL, *CELL_STATE, *TRIAL_STATE, *EPOCH_STATE}


def test_every_column_is_described() -> None:
    page = (REPOSITORY / "docs" / "python.md").read_text()
    plain = {*TRIAL, *CELL_STATE, *TRIAL_STATE, *EPOCH_STATE}
    ends = {f"{INTERVAL}`", f"{SAMPLING}`", f"/{UNKNOWN}`"}
    assert not {f"`{name}`" for name in plain if f"`{name}`" not in page} | {
        end for end in ends if end not in page
    }


def test_a_short_table_shows_texts_and_runs_none(cells: pd.DataFrame) -> None:
    html = short_frame(cells.assign(method="<script>"))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "validation/kl" in html
