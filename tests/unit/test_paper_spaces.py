"""The shipped files of the paper's sweeps hold the rows, target rates and sizes of its tables."""

from pathlib import Path

import pytest

from trainables.model.spec import ModelSpec
from trainables.spec import Value
from trainables.training.training_spec import Plateau
from vae_sweep.config.reader import read_spec

SPACES = Path(__file__).parents[2] / "search_spaces"
RATES = [2, 3, 4, 5, 6, 7, 8, 9]


def rows(names: str, **rates: list[int]) -> dict[str, list[int]]:
    """Rows without a target rate, and those with some."""
    return {name: [] for name in names.split()} | rates


BOTH = "lstm_lm ae vae vae_anneal vae_cyclic vae_cyclic_sgd vae_aggressive"
TABLE_10_AND_11 = rows(BOTH, vae_fbp=RATES, ours=RATES)
PTB_ONLY = rows("vae_pretrain vae_pretrain_anneal iwae iwae_pretrain", vae_fb=[3, 7])
TABLE_8 = rows("ae vae vae_anneal vae_cyclic vae_aggressive", vae_fbp=[9], ours=[6])
PAPER = {
    "ptb": (256, 256, TABLE_10_AND_11 | PTB_ONLY),
    "snli": (128, 512, TABLE_10_AND_11),
    "yahoo": (512, 1024, TABLE_10_AND_11),
    "yelp": (128, 512, TABLE_8),
}


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_sweeps_hold_its_rows_rates_and_sizes(name: str) -> None:
    spec = read_spec(SPACES / f"{name}.yaml")
    embedding, hidden, expected = PAPER[name]
    assert spec.model == ModelSpec(
        embedding_size=embedding, encoder_size=hidden, decoder_size=hidden, precision="auto"
    )
    assert (spec.model.latent_size, spec.model.input_dropout, spec.model.output_dropout) == (32, 0.5, 0.5)
    assert (spec.training.optimizer, spec.training.learning_rate, spec.training.batch_size) == ("sgd", 0.5, 32)
    assert spec.training.schedule == Plateau()
    assert (spec.search.kind, spec.seeds, spec.final, spec.evaluation.final_samples) == ("grid", (0,), "all", 1000)
    found: dict[str, list[Value]] = {method: [] for method in spec.methods}
    for method, values in spec.points() or ():
        found[method] += values.values()
    assert found == expected
