"""Clustering and linear classification on codes with known answers, and all probes of one model."""

import numpy as np
import pytest
import torch

from tests.helpers import MODEL, seeded, tiny_corpus
from trainables.base import DivergedError
from trainables.model.vae import Vae
from trainables.probes.classification import (
    UNKNOWN,
    Floats,
    Labelled,
    Labels,
    accuracy,
    cluster_accuracy,
    component_labels,
    label_subsets,
    labelled,
    linear_accuracy,
)
from trainables.probes.run import run_probes
from trainables.probes.spec import PROBE_NAMES, Mapping, ProbeName, ProbeSpec
from trainables.text.corpus import Corpus, Split
from trainables.text.spec import SPLITS, SplitName

SMALL = ProbeSpec(pairs=200, paths=2, labels=(10, 30, 400), samples=20)
NUMBERS: dict[ProbeName, set[str]] = {
    "bleu": {"probe/bleu", "probe/bleu_cut"},
    "pcc": {"probe/pcc"},
    "swaps": {f"probe/recon_swap{k}" for k in (1, 2, 3, 4)},
    "interpolation": set(),
    "accuracy": {"probe/accuracy_gmm", "probe/accuracy_10", "probe/accuracy_30"},
    "copying": {"probe/copy_distance", "probe/copy_length", "probe/copy_train_length"},
}


