"""What `import vae_sweep` gives: sweeps read, drawn and used in Python, and errors in words."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from plotly.graph_objects import Figure

import vae_sweep
from tests.documented.pages import REPOSITORY
from tests.handmade import Handmade, ended_sweep, put, spec_in
from tests.reported_sweep import Reported, reported_sweep
from tests.trained_sweep import trained_sweep
from trainables.text_vae import load_text_vae
from vae_sweep import VaeSweepError, launch, load_sweep
from vae_sweep.config.reader import read_spec, spec_of
from vae_sweep.report.latent_summaries import LatentSummaryCache
from vae_sweep.report.page.page import page_figures
from vae_sweep.results.cells import cell_results

FILES = sorted((REPOSITORY / "search_spaces").glob("*.yaml"))
TINY = {
    "name": "tiny",
    "corpus": {"name": "captions", "limit": {"train": 400, "validation": 40}},
    "methods": {"vae": {}, "ours": {"target_rate": {"choice": [2, 4]}}},
    "seeds": [0, 1],
}


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    return reported_sweep(tmp_path_factory.mktemp("sweeps"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Handmade:
    return trained_sweep(tmp_path_factory.mktemp("used"))


def test_importing_the_package_loads_nothing_else() -> None:
    program = (
        "import sys, typing; before = set(sys.modules); import vae_sweep; assert 'launch' in dir(vae_sweep);"
        "print(sorted(set(sys.modules) - before))"
    )
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == "['vae_sweep']"


def test_reading_a_sweep_starts_and_loads_no_ray() -> None:
    program = "import sys, vae_sweep; vae_sweep.load_sweep; print({'ray', 'mlflow'} & set(sys.modules))"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == "set()"


def test_all_that_is_public_is_there_and_nothing_else() -> None:
    assert vae_sweep.__all__ == ["Sweep", "VaeSweepError", "launch", "load_sweep"]
    assert all(hasattr(vae_sweep, name) for name in vae_sweep.__all__)
    with pytest.raises(AttributeError, match=r"no attribute 'lunch'; it has Sweep, .*load_sweep"):
        getattr(vae_sweep, "lunch")  # noqa: B009 - mypy knows what is there


@pytest.mark.parametrize("package", ["vae_sweep", "trainables"])
def test_types_are_packaged(package: str) -> None:
    assert (REPOSITORY / package / "py.typed").is_file()
    tools = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]
    assert tools["setuptools"]["package-data"][package] == ["py.typed"]


def test_a_sweep_is_read_while_it_runs_and_stays_as_it_was(tmp_path: Path) -> None:
    sweep = Handmade(spec_in(tmp_path))
    sweep.whole(0, 0, 8.0)
    sweep.start(0, 1)
    early = load_sweep(sweep.folder)
    assert early.outcome is None
    assert "2 of 2" not in repr(early)
    sweep.whole(0, 1, 9.0)
    sweep.write("end", outcome="complete", reason=None)
    late = load_sweep(str(sweep.folder))
    assert (len(early.cells), early.cells["seeds"][0], len(early.trials)) == (1, 1, 2)
    assert (late.cells["seeds"][0], late.outcome) == (2, "complete")
    assert late.spec == sweep.spec
    assert repr(late) == (f"<Sweep one in {sweep.folder}: 1 cells, 2 of 2 started trials have ended, complete>")
    assert late._repr_html_().startswith("<p>Sweep one in ")


def test_the_folder_may_be_relative_or_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = ended_sweep(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_sweep("one").folder == load_sweep("~/one").folder == sweep.folder


def test_the_front_begins_with_the_best_by_the_first_objective(reported: Reported) -> None:
    front = load_sweep(reported.sweep.folder).front()
    assert list(front["cell"]) == [0, 1, 2]
    assert list(front.index) == [0, 1, 2]
    assert front["validation/perplexity"].is_monotonic_increasing


def test_a_frame_is_a_fresh_one_each_time(reported: Reported) -> None:
    sweep = load_sweep(reported.sweep.folder)
    mine = sweep.cells
    mine["method"] = "other"
    assert sweep.cells.loc[0, "method"] == "vae"


def test_every_figure_of_the_page_is_had_by_its_name(reported: Reported) -> None:
    sweep, record = load_sweep(reported.sweep.folder), reported.sweep.record
    found = cell_results(record, reported.sweep.spec.search.objectives)
    plots = page_figures(record, found, LatentSummaryCache().exemplars(record)).all
    assert {"front-validation", "front-test", "rate-kl", "epochs-vae-kl", "units"} <= {plot.id for plot in plots}
    for plot in plots:
        figure = sweep.figure(plot.id)
        assert [trace.type for trace in figure.data] == [trace["type"] for trace in plot.spec["data"]]
        for trace, theirs in zip(figure.data, plot.spec["data"], strict=True):
            assert list(trace.x) == list(theirs["x"])
            assert trace.showlegend == bool(theirs.get("name"))
        assert figure.layout.showlegend
        assert figure.layout.paper_bgcolor is None
        assert plot.id in figure.layout.title.text


def test_the_front_is_that_of_validation(reported: Reported) -> None:
    sweep = load_sweep(reported.sweep.folder)
    assert isinstance(sweep.figure("front"), Figure)
    assert sweep.figure("front") == sweep.figure("front-validation")


def test_an_unknown_figure_is_refused_with_those_that_are_there(reported: Reported, tmp_path: Path) -> None:
    with pytest.raises(VaeSweepError, match=r"no figure 'frnt'; there are: front, front-validation, .*, units, "):
        load_sweep(reported.sweep.folder).figure("frnt")
    with pytest.raises(VaeSweepError, match="there is none yet: no trial has reported an epoch"):
        load_sweep(Handmade(spec_in(tmp_path)).folder).figure("front")


def test_a_trial_is_used_as_a_model(trained: Handmade, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = load_sweep(trained.folder)
    vae, same = sweep.model("0001"), load_text_vae(trained.last("0001-ours-s0"))
    assert vae.reconstruct(["a dog runs ."]) == same.reconstruct(["a dog runs ."])
    assert vae.decode(vae.encode(["a dog runs ."])) == same.reconstruct(["a dog runs ."])
    assert capsys.readouterr().err == ""
    sweep.model()
    assert "the best replicate of the front's best cell by perplexity" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("trial", "message"),
    [
        ("0009", "has no trial '0009'"),
        (0, "model(0): expected the name of a trial, such as '0000-vae-s0', or nothing"),
        ("", "model(''): expected the name"),
    ],
)
def test_a_trial_that_is_none_is_told_in_words(trained: Handmade, trial: str, message: str) -> None:
    with pytest.raises(VaeSweepError) as error:
        load_sweep(trained.folder).model(trial)
    assert message in str(error.value)


def test_a_folder_without_a_sweep_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(VaeSweepError, match=r"nothing: no sweep there; give the folder that launch printed"):
        load_sweep(tmp_path / "nothing")
    folder = ended_sweep(tmp_path).folder
    put(folder / "journal.jsonl", "no journal\n{}\n")
    with pytest.raises(VaeSweepError, match=r"journal\.jsonl, line 1: not JSON"):
        load_sweep(folder)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_resolved_spec_is_read_again_as_it_is(file: Path) -> None:
    spec = read_spec(file)
    assert spec_of(spec) == spec
    assert spec_of(spec, ["seeds=[3, 4]"]).seeds == (3, 4)


def test_a_dict_means_what_its_file_would(tmp_path: Path) -> None:
    put(tmp_path / "tiny.yaml", json.dumps(TINY))
    override = "methods.ours.target_rate={float: [2, 9]}"
    more = [override, "search={kind: random, trials: 3}"]
    assert spec_of(TINY, more) == read_spec(tmp_path / "tiny.yaml", more)
    assert TINY["seeds"] == [0, 1], "it is as it was"


def test_every_error_of_a_dict_is_told_at_once() -> None:
    wrong = {"extends": "a.yaml", "corpus": {"name": "captoins"}, "methods": {"vea": None}, "seeds": [0, 0]}
    with pytest.raises(VaeSweepError) as error:
        launch(wrong, ["model.latent_size"])
    for message in (
        "--set model.latent_size: expected path=value",
        "the spec: extends stands in files only",
        "the spec: name: required, but not given",
        "the spec: corpus.name: expected one of captions, ptb, snli, yahoo, yelp (got 'captoins'); did you mean",
        "the spec: methods.vea: unknown method (got 'vea')",
        "the spec: seeds: listed twice: 0",
        "6 errors; nothing was started",
    ):
        assert message in str(error.value)


def test_a_file_is_refused_as_by_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(VaeSweepError, match=r"none\.yaml: cannot be read"):
        launch(tmp_path / "none.yaml")
    put(tmp_path / "tiny.yaml", json.dumps(TINY | {"sede": 1}))
    with pytest.raises(VaeSweepError, match=r"tiny\.yaml:1: sede: unknown key"):
        launch(str(tmp_path / "tiny.yaml"))
    with pytest.raises(VaeSweepError, match=r"overrides: expected a list, such as \['name=x'\]"):
        launch(TINY, "name=x")


def test_what_the_plan_refuses_is_refused(tmp_path: Path) -> None:
    absent = TINY | {"corpus": {"path": str(tmp_path / "none")}}
    with pytest.raises(VaeSweepError, match=r"corpus\.path: .* lacks train\.txt"):
        launch(absent)
