"""Sweep files: what ships reads, draws and lists soundly; `extends`, overrides and YAML mean what they say."""

import json
import math
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import LAW
from trainables.methods import METHODS
from trainables.spec import TrialSpec, Value
from trainables.training.training_spec import LinearDecay, Plateau, TrainingSpec
from vae_sweep.config.domains import Choice, Domain, FloatRange, IntRange, LogRange
from vae_sweep.config.method_space import LISTABLE
from vae_sweep.config.reader import json_schema, read_spec
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import SpecError

SPACES = Path(__file__).parents[2] / "search_spaces"
FILES = sorted(SPACES.glob("*.yaml"))
HEADER = "# yaml-language-server: $schema=sweep.schema.json"
GOOD = "corpus: {name: captions}\nmethods: {vae: , ours: {target_rate: 4}}\n"
every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def read(directory: Path, text: str, *overrides: str) -> SweepSpec:
    path = directory / "space.yaml"
    path.write_text(text, encoding="utf-8")
    return read_spec(path, overrides)


def values_of(domain: Domain) -> st.SearchStrategy[Value]:
    """Everything that a searcher may draw from a domain."""
    match domain:
        case Choice():
            return st.sampled_from(domain.choice)
        case IntRange():
            return st.integers(*domain.ends)
        case FloatRange() | LogRange():
            return st.floats(*domain.ends)
        case _:
            return st.just(domain)


@every_file
def test_a_shipped_file_reads_carries_its_name_and_the_editor_line(file: Path) -> None:
    assert read_spec(file).name == file.stem
    assert file.read_text(encoding="utf-8").splitlines()[0] == HEADER


@every_file
def test_a_spec_survives_the_round_trip_through_json(file: Path) -> None:
    spec = read_spec(file)
    dumped = spec.model_dump(mode="json", by_alias=True)
    assert SweepSpec.model_validate(dumped) == spec
    assert SweepSpec.model_validate_json(json.dumps(dumped)) == spec


@every_file
@LAW
@given(data=st.data())
def test_every_draw_is_a_trial(file: Path, data: st.DataObject) -> None:
    spec = read_spec(file)
    method = data.draw(st.sampled_from(sorted(spec.methods)))
    values = {name: data.draw(values_of(domain)) for name, domain in spec.methods[method].items()}
    trial = spec.trial(method, values, data.draw(st.sampled_from(spec.seeds)), "f")
    assert TrialSpec.model_validate_json(trial.model_dump_json()) == trial
    assert len(trial.phases()) == 1 + METHODS[method].pretrain


@every_file
def test_points_are_the_product_without_doubles(file: Path) -> None:
    spec = read_spec(file)
    points = spec.points()
    if points is None:
        assert spec.search.kind != "grid"
        return
    sizes = {m: math.prod(len(_listed(d)) for d in row.values()) for m, row in spec.methods.items()}
    assert len(points) == sum(sizes.values())
    assert len({(method, tuple(sorted(values.items()))) for method, values in points}) == len(points)
    assert len({spec.trial(method, values, 0, "f").key() for method, values in points}) == len(points)


@LAW
@given(st.sets(st.integers(1, 20), min_size=1, max_size=4), st.integers(1, 5), st.integers(1, 4))
def test_points_of_any_row_are_the_product_of_its_domains(rates: set[int], low: int, width: int) -> None:
    row = {
        "target_rate": {"choice": sorted(rates)},
        "model.latent_size": {"int": [low, low + width]},
        "form": "max",
    }
    raw = {"name": "x", "corpus": {"name": "captions"}, "methods": {"ours": row, "vae": {}}}
    *ours, vae = SweepSpec.model_validate(raw).points() or []
    drawn = [tuple(values.values()) for _, values in ours]
    assert sorted(drawn) == sorted(product(rates, range(low, low + width + 1), ("max",)))
    assert vae == ("vae", {})


def _listed(domain: Domain) -> list[Value]:
    if isinstance(domain, Choice):
        return list(domain.choice)
    return list(range(domain.ends[0], domain.ends[1] + 1)) if isinstance(domain, IntRange) else [0]


