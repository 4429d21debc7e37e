"""Initialisation, dropout, and what the decoder does."""

from itertools import product

import pytest
import torch

from tests.helpers import MODEL, VOCABULARY, random_batch, same_tensors, seeded, signs, tiny_model
from trainables.model.layers import dropout
from trainables.model.spec import ModelSpec
from trainables.model.vae import Vae
from trainables.text.vocabulary import BOS, EOS, PAD

PAPER = MODEL.model_copy(update={"initialisation": "paper"})


def drawn(spec: ModelSpec, seed: int) -> dict[str, torch.Tensor]:
    model = Vae(VOCABULARY, spec)
    model.initialise(seeded(seed))
    return model.state_dict()


@pytest.mark.parametrize("spec", [PAPER, MODEL], ids=["paper", "torch"])
def test_initial_weights_fill_their_ranges(spec: ModelSpec) -> None:
    sizes = {"encoder.lstm": 7, "encoder.output": 7, "decoder.lstm": 6, "decoder.output": 6, "decoder.cell": 3}
    for name, tensor in drawn(spec, 0).items():
        part = ".".join(name.split(".")[:2])
        bound = 0.1 if "embedding" in name else 0.01 if spec is PAPER else sizes[part] ** -0.5
        assert float(tensor.abs().max()) <= bound, name
        assert float(tensor.abs().max()) > 0.7 * bound, name
        assert float(tensor.min()) < 0 < float(tensor.max()), name


def test_initial_weights_depend_on_the_generator_alone() -> None:
    torch.manual_seed(1)
    first = drawn(MODEL, 5)
    torch.manual_seed(2)
    assert same_tensors(drawn(MODEL, 5), first)
    other = drawn(MODEL, 6)
    assert not any(torch.equal(other[name], first[name]) for name in first)


def test_shapes_of_the_paper() -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in Vae(50, ModelSpec()).state_dict().items()}
    assert shapes == {
        "encoder.embedding.weight": (50, 256),
        "encoder.lstm.weight_ih_l0": (1024, 256),
        "encoder.lstm.weight_hh_l0": (1024, 256),
        "encoder.lstm.bias_ih_l0": (1024,),
        "encoder.lstm.bias_hh_l0": (1024,),
        "encoder.output.weight": (64, 256),
        "decoder.embedding.weight": (50, 256),
        "decoder.cell.weight": (256, 32),
        "decoder.lstm.weight_ih_l0": (1024, 288),
        "decoder.lstm.weight_hh_l0": (1024, 256),
        "decoder.lstm.bias_ih_l0": (1024,),
        "decoder.lstm.bias_hh_l0": (1024,),
        "decoder.output.weight": (50, 256),
    }


def test_dropout_zeroes_a_share_and_scales_the_rest() -> None:
    dropped = dropout(torch.ones(100, 200), 0.3, seeded(0))
    zero = dropped == 0
    assert abs(float(zero.double().mean()) - 0.3) < 4 * (0.3 * 0.7 / 20_000) ** 0.5
    torch.testing.assert_close(dropped[~zero], torch.full_like(dropped[~zero], 1 / 0.7))
    assert torch.equal(dropout(torch.ones(100, 200), 0.3, seeded(0)), dropped)


def test_no_dropout_without_generator_or_probability() -> None:
    x = torch.ones(3, 4)
    assert dropout(x, 0.5, None) is x
    assert dropout(x, 0.0, seeded(0)) is x


def test_each_dropout_acts_in_the_decoder() -> None:
    batch, z = random_batch(0), torch.zeros(4, 3)
    for probabilities in ({"input_dropout": 0.5}, {"output_dropout": 0.5}):
        nothing = {"input_dropout": 0.0, "output_dropout": 0.0}
        model = tiny_model(spec=MODEL.model_copy(update=nothing | probabilities))
        still = model.decoder.reconstruction(batch.tokens, z)
        assert torch.equal(model.decoder.reconstruction(batch.tokens, z), still)
        assert not torch.equal(model.decoder.reconstruction(batch.tokens, z, seeded(0)), still), probabilities


