"""Broken fields of a sweep file: each mistake is told with its line, path, value and what is allowed."""

from pathlib import Path

import pytest

from tests.unit.broken_spaces import CORPUS, GOOD, Broken, check, problems_of
from vae_sweep.config.domains import Choice

BROKEN: Broken = {
    # unknown keys
    "slip in a field": (
        f"{GOOD}model:\n  latent_sise: 16\n",
        "space.yaml:4: model.latent_sise: unknown key; allowed: decoder_size, ",
        "did you mean latent_size?",
    ),
    "slip in a section": (f"{GOOD}modle: {{}}\n", "space.yaml:3: modle: unknown key", "did you mean model?"),
    "field of a section at the top": (
        f"{GOOD}learning_rate: 0.1\n",
        "space.yaml:3: learning_rate: unknown key",
        "did you mean training.learning_rate?",
    ),
    "field of another schedule": (
        f"{GOOD}training:\n  schedule: {{kind: linear_decay, patience: 3}}\n",
        "space.yaml:4: training.schedule.patience: unknown key; allowed: flat, kind",
    ),
    "a key that is a number": (f"{GOOD}3: x\n", "space.yaml:3: 3: unknown key"),
    # wrong types
    "text for a whole number": (
        f"{GOOD}training:\n  epochs: many\n",
        "space.yaml:4: training.epochs: expected a whole number (got 'many')",
    ),
    "a number in quotes": (
        f'{GOOD}model: {{latent_size: "16"}}\n',
        "space.yaml:3: model.latent_size: expected a whole number without quotes (got '16')",
    ),
    "a fraction for a whole number": (
        f"{GOOD}model: {{latent_size: 16.5}}\n",
        "space.yaml:3: model.latent_size: expected a whole number (got 16.5)",
    ),
    "a password in a URL": (
        f"{GOOD}tracking: {{uri: 'http://me:hush@mlflow:5000'}}\n",
        "space.yaml:3: tracking.uri: holds a password, which journal and MLflow would show",
        "MLFLOW_TRACKING_PASSWORD",
        "(got 'http://me:***@mlflow:5000')",
    ),
    "yes is text": (
        f"{GOOD}evaluation: {{search_samples: yes}}\n",
        "space.yaml:3: evaluation.search_samples: expected a whole number (got 'yes')",
    ),
    "true for a number": (
        f"{GOOD}training: {{learning_rate: true}}\n",
        "space.yaml:3: training.learning_rate: expected a number (got true)",
    ),
    "a number for text": (
        f"{GOOD}tracking: {{experiment: 2019}}\n",
        "space.yaml:3: tracking.experiment: expected text in quotes (got 2019)",
    ),
    "not a number": (
        f"{GOOD}training: {{learning_rate: .nan}}\n",
        "space.yaml:3: training.learning_rate: expected a finite number (got nan)",
    ),
    "an infinite rate": (
        f"{GOOD}training: {{learning_rate: .inf}}\n",
        "space.yaml:3: training.learning_rate: expected a finite number (got inf)",
    ),
    "a number for a list": (f"{GOOD}seeds: 3\n", "space.yaml:3: seeds: expected a list [..] (got 3)"),
    "a list for a section": (f"{GOOD}model: [16]\n", "space.yaml:3: model: expected fields below it"),
    "an empty section": (
        f"{GOOD}model:\n",
        "space.yaml:3: model: expected fields below it, or leave the key out (got nothing)",
    ),
    "an empty field": (
        f"{GOOD}training:\n  epochs:\n",
        "space.yaml:4: training.epochs: expected a whole number (got nothing)",
    ),
    # values out of range
    "a dropout of one": (
        f"{GOOD}model: {{input_dropout: 1}}\n",
        "space.yaml:3: model.input_dropout: must be below 1 (got 1)",
    ),
    "no epochs": (f"{GOOD}training: {{epochs: 0}}\n", "space.yaml:3: training.epochs: must be above 0 (got 0)"),
    "a negative seed": (
        f"{GOOD}seeds:\n- 0\n- -1\n",
        "space.yaml:5: seeds.1: must be at least 0 (got -1)",
    ),
    "no seeds": (f"{GOOD}seeds: []\n", "space.yaml:3: seeds: must not be empty"),
    "a seed twice": (f"{GOOD}seeds: [1, 2, 1]\n", "space.yaml:3: seeds: listed twice: 1"),
    "an unknown optimizer": (
        f"{GOOD}training: {{optimizer: adamw}}\n",
        "space.yaml:3: training.optimizer: expected one of sgd, adam (got 'adamw'); did you mean adam?",
    ),
    "an unknown schedule": (
        f"{GOOD}training:\n  schedule: {{kind: plateu}}\n",
        "space.yaml:4: training.schedule.kind: unknown kind (got 'plateu'); allowed: cosine_restarts, ",
        "did you mean plateau?",
    ),
    "a schedule without a kind": (
        f"{GOOD}training:\n  schedule: {{flat: 0.5}}\n",
        "space.yaml:4: training.schedule: needs kind; allowed: cosine_restarts, linear_decay, plateau",
    ),
    "half a GPU too much": (
        f"{GOOD}resources: {{gpu: 1.5}}\n",
        "space.yaml:3: resources.gpu: expected a share up to 1, or a whole number of GPUs (got 1.5)",
    ),
    "no core": (f"{GOOD}resources: {{cpu: 0}}\n", "space.yaml:3: resources.cpu: must be above 0 or auto (got 0)"),
    "a word for cores": (
        f"{GOOD}resources: {{cpu: atuo}}\n",
        "space.yaml:3: resources.cpu: expected a whole number or auto (got 'atuo')",
        "did you mean auto?",
    ),
    "a name that is no folder": (
        f"{GOOD}name: a/b\n",
        "space.yaml:3: name: it names a folder: ",
        "(got 'a/b')",
    ),
    # the corpus
    "no corpus": ("methods: {vae: }\n", "space.yaml: corpus: required, but not given"),
    "an unknown corpus": (
        "corpus:\n  name: snil\nmethods: {vae: }\n",
        "space.yaml:2: corpus.name: expected one of captions, ptb, snli, yahoo, yelp (got 'snil')",
        "did you mean snli?",
    ),
    "name and path": (
        "corpus: {name: snli, path: /data}\nmethods: {vae: }\n",
        "space.yaml:1: corpus: give either name (one of captions, ptb, snli, yahoo, yelp) or path",
    ),
    "the corpus as a word": (
        "corpus: snli\nmethods: {vae: }\n",
        "space.yaml:1: corpus: expected fields below it (got 'snli')",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_mistake_gives_one_problem_with_its_place_and_what_is_allowed(name: str, tmp_path: Path) -> None:
    check(tmp_path, *BROKEN[name])


def test_every_mistake_of_a_file_is_told_at_once_in_the_order_of_its_lines(
    tmp_path: Path,
) -> None:
    problems = problems_of(
        tmp_path,
        "corpus: {name: snil}\n"
        "modle: {}\n"
        "model: {latent_size: 0, encoder_size: big}\n"
        "training: {optimizer: rmsprop, epochs: 0}\n"
        "search: {kind: tpe}\n"
        "methods:\n"
        "  vea:\n"
        "  vae: {lambda: 4}\n"
        "  vae_fb: {target_rate: {float: [8, 2]}, per: document}\n"
        "  ours: {target_rate: , form: maks}\n"
        "seeds: [0, 0]\n"
        "seeds: [1]\n"
        "storage:\n",
    )
    assert [problem.split(": ")[1] for problem in problems] == [
        "corpus.name",
        "modle",
        "model.encoder_size",
        "model.latent_size",
        "training.optimizer",
        "training.epochs",
        "search.trials",
        "methods.vea",
        "methods.vae.lambda",
        "methods.vae_fb.target_rate",
        "methods.vae_fb.per",
        "methods.ours.target_rate",
        "methods.ours.form",
        "seeds",
        "seeds",
        "storage",
    ]


def test_a_mistake_in_training_is_not_told_again_for_pretraining(tmp_path: Path) -> None:
    wrong = "training: {epochs: 0, optimizer: lbfgs, schedule: {kind: tall}}\n"
    assert len(problems_of(tmp_path, f"{GOOD}{wrong}")) == 3
    assert len(problems_of(tmp_path, f"{GOOD}{wrong}pretraining: {{learning_rate: 1}}\n")) == 3
    both = problems_of(tmp_path, f"{GOOD}{wrong}pretraining: {{epochs: 0}}\n")
    assert [problem.split(": ")[1] for problem in both][-1] == "pretraining.epochs"
    assert len(both) == 4


def test_a_mistake_of_pretraining_alone_is_told_there(tmp_path: Path) -> None:
    text = f"{GOOD}training: {{schedule: {{kind: linear_decay}}}}\npretraining:\n  schedule: {{patience: 3}}\n"
    assert problems_of(tmp_path, text) == [
        "space.yaml:5: pretraining.schedule.patience: unknown key; allowed: flat, kind"
    ]


@pytest.mark.parametrize(("place", "wrong"), [(70, "-1.0"), (0, "-3"), (99, "lots"), (150, ".nan"), (7, "true")])
def test_a_wrong_value_among_many_is_found(tmp_path: Path, place: int, wrong: str) -> None:
    values = [str(1 + number / 8) for number in range(200)]
    values[place] = wrong
    text = f"{CORPUS}methods: {{ours: {{target_rate: {{choice: [{', '.join(values)}]}}}}}}\n"
    [problem] = problems_of(tmp_path, text)
    assert problem.startswith("space.yaml:2: methods.ours.target_rate")


def test_of_many_numbers_the_ends_are_tried() -> None:
    """20,000 of them took a second and a half."""
    many = Choice(choice=tuple(1 + number / 1000 for number in range(20_000)))
    assert [value for _, value in many.samples()] == [1.0, 20.999]
    few = Choice(choice=(3, 1, 2))
    assert [value for _, value in few.samples()] == [3, 1, 2]