def blobs(seed: int, count: int, gap: float, kinds: int = 2) -> Labelled:
    """Gaussian clouds of unequal shapes around points that lie `gap` apart."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(kinds, size=count)
    shapes = np.stack([np.diag(np.linspace(0.5, 1.5 + kind, 4)) for kind in range(kinds)])
    noise = np.einsum("nij,nj->ni", shapes[labels], draw.normal(size=(count, 4)))
    return Labelled(noise + gap * labels[:, None], labels)


def three(gap: float, kinds: int = 2) -> dict[SplitName, Labelled]:
    return {name: blobs(seed, 600, gap, kinds) for seed, name in enumerate(SPLITS)}


@pytest.mark.parametrize("mapping", ["one_to_one", "most_responsible"])
@pytest.mark.parametrize("kinds", [2, 3])
def test_a_mixture_finds_clouds_that_lie_apart(mapping: Mapping, kinds: int) -> None:
    assert cluster_accuracy(three(12.0, kinds), mapping, seed=1) == 100.0


def test_a_mixture_of_one_cloud_guesses() -> None:
    data = three(0.0)
    same = {
        name: Labelled(np.random.default_rng(i).normal(size=(600, 4)), data[name].labels)
        for i, name in enumerate(SPLITS)
    }
    assert cluster_accuracy(same, "one_to_one", seed=1) == pytest.approx(50, abs=9)


def test_mappings_where_they_differ() -> None:
    """The surest sentence of component 1 carries the other label."""
    responsibilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [0.01, 0.99], [0.99, 0.01]])
    labels = np.array([1, 1, 0, 0, 1, 1])
    assert component_labels(responsibilities, labels, "one_to_one").tolist() == [1, 0]
    assert component_labels(responsibilities, labels, "most_responsible").tolist() == [1, 1]


def test_one_to_one_gives_every_component_a_label_of_its_own() -> None:
    responsibilities = np.array([[0.9, 0.1]] * 5 + [[0.2, 0.8]] * 3)
    labels = np.array([0, 0, 0, 1, UNKNOWN, 0, 0, 1])
    assert component_labels(responsibilities, labels, "one_to_one").tolist() == [0, 1]


@pytest.mark.parametrize("sizes", [(10, 50, 600)])
def test_a_linear_classifier_separates_the_separable(sizes: tuple[int, ...]) -> None:
    assert linear_accuracy(three(12.0), (*sizes, 601), seed=3) == dict.fromkeys(sizes, 100.0)


def test_more_labels_help_where_classes_overlap() -> None:
    found = [linear_accuracy(three(1.5), (6, 600), seed) for seed in range(8)]
    assert np.mean([f[600] - f[6] for f in found]) > 1


def test_label_subsets_are_nested_and_hang_on_the_seed_alone() -> None:
    found = label_subsets(100, (10, 40, 100, 101), seed=5)
    assert {size: len(set(rows.tolist())) for size, rows in found.items()} == {10: 10, 40: 40, 100: 100}
    assert set(found[10].tolist()) < set(found[40].tolist())
    assert label_subsets(100, (10,), seed=5)[10].tolist() == found[10].tolist()
    assert label_subsets(100, (10,), seed=6)[10].tolist() != found[10].tolist()


def test_one_class_alone_is_always_guessed() -> None:
    data = three(12.0)
    data["train"] = Labelled(data["train"].codes, np.zeros(600, dtype=np.int64))
    share = 100 * float((data["test"].labels == 0).mean())
    assert linear_accuracy(data, (50,), 0) == {50: share}


def test_an_unknown_label_is_never_right() -> None:
    assert accuracy(np.array([0, 1, 1, 0]), np.array([0, UNKNOWN, 1, 1])) == 50.0
    assert accuracy(np.array([0, UNKNOWN, UNKNOWN, 0]), np.array([0, UNKNOWN, 1, 1])) == 25.0


def test_a_component_without_a_label_is_right_about_no_sentence() -> None:
    """Validation labels that training never had name both components; test has the same."""
    data = three(12.0)
    strange = np.full(600, UNKNOWN, dtype=np.int64)
    for name in ("validation", "test"):
        data[name] = Labelled(data[name].codes, strange)
    assert cluster_accuracy(data, "most_responsible", seed=1) == 0.0
    assert cluster_accuracy(data, "one_to_one", seed=1) == 0.0


def corpus_with(labels: dict[SplitName, list[str] | None]) -> Corpus:
    corpus = tiny_corpus()
    splits = {name: Split(corpus.splits[name].sentences, labels[name]) for name in SPLITS}
    return Corpus(corpus.title, corpus.vocabulary, splits, corpus.fingerprint)


def model_of(corpus: Corpus, scale: float = 3.0) -> Vae:
    model = Vae(len(corpus.vocabulary), MODEL)
    model.initialise(seeded(0))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    return model


def labels_by_length(corpus: Corpus) -> dict[SplitName, list[str] | None]:
    return {name: ["long" if len(s) > 11 else "short" for s in corpus.splits[name].sentences] for name in SPLITS}


def test_codes_are_centred_and_scaled_as_one() -> None:
    corpus = corpus_with(labels_by_length(tiny_corpus()))
    data = labelled(model_of(corpus), corpus)
    assert data is not None
    train: Floats = data["train"].codes
    assert train.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
    assert float(train.var(axis=0).mean()) == pytest.approx(1.0)
    found: Labels = data["test"].labels
    lengths = [len(s) for s in corpus.splits["test"].sentences]
    assert found.tolist() == [0 if length > 11 else 1 for length in lengths]


def test_codes_that_never_vary_are_no_error() -> None:
    corpus = corpus_with(labels_by_length(tiny_corpus()))
    data = labelled(model_of(corpus, scale=0.0), corpus)
    assert data is not None
    assert not data["train"].codes.any()
    assert set(linear_accuracy(data, (20,), 0)) == {20}


def test_a_corpus_without_two_labels_has_no_accuracy() -> None:
    nothing: dict[SplitName, list[str] | None] = dict.fromkeys(SPLITS)
    single: dict[SplitName, list[str] | None] = {
        name: ["x"] * len(tiny_corpus().splits[name].sentences) for name in SPLITS
    }
    for labels in (nothing, single, labels_by_length(tiny_corpus()) | {"test": None}):
        corpus = corpus_with(labels)
        assert labelled(model_of(corpus), corpus) is None
        assert run_probes(ProbeSpec(probes=("accuracy",)), model_of(corpus), corpus, 0).numbers == {}


def test_a_new_label_in_test_is_unknown() -> None:
    labels = labels_by_length(tiny_corpus())
    labels["test"] = ["huge"] * len(labels["test"] or [])
    corpus = corpus_with(labels)
    data = labelled(model_of(corpus), corpus)
    assert data is not None
    assert set(data["test"].labels.tolist()) == {UNKNOWN}


def test_all_probes_give_their_numbers_and_pages() -> None:
    corpus = corpus_with(labels_by_length(tiny_corpus()))
    report = run_probes(SMALL, model_of(corpus), corpus, 7)
    assert set(report.numbers) == set().union(*NUMBERS.values())
    assert set(report.texts) == {"interpolation_prior", "interpolation_posterior", "copying"}
    again = run_probes(SMALL, model_of(corpus), corpus, 7)
    assert again == report


@pytest.mark.parametrize("name", PROBE_NAMES)
def test_a_probe_of_a_split_of_one_sentence_is_no_error(name: ProbeName) -> None:
    corpus = corpus_with(labels_by_length(tiny_corpus()))
    one = {
        part: Split(split.sentences[:count], (split.labels or [])[:count])
        for part, count in (("train", 48), ("validation", 1), ("test", 1))
        if (split := corpus.splits[part])
    }
    few = Corpus(corpus.title, corpus.vocabulary, one, corpus.fingerprint)
    report = run_probes(SMALL.model_copy(update={"probes": (name,)}), model_of(corpus), few, 7)
    assert set(report.numbers) == (set() if name == "pcc" else NUMBERS[name])


@pytest.mark.parametrize("name", PROBE_NAMES)
def test_a_probe_does_not_depend_on_the_others(name: ProbeName) -> None:
    corpus = corpus_with(labels_by_length(tiny_corpus()))
    whole = run_probes(SMALL, model_of(corpus), corpus, 7)
    alone = run_probes(SMALL.model_copy(update={"probes": (name,)}), model_of(corpus), corpus, 7)
    assert alone.numbers.items() <= whole.numbers.items()
    assert alone.texts.items() <= whole.texts.items()
    assert set(alone.numbers) == NUMBERS[name]


def test_the_global_generators_are_left_alone() -> None:
    corpus = corpus_with(labels_by_length(tiny_corpus()))
    model = model_of(corpus)
    before, numpys = torch.get_rng_state(), repr(np.random.get_state())
    run_probes(SMALL, model, corpus, 7)
    assert torch.equal(torch.get_rng_state(), before)
    assert repr(np.random.get_state()) == numpys


def test_weights_that_are_not_finite_are_named() -> None:
    corpus = tiny_corpus()
    model = model_of(corpus)
    with torch.no_grad():
        model.decoder.output.weight[5] = float("nan")
    with pytest.raises(DivergedError, match="probe/recon_swap1"):
        run_probes(SMALL.model_copy(update={"probes": ("swaps",)}), model, corpus, 7)