def test_the_decoder_is_a_distribution_over_sequences() -> None:
    """The probabilities of all pairs of words that may follow `<s>` sum to one, for each z."""
    model = tiny_model().double()
    z = torch.randn(3, generator=seeded(1)).double()
    sequences = torch.tensor([[BOS, *pair] for pair in product(range(VOCABULARY), repeat=2)])
    losses = model.decoder.reconstruction(sequences, z.expand(len(sequences), -1))
    assert float((-losses).exp().sum().detach()) == pytest.approx(1.0, abs=1e-12)


def test_a_sentence_does_not_see_its_neighbours() -> None:
    model, batch = tiny_model(), random_batch(2)
    z = torch.randn(4, 3, generator=seeded(1))
    alone = torch.cat([model.decoder.reconstruction(batch.tokens[i : i + 1], z[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(model.decoder.reconstruction(batch.tokens, z), alone)
    means = torch.cat([model.encoder(batch.tokens[i : i + 1]).mean for i in range(4)])
    torch.testing.assert_close(model.encoder(batch.tokens).mean, means)


def test_log_weights_of_all_samples_are_those_of_each() -> None:
    model, batch = tiny_model(), random_batch(3)
    posterior, noise = model.encoder(batch.tokens), torch.randn(4, 5, 3, generator=seeded(1))
    together = model.log_weights(batch.tokens, posterior, noise)
    for s in range(5):
        z = posterior.sample(noise[:, s])
        ratio = posterior.log_weight_of_prior(z.unsqueeze(1), noise[:, s : s + 1]).squeeze(1)
        expected = ratio - model.decoder.reconstruction(batch.tokens, z)
        torch.testing.assert_close(together[:, s], expected)


def test_greedy_takes_the_most_probable_word_each_time() -> None:
    model = tiny_model(scale=4.0)
    z = torch.randn(12, 3, generator=seeded(4)) * 3
    decoded = model.decoder.greedy(z, steps=7)
    assert len({tuple(row) for row in decoded}) > 1, "all z decode alike: this test would prove little"
    for row, latent in zip(decoded, z, strict=True):
        assert len(row) == 7 or row[-1] == EOS
        assert EOS not in row[:-1]
        for at in range(len(row)):
            options = torch.tensor([[BOS, *row[:at], word] for word in range(EOS, VOCABULARY)])
            losses = model.decoder.reconstruction(options, latent.expand(len(options), -1))
            assert EOS + int(losses.argmin()) == row[at]


def test_what_is_no_word_is_never_decoded() -> None:
    """The most probable outputs at every step are made to be `<pad>` and `<s>`."""
    model, z = tiny_model(), torch.randn(40, 3, generator=seeded(4))
    words = model.decoder.output
    with torch.no_grad():
        words.weight[[PAD, BOS]] = (
            9 * model.decoder.hidden_states(model.decoder.embedding(torch.tensor([[BOS]])), z[:1]).flatten()
        )
    assert int(
        words(model.decoder.hidden_states(model.decoder.embedding(torch.tensor([[BOS]])), z[:1])).argmax()
    ) in (
        PAD,
        BOS,
    )
    for decoded in (model.decoder.greedy(z, 9), model.decoder.sample(z, seeded(0), 9)):
        assert not {PAD, BOS} & {word for row in decoded for word in row}


def test_greedy_stops_when_all_sentences_have_ended() -> None:
    model = tiny_model()
    with torch.no_grad():
        model.decoder.output.weight.zero_()
        model.decoder.output.weight[EOS] = model.decoder.hidden_states(
            model.decoder.embedding(torch.tensor([[BOS]])), torch.zeros(1, 3)
        ).squeeze()
    assert model.decoder.greedy(torch.zeros(2, 3)) == [[EOS], [EOS]]


def test_two_opposite_noises_give_the_kl_exactly() -> None:
    model, batch = tiny_model().double(), random_batch(4)
    posterior, noise = model.encoder(batch.tokens), signs(0, 4, 1, 3)
    pair = torch.cat([noise, -noise], dim=1)
    log_weight = posterior.log_weight_of_prior(posterior.sample(pair), pair).mean(1)
    torch.testing.assert_close(-log_weight, posterior.kl_per_unit().sum(1))
