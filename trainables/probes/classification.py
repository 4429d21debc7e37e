"""What the codes know of a label: clustering without labels, a linear classifier with few (paper, Table 8)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture

from trainables.base import derived_seed
from trainables.model.vae import Vae
from trainables.probes.codes import posteriors
from trainables.probes.spec import Mapping
from trainables.text.corpus import Corpus
from trainables.text.spec import SPLITS, SplitName

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
UNKNOWN = -1
"""Label of a sentence whose label no training sentence has, and of a component named by one; never right."""


@dataclass(frozen=True)
class Labelled:
    """The codes [N, latent_size] of a split and its labels [N], 0 and up in the order of their names."""

    codes: Floats
    labels: Labels


def labelled(model: Vae, corpus: Corpus) -> dict[SplitName, Labelled] | None:
    """Return the posterior means of all splits, or None where the corpus has no two labels.

    All are shifted and scaled alike, so that over the training split the mean is 0 and the units' variances
    average 1: the distances between codes keep their proportions, and nothing depends on their unit.
    """
    given = {name: corpus.splits[name].labels for name in SPLITS}
    names = {label: number for number, label in enumerate(sorted(set(given["train"] or [])))}
    if len(names) < 2 or None in given.values():
        return None
    codes = {name: posteriors(model, corpus.splits[name].sentences).mean.double().numpy() for name in SPLITS}
    centre, scale = codes["train"].mean(axis=0), float(np.sqrt(codes["train"].var(axis=0).mean()))
    return {
        name: Labelled(
            (codes[name] - centre) / (scale or 1.0),
            np.array([names.get(label, UNKNOWN) for label in given[name] or []], dtype=np.int64),
        )
        for name in SPLITS
    }


def cluster_accuracy(data: dict[SplitName, Labelled], mapping: Mapping, seed: int) -> float:
    """Return the accuracy on test of a mixture of as many Gaussians as labels, fitted to the training codes.

    Full covariances; validation labels alone say which component stands for which label.
    """
    kinds = int(data["train"].labels.max()) + 1
    state = derived_seed(seed, "mixture") % 2**32
    mixture = GaussianMixture(kinds, covariance_type="full", max_iter=200, random_state=state)
    mixture.fit(data["train"].codes)
    responsibilities = mixture.predict_proba(data["validation"].codes)
    meaning = component_labels(responsibilities, data["validation"].labels, mapping)
    return accuracy(meaning[mixture.predict(data["test"].codes)], data["test"].labels)


def component_labels(responsibilities: Floats, labels: Labels, mapping: Mapping) -> Labels:
    """Return the label of each component from validation responsibilities [N, K] and labels [N].

    `one_to_one`: the assignment that gets most sentences right, each to its most responsible component.
    `most_responsible`: the label of the one sentence for which the component is most responsible, which may be
    UNKNOWN.
    """
    if mapping == "most_responsible":
        found: Labels = labels[responsibilities.argmax(axis=0)]
        return found
    kinds = responsibilities.shape[1]
    counts = np.zeros((kinds, kinds), dtype=np.int64)
    known = labels != UNKNOWN
    np.add.at(counts, (responsibilities.argmax(axis=1)[known], labels[known]), 1)
    components, chosen = linear_sum_assignment(counts, maximize=True)
    meaning = np.empty(kinds, dtype=np.int64)
    meaning[components] = chosen
    return meaning


def linear_accuracy(data: dict[SplitName, Labelled], sizes: Sequence[int], seed: int) -> dict[int, float]:
    """Return the accuracy on test of logistic regressions on so many labelled training codes.

    The subsets are nested; sizes above that of the training split are left out.
    """
    train, test = data["train"], data["test"]
    subsets = label_subsets(len(train.labels), sizes, seed)
    return {size: accuracy(_predictions(train, rows, test.codes), test.labels) for size, rows in subsets.items()}


def label_subsets(count: int, sizes: Sequence[int], seed: int) -> dict[int, NDArray[np.int64]]:
    """Return the rows of each size that `count` allows: the first ones of a random order."""
    order = np.random.default_rng(derived_seed(seed, "labels")).permutation(count)
    return {size: order[:size] for size in sizes if size <= count}


def _predictions(train: Labelled, rows: NDArray[np.int64], codes: Floats) -> Labels:
    labels = train.labels[rows]
    if len(set(labels.tolist())) == 1:
        return np.full(len(codes), labels[0])
    classifier = LogisticRegression(max_iter=1000).fit(train.codes[rows], labels)
    predicted: Labels = classifier.predict(codes)
    return predicted


def accuracy(predicted: Labels, labels: Labels) -> float:
    """Return the share of right predictions in per cent, as the paper prints it; UNKNOWN is right nowhere."""
    return 100 * float(((predicted == labels) & (labels != UNKNOWN)).mean())
