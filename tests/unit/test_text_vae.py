"""A trained model in use: the words it reads, what it gives back, and what it says that it cannot do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.helpers import epochs_and_end, put_files, seeded, tiny_corpus, tiny_trial
from tests.probe_models import captions_model
from trainables.base import StateError
from trainables.outputs import VOCABULARY_FILE, WEIGHTS_FILE, new_model, outputs, samples_page
from trainables.text.corpus import Corpus
from trainables.text.spec import CorpusSpec
from trainables.text_vae import TextVae, UseError, load_text_vae
from trainables.training.state import metadata_of

LINES = ["a dog runs .", "", "a cat sleeps in the house .", "a dog runs ."]


@pytest.fixture(scope="module")
def trained() -> TextVae:
    return TextVae(tiny_trial(), tiny_corpus().vocabulary, captions_model())


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    spec = tiny_trial("vae")
    put_files(tmp_path, outputs(spec, tiny_corpus(), epochs_and_end(spec)[2]))
    return tmp_path


def test_words_are_split_as_the_corpus_splits_them(trained: TextVae) -> None:
    known = tiny_corpus().vocabulary.words[5]
    assert trained.words(f"{known.upper()}, <unk>  Isn't!") == [known, ",", "<unk>", "is", "n't", "!"]
    other = replace(trained, spec=trained.spec.model_copy(update={"corpus": CorpusSpec(path="/mine")}))
    assert other.words("Isn't  so!") == ["Isn't", "so!"]


def test_unknown_words_are_named_as_often_as_they_come(trained: TextVae) -> None:
    known = tiny_corpus().vocabulary.words[5]
    assert trained.unknown([f"zyzzyva {known}", "zyzzyva qwerty <unk>"]) == ["zyzzyva", "zyzzyva", "qwerty"]


def test_a_code_does_not_depend_on_its_company(trained: TextVae) -> None:
    codes = trained.encode(LINES)
    assert codes.shape == (4, 3)
    for text, code in zip(LINES, codes, strict=True):
        assert torch.allclose(trained.encode([text])[0], code, atol=1e-6)
    assert torch.allclose(codes[0], codes[3], atol=1e-6)
    ids = torch.from_numpy(tiny_corpus().vocabulary.encode(["a", "dog", "runs", "."])).unsqueeze(0)
    assert torch.allclose(trained.model.encoder(ids).mean[0], codes[0], atol=1e-6)


def test_samples_of_the_posterior_depend_on_the_seed_alone(trained: TextVae) -> None:
    once, again, other = trained.encode(LINES, 1), trained.encode(LINES, 1), trained.encode(LINES, 2)
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert not torch.equal(once, trained.encode(LINES))


def test_a_reconstruction_is_the_greedy_decoding_of_the_mean(trained: TextVae) -> None:
    decoded = trained.model.decoder.greedy(trained.encode(LINES[:1]))[0]
    expected = " ".join(tiny_corpus().vocabulary.decode(decoded))
    assert trained.reconstruct(LINES)[0] == expected
    assert len(trained.reconstruct(LINES)) == 4
    assert trained.reconstruct([]) == []


def test_an_interpolation_begins_and_ends_at_the_reconstructions(trained: TextVae) -> None:
    walk = trained.interpolate(LINES[0], LINES[2], 5)
    assert len(walk) == 5
    assert [walk[0], walk[-1]] == trained.reconstruct([LINES[0], LINES[2]])
    assert trained.interpolate(LINES[0], LINES[2], 2) == [walk[0], walk[-1]]
    with pytest.raises(UseError, match="at least 2"):
        trained.interpolate(LINES[0], LINES[2], 1)


def test_sentences_are_drawn_by_the_seed(trained: TextVae) -> None:
    drawn = trained.sample(6, 0)
    assert len(drawn) == 6
    assert drawn == trained.sample(6, 0)
    assert drawn != trained.sample(6, 1)
    assert trained.decode(trained.encode(LINES), 3) == trained.decode(trained.encode(LINES), 3)


def test_a_sentence_has_at_most_as_many_words_as_asked_for(trained: TextVae) -> None:
    whole = trained.reconstruct(LINES)
    assert max(len(line.split()) for line in whole) > 2
    assert trained.reconstruct(LINES, longest=2) == [" ".join(line.split()[:2]) for line in whole]
    walk = trained.interpolate(LINES[0], LINES[2], 3)
    assert trained.interpolate(LINES[0], LINES[2], 3, longest=2) == [" ".join(line.split()[:2]) for line in walk]
    assert max(len(line.split()) for line in trained.sample(20, 0, longest=2)) == 2
    assert max(len(line.split()) for line in trained.decode(trained.encode(LINES), 1, longest=2)) == 2


def test_the_page_of_samples_says_which_sentences_were_cut(trained: TextVae) -> None:
    page = samples_page(trained.model, tiny_corpus(), 0).splitlines()
    assert page[0] == "Reconstructions (posterior mean, greedy, cut after 99 words by …):"
    outputs = [line.removeprefix("  output ").split() for line in page if line.startswith("  output ")]
    assert {len(words) for words in outputs if words[-1:] == ["…"]} == {100}
    assert all(len(words) < 99 for words in outputs if words[-1:] != ["…"])


def test_codes_of_another_width_are_refused(trained: TextVae) -> None:
    with pytest.raises(UseError, match=r"shape \[2, 4\]; this model's codes are \[N, 3\]"):
        trained.decode(torch.zeros(2, 4))


def test_a_language_model_generates_and_nothing_else() -> None:
    spec = tiny_trial("lstm_lm")
    untrained = new_model(spec, tiny_corpus().vocabulary)
    untrained.initialise(seeded(0))
    language = TextVae(spec, tiny_corpus().vocabulary, untrained)
    assert len(language.sample(3, 0)) == 3
    for use in (
        lambda: language.encode(LINES),
        lambda: language.decode(torch.zeros(1, 0)),
        lambda: language.reconstruct(LINES),
        lambda: language.interpolate("a", "b", 3),
    ):
        with pytest.raises(UseError, match=r"language model \(lstm_lm\) cannot .*: it has no code z"):
            use()


def test_an_autoencoder_has_no_prior_to_draw_from(trained: TextVae) -> None:
    plain = replace(trained, spec=tiny_trial("ae"))
    assert plain.reconstruct(LINES) == trained.reconstruct(LINES)
    with pytest.raises(UseError, match="autoencoder"):
        plain.sample(1, 0)


def test_a_stored_trial_loads_without_its_corpus(stored: Path) -> None:
    loaded = load_text_vae(stored)
    assert loaded.vocabulary.words == tiny_corpus().vocabulary.words
    assert loaded.spec == tiny_trial("vae")
    ids = [tiny_corpus().vocabulary.encode(["a", "dog"])]
    assert np.array_equal(loaded.vocabulary.encode(loaded.words("A dog")), ids[0])


def test_a_vocabulary_of_another_trial_is_refused(stored: Path) -> None:
    path = stored / VOCABULARY_FILE
    path.write_bytes(path.read_bytes().replace(b'"dog"', b'"god"'))
    with pytest.raises(StateError, match=r"vocabulary\.json: damaged"):
        load_text_vae(stored)
    path.unlink()
    with pytest.raises(StateError, match="cannot be read"):
        load_text_vae(stored)


def test_a_trial_from_before_takes_its_words_from_the_corpus(stored: Path) -> None:
    """Weights whose metadata name no vocabulary, as an earlier version wrote them."""
    path = stored / WEIGHTS_FILE
    stated = metadata_of(path.read_bytes())
    del stated["vocabulary"]
    save_file(load_file(path), path, stated)
    (stored / VOCABULARY_FILE).unlink()
    assert load_text_vae(stored, lambda spec: tiny_corpus()).vocabulary.words == tiny_corpus().vocabulary.words
    with pytest.raises(StateError, match=r"no vocabulary\.json beside trial\.json"):
        load_text_vae(stored)
    other = Corpus("captions", tiny_corpus().vocabulary, tiny_corpus().splits, "beef")
    with pytest.raises(StateError, match="fingerprint beef here"):
        load_text_vae(stored, lambda spec: other)