def test_a_row_that_is_continuous_or_too_large_is_not_listed(tmp_path: Path) -> None:
    search = "corpus: {name: captions}\nsearch: {kind: tpe, trials: 4}\nmethods:\n  vae:\n"
    large = read(tmp_path, f"{search}  ours: {{model.latent_size: {{int: [1, {LISTABLE + 1}]}}}}\n")
    assert large.points() is None
    assert large.method_points("ours") is None
    assert large.method_points("vae") == [{}]
    assert read(tmp_path, f"{search}  ours: {{target_rate: {{log: [1, 8]}}}}\n").points() is None


def test_the_small_snli_differs_from_the_large_only_where_it_says_so() -> None:
    small, large = read_spec(SPACES / "snli_cpu.yaml"), read_spec(SPACES / "snli.yaml")
    assert small.corpus.name == "snli"
    assert small.corpus.limit.train is not None
    assert (small.search.kind, small.final) == ("tpe", "front")
    assert small.search.objectives == ("perplexity", "reconstruction")
    assert (small.search.trials or 0) >= 8
    assert len(small.methods) >= 4
    assert "ae" not in small.methods
    assert small.seeds == large.seeds
    assert small.pretraining == small.training


def test_the_schema_beside_the_files_is_current() -> None:
    text = json.dumps(json_schema(), indent=1) + "\n"
    assert (SPACES / "sweep.schema.json").read_text(encoding="utf-8") == text


def test_an_editor_with_the_schema_takes_the_files_and_refuses_slips() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    yaml = pytest.importorskip("ruamel.yaml").YAML(typ="safe", pure=True)
    judge = jsonschema.Draft202012Validator(json_schema())
    for file in FILES:
        assert list(judge.iter_errors(yaml.load(file.read_text(encoding="utf-8")))) == []
    slips: list[dict[str, Any]] = [
        {"methods": {"vea": None}},
        {"methods": {"vae": {"target_rate": 4}}},
        {"methods": {"ours": {"target_rate": {"between": [2, 4]}}}},
        {"model": {"latnt_size": 3}},
    ]
    for slip in slips:
        assert list(judge.iter_errors(slip)) != []


def test_pretraining_states_differences_from_training(tmp_path: Path) -> None:
    text = f"{GOOD}training: {{optimizer: adam, epochs: 9, schedule: {{kind: linear_decay, flat: 0.2}}}}\n"
    assert read(tmp_path, text).pretraining == read(tmp_path, text).training
    spec = read(tmp_path, f"{text}pretraining: {{epochs: 3, schedule: {{flat: 0.4}}}}\n")
    expected = TrainingSpec(optimizer="adam", epochs=3, schedule=LinearDecay(flat=0.4))
    assert spec.pretraining == expected
    assert (
        read(tmp_path, f"{text}pretraining: {{schedule: {{kind: plateau}}}}\n").pretraining.schedule == Plateau()
    )
    assert read(tmp_path, text, "training.epochs=4").pretraining.epochs == 4
    given = {"name": "x", "corpus": spec.corpus, "methods": {"vae": {}}, "training": expected}
    assert SweepSpec.model_validate(given).pretraining == expected


