"""Broken rows of a space: methods, their parameters and domains."""

from pathlib import Path

import pytest

from tests.unit.broken_spaces import CORPUS, TPE, Broken, check, problems_of

BROKEN: Broken = {
    "no methods": ("corpus: {name: captions}\n", "space.yaml: methods: required, but not given"),
    "empty methods": (
        CORPUS + "methods:\n",
        "space.yaml:2: methods: expected fields below it",
    ),
    "an unknown method": (
        CORPUS + "methods:\n  vae:\n  vae_aneal:\n",
        "space.yaml:4: methods.vae_aneal: unknown method (got 'vae_aneal'); allowed: lstm_lm, ae, vae, ",
        "did you mean vae_anneal?",
    ),
    "methods as a list": (
        CORPUS + "methods: [vae]\n",
        "space.yaml:2: methods: expected fields below it",
    ),
    "a row that is a value": (
        CORPUS + "methods:\n  ours: 4\n",
        "space.yaml:3: methods.ours: expected fields below it (got 4)",
    ),
    "an autoencoder in tpe": (
        f"{TPE}methods: {{ae: , vae: }}\n",
        "space.yaml:3: methods.ae: a reference method runs in grids only and is never drawn by tpe; leave it out",
    ),
    "an unknown parameter": (
        CORPUS + "methods:\n  ours:\n    target_rat: 4\n",
        "space.yaml:4: methods.ours.target_rat: no such parameter of this method; allowed: target_rate, form, "
        "per, anneal_epochs, anneal_pace, model.<field>, ",
        "did you mean target_rate?",
    ),
    "a parameter of another method": (
        CORPUS + "methods:\n  vae: {target_rate: 4}\n",
        "space.yaml:3: methods.vae.target_rate: no such parameter of this method; allowed: model.<field>, ",
    ),
    "a field without its section": (
        CORPUS + "methods:\n  vae: {learning_rate: 1}\n",
        "space.yaml:3: methods.vae.learning_rate: no such parameter",
        "did you mean training.learning_rate?",
    ),
    "an unknown field of a section": (
        CORPUS + "methods:\n  vae: {training.lerning_rate: 1}\n",
        "space.yaml:3: methods.vae.training.lerning_rate: training has no field lerning_rate; allowed: ",
        "did you mean learning_rate?",
    ),
    "a pretraining that never runs": (
        CORPUS + "methods:\n  vae: {pretraining.epochs: {choice: [5, 10]}}\n",
        "space.yaml:3: methods.vae.pretraining.epochs: vae has no pretraining phase: ",
        "pretraining would change nothing",
        "allowed: model, training",
    ),
    "a training that never runs": (
        CORPUS + "methods:\n  ae: {training.epochs: 5}\n",
        "space.yaml:3: methods.ae.training.epochs: ae has no phase but pretraining: training would change nothing",
    ),
    "a language model in tpe": (
        f"{TPE}methods: {{lstm_lm: , vae: }}\n",
        "space.yaml:3: methods.lstm_lm: a reference method runs in grids only and is never drawn by tpe",
    ),
    "units of a language model": (
        CORPUS + "methods:\n  lstm_lm: {model.latent_size: {choice: [8, 16]}}\n",
        "space.yaml:3: methods.lstm_lm.model.latent_size: lstm_lm has a decoder alone: model.latent_size would ",
    ),
    "a rate for a row that brings its own": (
        CORPUS + "methods:\n  vae_cyclic: {training.learning_rate: 0.1}\n",
        "space.yaml:3: methods.vae_cyclic.training.learning_rate: vae_cyclic brings its own learning_rate: ",
    ),
    "a schedule for a row that brings its own": (
        CORPUS + "methods:\n  vae_cyclic: {training.schedule.patience: 3}\n",
        "space.yaml:3: methods.vae_cyclic.training.schedule.patience: vae_cyclic brings its own schedule: ",
    ),
    "a cycle without length": (
        CORPUS + "methods:\n  vae_cyclic: {cycle_epochs: 0}\n",
        "space.yaml:3: methods.vae_cyclic.cycle_epochs: must be above 0 (got 0)",
    ),
    "a kind in a row": (
        CORPUS + "methods:\n  vae: {training.schedule.kind: linear_decay}\n",
        "space.yaml:3: methods.vae.training.schedule.kind: training.schedule.kind is a choice of whole sections",
    ),
    "a section in a row": (
        CORPUS + "methods:\n  vae: {model: 3}\n",
        "space.yaml:3: methods.vae.model: no such parameter of this method",
    ),
    "a value out of range": (
        CORPUS + "methods:\n  ours:\n    target_rate:\n      choice:\n      - 4\n      - -4\n",
        "space.yaml:7: methods.ours.target_rate.choice.1: must be above 0 (got -4)",
    ),
    "an end out of range": (
        CORPUS + "methods:\n  ours: {model.input_dropout: {choice: [0.5, 1.5]}}\n",
        "space.yaml:3: methods.ours.model.input_dropout.choice.1: must be below 1 (got 1.5)",
    ),
    "a word that is no form": (
        CORPUS + "methods:\n  ours: {form: maks}\n",
        "space.yaml:3: methods.ours.form: expected one of max, mask (got 'maks'); did you mean mask?",
    ),
    "text for a rate": (
        CORPUS + "methods:\n  ours: {target_rate: {choice: ['4', 8]}}\n",
        "space.yaml:3: methods.ours.target_rate.choice.0: expected a number (got '4')",
    ),
    "true for a rate": (
        CORPUS + "methods:\n  ours: {target_rate: true}\n",
        "space.yaml:3: methods.ours.target_rate: expected a number (got true)",
    ),
    "fractions for a size": (
        f"{TPE}methods:\n  ours: {{model.latent_size: {{float: [8, 64]}}}}\n",
        "space.yaml:4: methods.ours.model.latent_size.float.0: expected a whole number",
        "or {int: [low, high]} (got 8.0)",
    ),
    "an empty domain": (
        CORPUS + "methods:\n  ours:\n    target_rate:\n",
        "space.yaml:4: methods.ours.target_rate: expected a value, or one of {choice: [..]}, {int: [low, high]}, ",
        "(got nothing)",
    ),
    "a bare list": (
        CORPUS + "methods:\n  ours: {target_rate: [2, 4]}\n",
        "space.yaml:3: methods.ours.target_rate: expected a value, or one of {choice: [..]}",
    ),
    "an unknown domain": (
        CORPUS + "methods:\n  ours: {target_rate: {uniform: [2, 4]}}\n",
        "space.yaml:3: methods.ours.target_rate: expected a value, or one of {choice: [..]}",
    ),
    "two domains at once": (
        CORPUS + "methods:\n  ours: {target_rate: {int: [2, 4], float: [2, 4]}}\n",
        "space.yaml:3: methods.ours.target_rate.float: unknown key; allowed: int",
    ),
    "an empty choice": (
        CORPUS + "methods:\n  ours: {target_rate: {choice: []}}\n",
        "space.yaml:3: methods.ours.target_rate.choice: must not be empty",
    ),
    "a value listed twice": (
        CORPUS + "methods:\n  ours: {target_rate: {choice: [4, 4.0]}}\n",
        "space.yaml:3: methods.ours.target_rate: a value is listed twice in [4, 4.0]",
    ),
    "a list in a choice": (
        CORPUS + "methods:\n  ours: {target_rate: {choice: [[4]]}}\n",
        "space.yaml:3: methods.ours.target_rate.choice.0: expected a number or text or true or false",
    ),
    "ends the wrong way round": (
        f"{TPE}methods:\n  ours: {{target_rate: {{float: [8, 2]}}}}\n",
        "space.yaml:4: methods.ours.target_rate: the lower end 8 must lie below the upper end 2",
    ),
    "one end": (
        f"{TPE}methods:\n  ours: {{target_rate: {{float: [8]}}}}\n",
        "space.yaml:4: methods.ours.target_rate.float: needs both ends: [low, high]",
    ),
    "three ends": (
        f"{TPE}methods:\n  ours: {{target_rate: {{float: [2, 4, 8]}}}}\n",
        "space.yaml:4: methods.ours.target_rate.float: takes at most 2 of them",
    ),
    "a log range from zero": (
        f"{TPE}methods:\n  ours: {{target_rate: {{log: [0, 2]}}}}\n",
        "space.yaml:4: methods.ours.target_rate: a log range starts above 0, not at 0",
    ),
    "a fraction as an int end": (
        f"{TPE}methods:\n  ours: {{anneal_epochs: {{int: [1.5, 3]}}}}\n",
        "space.yaml:4: methods.ours.anneal_epochs.int.0: expected a whole number (got 1.5)",
    ),
    "a grid over a continuous domain": (
        CORPUS + "methods:\n  ours: {target_rate: {float: [2, 8]}}\n",
        "space.yaml:3: methods.ours.target_rate: a grid lists its values: use {choice: ",
        "[..]} or {int: [low, high]}, or another search.kind",
    ),
    "a grid beyond counting": (
        CORPUS + "methods:\n  ours: {anneal_epochs: {int: [1, 1000000000000000000000]}}\n",
        "space.yaml:3: methods.ours: a grid of 1000000000000000000000 cells; at most 100000",
    ),
    "huge ends the wrong way round": (
        CORPUS + f"methods:\n  ours: {{anneal_epochs: {{int: [{10**400}, 1]}}}}\n",
        "space.yaml:3: methods.ours.anneal_epochs: the lower end 1000",
    ),
    "a grid without end": (
        CORPUS + "methods:\n  ours: {target_rate: {int: [1, 1000000]}}\n",
        "space.yaml:3: methods.ours: a grid of 1000000 cells; at most 100000",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_mistake_gives_one_problem_with_its_place_and_what_is_allowed(name: str, tmp_path: Path) -> None:
    check(tmp_path, *BROKEN[name])


def test_a_row_is_not_blamed_for_a_broken_section(tmp_path: Path) -> None:
    text = (
        CORPUS
        + "training: {schedule: {kind: tall}}\nmethods:\n  vae: {training.schedule.flat: 0.5, model.size: 3}\n"
    )
    assert [problem.split(": ")[1] for problem in problems_of(tmp_path, text)] == [
        "training.schedule.kind",
        "methods.vae.model.size",
    ]
