"""The plan: cells, trials, distinct pretrainings, and what is refused before Ray starts."""

import os
from pathlib import Path

import pytest

from tests.documented.pages import REPOSITORY
from trainables.base import CorpusError
from vae_sweep.config.reader import read_spec
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.planning.plan import Trainings, make_plan, with_absolute_paths


def sweep(**changes: object) -> SweepSpec:
    fields: dict[str, object] = {
        "name": "one",
        "corpus": {"name": "captions", "limit": {"train": 50, "validation": 5, "test": 5}},
        "methods": {"ae": {}, "vae": {}, "ours": {"target_rate": {"choice": [2, 4, 8]}}},
        "seeds": [1, 2],
    }
    return SweepSpec.model_validate(fields | changes)


def test_cells_trials_and_distinct_pretrainings(tmp_path: Path) -> None:
    plan = make_plan(sweep(storage={"directory": str(tmp_path)}))
    assert (plan.cell_count, plan.trial_count) == (5, 10)
    assert plan.trainings == Trainings(asked=16, needed=10, pretrainings=8, distinct=2, stored=0)


def test_without_a_shared_store_every_trial_trains_for_itself(tmp_path: Path) -> None:
    plan = make_plan(sweep(storage={"directory": str(tmp_path), "share_pretraining": False}))
    assert plan.trainings == Trainings(asked=16, needed=16, pretrainings=8, distinct=2, stored=0)


def test_the_papers_rows_on_ptb_are_29_trainings_instead_of_40(tmp_path: Path) -> None:
    spec = read_spec(
        REPOSITORY / "search_spaces" / "ptb.yaml", [f"storage.directory={tmp_path}", "corpus={name: captions}"]
    )
    found = make_plan(spec).trainings
    assert found is not None
    assert (found.needed, found.asked) == (29, 40)


def test_a_search_draws_no_more_than_its_space_has() -> None:
    methods = {"vae": {}, "ours": {"target_rate": {"choice": [2, 4, 8]}}}
    assert make_plan(sweep(methods=methods, search={"kind": "tpe", "trials": 20})).cell_count == 4


def test_a_continuous_space_has_no_list_of_cells() -> None:
    plan = make_plan(
        sweep(methods={"ours": {"target_rate": {"float": [2, 8]}}}, search={"kind": "tpe", "trials": 7})
    )
    assert (plan.cells, plan.cell_count, plan.trainings) == (None, 7, None)


def test_an_absent_corpus_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="vae-sweep data fetch snli"):
        make_plan(sweep(corpus={"name": "snli"}, data={"directory": str(tmp_path)}))
    with pytest.raises(CorpusError, match=r"lacks train\.txt\[\.gz\], valid\.txt\[\.gz\], test\.txt\[\.gz\]"):
        make_plan(sweep(corpus={"path": str(tmp_path)}))


def test_a_single_validation_sentence_is_refused(tmp_path: Path) -> None:
    for stem, text in (("train", "a b\nc d\n"), ("valid", "a b\n"), ("test", "a b\nc\n")):
        (tmp_path / f"{stem}.txt").write_text(text)
    with pytest.raises(CorpusError, match="validation has a single sentence"):
        make_plan(sweep(corpus={"path": str(tmp_path)}))


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"cpu": 10_000}, r"resources\.cpu: a trial asks for 10000 cores, this machine has"),
        ({"gpu": 64}, r"resources\.gpu: a trial asks for 64 GPUs, this machine has"),
    ],
)
def test_impossible_resources_are_refused(
    resources: dict[str, float], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert "RAY_ADDRESS" not in os.environ
    with pytest.raises(LaunchError, match=message):
        make_plan(sweep(resources=resources))


def test_data_paths_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = with_absolute_paths(sweep(corpus={"path": "mine"}, data={"directory": "data"}))
    assert (spec.corpus.path, spec.data.directory) == (str(tmp_path / "mine"), str(tmp_path / "data"))


def test_a_relative_database_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for given, found in (
        ("sqlite:///m.db", f"sqlite:///{tmp_path}/m.db"),
        ("sqlite:///m.db?timeout=5", f"sqlite:///{tmp_path}/m.db?timeout=5"),
        ("sqlite:////x/m.db", "sqlite:////x/m.db"),
        ("http://mlflow:5000", "http://mlflow:5000"),
    ):
        assert with_absolute_paths(sweep(tracking={"uri": given})).tracking.uri == found


def test_a_method_that_is_annealed_beyond_every_rung_is_named() -> None:
    rows = {"vae": {}, "ours": {"anneal_epochs": {"choice": [4.0]}}, "vae_anneal": {"anneal_epochs": 2}}
    search = {"kind": "random", "trials": 3, "pruning": {"rungs": [3, 4]}}
    assert make_plan(sweep(methods=rows, search=search, training={"epochs": 6})).unjudged == ["ours"]


@pytest.mark.parametrize(
    ("evaluation", "named"),
    [
        ({"search_samples": 199}, ["search_samples"]),
        ({"search_samples": 200, "final_effort": 100}, ["final_effort"]),
        ({"final_effort": 100, "final": "none"}, []),
        ({}, []),
    ],
)
def test_an_evaluation_too_small_to_adapt_a_proposal_is_named(
    evaluation: dict[str, object], named: list[str]
) -> None:
    assert make_plan(sweep(evaluation=evaluation)).unadapted == named
    assert not make_plan(sweep(evaluation=evaluation, methods={"ae": {}, "lstm_lm": {}})).unadapted