def test_an_extending_file_merges_sections_and_replaces_methods_and_seeds(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    base = f"{GOOD}name: base\nseeds: [1, 2]\nmodel: {{latent_size: 8, encoder_size: 9}}\n"
    (tmp_path / "base.yaml").write_text(f"{base}training: {{schedule: {{kind: plateau, patience: 7}}}}\n", "utf-8")
    (tmp_path / "sub" / "middle.yaml").write_text("extends: ../base.yaml\nmodel: {encoder_size: 10}\n", "utf-8")
    spec = read(tmp_path, "extends: sub/middle.yaml\nmethods: {vae_fb: }\nseeds: [3]\n")
    assert (spec.name, spec.model.latent_size, spec.model.encoder_size) == ("space", 8, 10)
    assert (list(spec.methods), spec.seeds) == (["vae_fb"], (3,))
    kept = read(tmp_path, "extends: base.yaml\ntraining: {schedule: {decays: 2}}\n")
    assert kept.training.schedule == Plateau(patience=7, decays=2)
    assert (list(kept.methods), kept.seeds) == (["vae", "ours"], (1, 2))
    assert (
        read(tmp_path, "extends: base.yaml\ntraining: {schedule: {kind: linear_decay}}\n").training.schedule
        == LinearDecay()
    )


def test_another_text_takes_the_place_of_the_extended_files(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("corpus: {name: ptb, limit: {train: 7}}\nmethods: {vae: }\n", "utf-8")
    own = read(tmp_path, "extends: base.yaml\ncorpus: {path: mine}\n").corpus
    assert (own.name, own.path, own.limit.train) == (None, "mine", 7)
    assert read(tmp_path, "extends: base.yaml\ncorpus: {vocabulary_size: 9}\n").corpus.name == "ptb"
    set_here = read(tmp_path, "extends: base.yaml\n", "corpus.path=mine").corpus
    assert (set_here.name, set_here.path) == (None, "mine")
    for both in (["corpus.name=ptb", "corpus.path=mine"], ["corpus={name: ptb, path: mine}"]):
        with pytest.raises(SpecError, match="give either name"):
            read(tmp_path, "extends: base.yaml\n", *both)
    with pytest.raises(SpecError, match="give either name"):
        read(tmp_path, "extends: base.yaml\ncorpus: {name: ptb, path: mine}\n")


def test_overrides_set_fields_rows_and_parameters(tmp_path: Path) -> None:
    spec = read(
        tmp_path,
        GOOD,
        "model.latent_size=8",
        "training.learning_rate=5e-3",
        "training.schedule.kind=linear_decay",
        "methods.ours.target_rate={choice: [2, 4]}",
        "methods.ours.training.learning_rate=0.1",
        "methods.vae_fb=",
        "seeds=[3, 4]",
        "corpus.limit.train=10",
        "data.directory=a=b",
    )
    assert (spec.model.latent_size, spec.training.learning_rate, spec.training.schedule) == (
        8,
        0.005,
        LinearDecay(),
    )
    assert spec.methods["ours"] == {"target_rate": Choice(choice=(2, 4)), "training.learning_rate": 0.1}
    assert (list(spec.methods), spec.seeds) == (["vae", "ours", "vae_fb"], (3, 4))
    assert (spec.corpus.limit.train, spec.data.directory) == (10, "a=b")
    assert (
        spec.trial("ours", {"target_rate": 2, "training.learning_rate": 0.1}, 0, "").training.learning_rate == 0.1
    )


def test_yaml_is_read_by_the_rules_of_version_1_2(tmp_path: Path) -> None:
    spec = read(
        tmp_path,
        "\ufeffcorpus: {name: captions}\ndata: {directory: no}\ntraining: {learning_rate: 5e-3, epochs: 0x10}\n"
        "methods:\n  vae_fb: {target_rate: &rates {choice: [2, 4]}}\n  ours: {target_rate: *rates}\n",
    )
    assert (spec.data.directory, spec.training.learning_rate, spec.training.epochs) == ("no", 0.005, 16)
    assert spec.methods["ours"] == spec.methods["vae_fb"] == {"target_rate": Choice(choice=(2, 4))}


def test_who_gets_the_test_split_follows_the_search_unless_it_is_said(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).final == "all"
    assert read(tmp_path, GOOD, "search={kind: random, trials: 2}").final == "front"
    assert read(tmp_path, GOOD, "evaluation.final=none").final == "none"


def test_reading_a_spec_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; from vae_sweep.config.reader import read_spec;"
        f"read_spec(Path({str(SPACES / 'snli_cpu.yaml')!r}));"
        "print([name for name in ('torch', 'ray', 'optuna', 'mlflow', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=SPACES.parent, check=True
    )
    assert done.stdout.strip() == "[]"
