"""Recipes: two named settings of what the paper and its authors' code do differently."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.unit.broken_spaces import problems_of
from trainables.methods import METHODS as ROWS
from trainables.objective.kl import FreeBits
from trainables.objective.kl_weight import Linear
from trainables.training.training_spec import LinearDecay, Plateau, TrainingSpec
from vae_sweep.cli.main import app
from vae_sweep.cli.recipes import RecipeDifference, recipe_differences, recipe_spec
from vae_sweep.config.reader import read_spec
from vae_sweep.config.recipes import RECIPES
from vae_sweep.config.sweep_spec import SweepSpec

SPACES = Path(__file__).parents[2] / "search_spaces"
CODE_PLATEAU = Plateau(patience=5, first_reference=1e4)
CODE = "recipe: official_code\ncorpus: {name: captions}\n"
METHODS = "methods: {vae: , vae_anneal: , ours: {target_rate: {choice: [4, 8]}}}\n"
REST = f"corpus: {{name: captions}}\n{METHODS}"
PTB = SPACES / "ptb.yaml"


def everything(rows: Iterable[str]) -> list[RecipeDifference]:
    """What the recipes differ in, in a sweep of these rows."""

    def having(parameter: str) -> str:
        return ", ".join(name for name in rows if parameter in ROWS[name].parameters())

    return [
        RecipeDifference("training.schedule.patience", (2, 5)),
        RecipeDifference("training.schedule.first_reference", (None, 1e4)),
        RecipeDifference("pretraining.schedule.patience", (2, 5)),
        RecipeDifference("pretraining.schedule.first_reference", (None, 1e4)),
        RecipeDifference("evaluation.final_samples", (1000, 500)),
        RecipeDifference("evaluation.activity_boundary", ("above", "at_least")),
        RecipeDifference(f"anneal_pace of {having('anneal_pace')}", ("epochs", "full_batches")),
        RecipeDifference(f"form of {having('form')}", ("max", "mask")),
        *[RecipeDifference(f"selection of {having('selection')}", ("neg_elbo", "iw_bound"))]
        * bool(having("selection")),
    ]


def read(directory: Path, text: str, *overrides: str) -> SweepSpec:
    path = directory / "space.yaml"
    path.write_text(text, encoding="utf-8")
    return read_spec(path, overrides)


def test_the_default_is_the_paper(tmp_path: Path) -> None:
    plain = read(tmp_path, f"corpus: {{name: captions}}\n{METHODS}")
    assert plain.recipe == "paper"
    assert plain == read(tmp_path, f"recipe: paper\ncorpus: {{name: captions}}\n{METHODS}")
    assert plain.training == plain.pretraining == TrainingSpec()
    assert plain.methods["vae_anneal"] == {}
    assert (plain.evaluation.final_samples, plain.evaluation.activity_boundary) == (1000, "above")


def test_the_official_code(tmp_path: Path) -> None:
    spec = read(tmp_path, CODE + METHODS)
    assert spec.training == spec.pretraining == TrainingSpec(schedule=CODE_PLATEAU)
    assert (spec.evaluation.final_samples, spec.evaluation.activity_boundary) == (500, "at_least")
    assert spec.methods["vae"] == {}
    points = spec.points() or []
    assert len(points) == 4, "no cell more than under the paper"
    pretraining, vae = spec.trial(*points[-1], 0, "f").phases()
    assert vae.objective.kind == "elbo"
    assert vae.objective.kl == FreeBits(target_rate=8, form="mask", per="sentence")
    assert vae.objective.kl_weight == Linear(pace="full_batches")
    assert pretraining.training.schedule == vae.training.schedule == CODE_PLATEAU
    assert vae.training.schedule.first_decay_epoch == 15
    assert vae.training.learning_rate == 0.5


@pytest.mark.parametrize(
    ("text", "override"),
    [
        ("training: {schedule: {kind: plateau, patience: 3}}\nevaluation: {final_samples: 7}\n", ()),
        ("", ("training.schedule={kind: plateau, patience: 3}", "evaluation.final_samples=7")),
    ],
)
def test_what_the_file_says_itself_wins(text: str, override: tuple[str, ...], tmp_path: Path) -> None:
    rows = "methods: {vae_anneal: {anneal_pace: epochs}, ours: {form: {choice: [max, mask]}}}\n"
    spec = read(tmp_path, CODE + text + rows, *override)
    assert spec.training.schedule == spec.pretraining.schedule == Plateau(patience=3, first_reference=1e4)
    assert (spec.evaluation.final_samples, spec.evaluation.activity_boundary) == (7, "at_least")
    assert spec.methods["vae_anneal"] == {"anneal_pace": "epochs"}
    assert [values["form"] for method, values in spec.points() or () if method == "ours"] == ["max", "mask"]


def test_a_file_with_another_schedule_keeps_it(tmp_path: Path) -> None:
    spec = read(
        tmp_path, CODE + METHODS + "training: {schedule: {kind: linear_decay}}\npretraining: {epochs: 3}\n"
    )
    assert spec.training.schedule == spec.pretraining.schedule == LinearDecay()
    merged = read(tmp_path, CODE + METHODS + "training: {epochs: 7, schedule: {kind: plateau, decays: 2}}\n")
    assert merged.training == TrainingSpec(epochs=7, schedule=Plateau(patience=5, decays=2, first_reference=1e4))
    own = read(tmp_path, CODE + METHODS + "pretraining: {schedule: {kind: plateau, patience: 4}}\n")
    assert (own.training.schedule, own.pretraining.schedule) == (
        CODE_PLATEAU,
        Plateau(patience=4, first_reference=1e4),
    )


def test_a_recipe_comes_with_what_a_file_extends(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(CODE + METHODS + "evaluation: {final_samples: 9}\n", "utf-8")
    spec = read(tmp_path, "extends: base.yaml\nmethods: {vae_fb: }\n")
    assert (spec.recipe, spec.methods) == ("official_code", {"vae_fb": {"form": "mask"}})
    assert (spec.evaluation.final_samples, spec.training.schedule) == (9, CODE_PLATEAU)
    assert read(tmp_path, "extends: base.yaml\nrecipe: paper\n").training.schedule == Plateau(patience=2)


def test_a_resolved_spec_comes_back(tmp_path: Path) -> None:
    spec = read(tmp_path, CODE + METHODS)
    assert SweepSpec.model_validate(spec.model_dump(mode="json", by_alias=True)) == spec
    assert SweepSpec.model_validate_json(spec.model_dump_json(by_alias=True)) == spec
    raw: dict[str, Any] = {"name": "x", "corpus": spec.corpus, "methods": {"vae": {}}, "recipe": "official_code"}
    assert SweepSpec.model_validate(raw | {"training": TrainingSpec()}).training == TrainingSpec()


@pytest.mark.parametrize(
    ("text", "start"),
    [
        (
            "recipe: papers\n" + REST,
            "space.yaml:1: recipe: expected one of paper, ",
        ),
        (
            "recipe: [paper]\n" + REST,
            "space.yaml:1: recipe: expected one of paper, ",
        ),
        (CODE + "methods: {ours: 4}\n", "space.yaml:3: methods.ours: expected fields below it (got 4)"),
        (CODE + METHODS + "training: 5\n", "space.yaml:4: training: expected fields below it (got 5)"),
        (CODE + METHODS + "training: {schedule: {decays: 2}}\n", "space.yaml:4: training.schedule: needs kind; "),
        (CODE + METHODS + "evaluation:\n", "space.yaml:4: evaluation: expected fields below it"),
    ],
)
def test_a_recipe_hides_no_mistake(text: str, start: str, tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, text)
    assert problem.startswith(start)


def test_the_differences_are_these_and_no_others() -> None:
    assert recipe_differences([recipe_spec(recipe, None, ()) for recipe in RECIPES]) == everything(ROWS)


def test_the_papers_own_files_follow_the_recipe() -> None:
    found = recipe_differences([recipe_spec(recipe, PTB, ()) for recipe in RECIPES])
    assert found == everything(read_spec(PTB).methods)
    small = recipe_differences([recipe_spec(recipe, SPACES / "snli_cpu.yaml", ()) for recipe in RECIPES])
    assert [found.setting for found in small] == [
        "evaluation.final_samples", "evaluation.activity_boundary", "anneal_pace of vae_anneal, ours",
        "form of vae_fb, vae_fbp, ours",
    ]  # fmt: skip


def test_plan_prints_the_differences_with_and_without_a_file() -> None:
    file = [str(PTB), "--set", "model.latent_size=16"]
    for arguments, rows_there in (([], ROWS), (file, read_spec(PTB).methods)):
        ran = CliRunner().invoke(app, ["plan", "--diff-recipes", *arguments])
        assert ran.exit_code == 0
        rows = [line.replace("│", " ").split() for line in ran.output.splitlines()]
        for setting, (paper, code) in everything(rows_there):
            assert [*setting.split(), str(paper), str(code)] in rows
        assert "FB and FBP are not annealed: an assumption" in ran.output
        assert "aggressive training is not annealed: an assumption" in ran.output
    ran = CliRunner().invoke(app, ["plan"])
    assert ran.exit_code == 2
