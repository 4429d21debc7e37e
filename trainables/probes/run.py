"""All probes of one model."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from trainables.base import DivergedError, derived_seed
from trainables.model.vae import Vae
from trainables.probes.classification import cluster_accuracy, labelled, linear_accuracy
from trainables.probes.copying import copying
from trainables.probes.interpolation import between_posterior_samples, between_prior_samples
from trainables.probes.noise import noisy_reconstruction
from trainables.probes.reconstruction import reconstruction_bleu
from trainables.probes.smoothness import smoothness
from trainables.probes.spec import ProbeName, ProbeSpec
from trainables.text.corpus import Corpus


@dataclass(frozen=True)
class ProbeReport:
    """What probes found: numbers under `probe/<metric>`, pages of text by name."""

    numbers: dict[str, float] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


Probe = Callable[[ProbeSpec, Vae, Corpus, int], ProbeReport]


def run_probes(spec: ProbeSpec, model: Vae, corpus: Corpus, seed: int) -> ProbeReport:
    """Run the probes that `spec` names; what one finds does not depend on which others run.

    What is undefined is absent: accuracies of a corpus without labels, a correlation of a single
    sentence or where all codes are one.
    Raises DivergedError where a number is not finite.
    """
    numbers: dict[str, float] = {}
    texts: dict[str, str] = {}
    for name in spec.probes:
        found = PROBES[name](spec, model, corpus, derived_seed(seed, "probe", name))
        numbers |= {f"probe/{word}": value for word, value in found.numbers.items()}
        texts |= found.texts
    broken = [key for key, value in numbers.items() if not math.isfinite(value)]
    if broken:
        raise DivergedError(f"{', '.join(broken)}: not finite; the model's weights are beyond use")
    return ProbeReport(numbers=numbers, texts=texts)


def _bleu(spec: ProbeSpec, model: Vae, corpus: Corpus, seed: int) -> ProbeReport:
    bleu, cut = reconstruction_bleu(model, corpus, seed, spec.longest)
    return ProbeReport(numbers={"bleu": bleu, "bleu_cut": cut})


def _pcc(spec: ProbeSpec, model: Vae, corpus: Corpus, seed: int) -> ProbeReport:
    correlation = smoothness(model, corpus.splits["test"], spec.pairs, seed)
    return ProbeReport(numbers={} if correlation is None else {"pcc": correlation})


def _swaps(spec: ProbeSpec, model: Vae, corpus: Corpus, seed: int) -> ProbeReport:
    losses = noisy_reconstruction(model, corpus.splits["test"], spec.swaps, seed)
    return ProbeReport(numbers={f"recon_swap{k}": loss for k, loss in enumerate(losses, 1)})


def _interpolation(spec: ProbeSpec, model: Vae, corpus: Corpus, seed: int) -> ProbeReport:
    pages = {"prior": between_prior_samples, "posterior": between_posterior_samples}
    return ProbeReport(
        texts={
            f"interpolation_{name}": page(
                model, corpus, spec.paths, spec.inner_points, derived_seed(seed, name), spec.longest
            )
            for name, page in pages.items()
        }
    )


def _accuracy(spec: ProbeSpec, model: Vae, corpus: Corpus, seed: int) -> ProbeReport:
    data = labelled(model, corpus)
    if data is None:
        return ProbeReport()
    linear = linear_accuracy(data, spec.labels, seed)
    return ProbeReport(
        numbers={
            "accuracy_gmm": cluster_accuracy(data, spec.mapping, seed),
            **{f"accuracy_{size}": share for size, share in linear.items()},
        }
    )


def _copying(spec: ProbeSpec, model: Vae, corpus: Corpus, seed: int) -> ProbeReport:
    found = copying(model, corpus, spec.samples, seed)
    return ProbeReport(
        numbers={
            "copy_distance": found.distance,
            "copy_length": found.sample_length,
            "copy_train_length": found.train_length,
        },
        texts={"copying": found.text},
    )


PROBES: dict[ProbeName, Probe] = {
    "bleu": _bleu,
    "pcc": _pcc,
    "swaps": _swaps,
    "interpolation": _interpolation,
    "accuracy": _accuracy,
    "copying": _copying,
}
