"""All metrics of a split that end a trial, on the same sentences."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Generator, Tensor

from trainables.base import derived_seed
from trainables.measure.adapted import Effort
from trainables.measure.importance import ImportanceEstimate, importance
from trainables.measure.latent import active_units, pointwise_information
from trainables.measure.likelihood import measure_bound, perplexity, token_count
from trainables.measure.psis import UNTRUSTED_K
from trainables.measure.spec import Boundary
from trainables.measure.tight import Tight, tight
from trainables.model.vae import Vae
from trainables.text.batches import Batch, equal_length_batches
from trainables.text.corpus import Split
from trainables.text.vocabulary import Ids

EVALUATION_BATCH = 64


def spread(count: int, wanted: int | None) -> list[int]:
    """Return `wanted` row numbers spread evenly over `count` rows, or all."""
    if wanted is None or wanted >= count:
        return list(range(count))
    return [i * count // wanted for i in range(wanted)]


def evaluation_batches(sentences: Sequence[Ids], device: torch.device | str) -> list[Batch]:
    """Batch sentences for measuring; no measured number depends on the cut but in its last bits."""
    return equal_length_batches(sentences, EVALUATION_BATCH, device)


def measure_split(
    model: Vae,
    split: Split,
    sentences: int | None,
    effort: Effort | None,
    seed: int,
    boundary: Boundary = "above",
    samples: int | None = None,
) -> dict[str, float]:
    """Return the paper's metrics for at most `sentences` of a split; without `effort` no likelihood.

    With `samples` the paper's protocol stands beside the tight estimate, so many samples from q, and the gap of
    the ELBO is split in two.

    Reconstruction, KL and mutual information carry standard errors over sentences. That of the mutual information
    takes the aggregate posterior as given: it leaves out which sentences make that up.

    Where the exact −log p of the sentences is known it stands beside: the entropy bound, and the paired gap above
    it with its standard error.
    """
    chosen = spread(len(split.sentences), sentences)
    device = next(model.parameters()).device
    batches = evaluation_batches([split.sentences[row] for row in chosen], device)
    count = token_count(batches)
    bound = measure_bound(model, batches, derived_seed(seed, "final", "bound"))
    generator = Generator().manual_seed(derived_seed(seed, "final", "mutual_information"))
    noise = torch.randn(bound.posterior.mean.shape, generator=generator)
    information = pointwise_information(bound.posterior, noise)
    numbers = {
        "sentences": float(len(chosen)),
        "tokens": float(count),
        "neg_elbo": float(bound.neg_elbo.double().mean()),
        "reconstruction": float(bound.reconstruction.double().mean()),
        "reconstruction_error": standard_error(bound.reconstruction.double()),
        "kl": float(bound.kl.double().mean()),
        "kl_error": standard_error(bound.kl.double()),
        "mutual_information": float(information.mean()),
        "mutual_information_error": standard_error(information),
        "active_units": float(active_units(bound.posterior.mean, boundary=boundary)),
    }
    if effort is None:
        return numbers
    exact = None if split.exact_nll is None else torch.from_numpy(split.exact_nll[np.array(chosen)])
    numbers["elbo_perplexity"] = perplexity(bound.neg_elbo, count)
    if model.spec.latent_size == 0:
        known = importance(model, batches, 1, seed)
        beside = {} if samples is None else likelihood_numbers(known, count, "iw_")
        return numbers | likelihood_numbers(known, count) | entropy_bound_numbers(known.nll, exact, count) | beside
    estimate = tight(model, batches, effort, derived_seed(seed, "final", "tight"))
    numbers |= likelihood_numbers(estimate, count) | entropy_bound_numbers(estimate.nll, exact, count)
    if samples is None:
        return numbers | gap("elbo_gap", bound.neg_elbo.double() - estimate.nll)
    paper = importance(model, batches, samples, derived_seed(seed, "final", "importance"))
    return numbers | likelihood_numbers(paper, count, "iw_") | gap_numbers(paper.neg_elbo, estimate)


def likelihood_numbers(
    estimate: ImportanceEstimate, word_count: int, prefix: Literal["", "iw_"] = ""
) -> dict[str, float]:
    """Return the metrics of an estimate, the paper's protocol with the prefix `iw_`, and how its weights look.

    `pareto_k` is the median over sentences: the mean would hang on the few heavy tails that `pareto_k_bad`
    counts. They and the effective samples are absent where there are too few samples for a tail.
    """
    numbers = {
        "nll": float(estimate.nll.mean()),
        "nll_error": standard_error(estimate.nll),
        "perplexity": perplexity(estimate.nll, word_count),
        "samples": float(estimate.samples.mean()),
    }
    if not prefix:
        numbers["nll_sampling_error"] = float(estimate.errors.pow(2).sum().sqrt()) / len(estimate.errors)
    if estimate.pareto_k is not None:
        numbers |= {
            "ess": float(estimate.effective_samples.mean()),
            "pareto_k": float(estimate.pareto_k.quantile(0.5)),
            "pareto_k_bad": float((estimate.pareto_k > UNTRUSTED_K).double().mean()),
        }
    return {f"{prefix}{metric}": value for metric, value in numbers.items()}


def entropy_bound_numbers(nll: Tensor, exact: Tensor | None, word_count: int) -> dict[str, float]:
    """Return the exact −log p [N] of the sentences, where it is known, and how far an estimate lies above it."""
    if exact is None:
        return {}
    floor = {"floor": float(exact.mean()), "floor_perplexity": perplexity(exact, word_count)}
    return floor | gap("floor_gap", nll - exact)


def gap_numbers(neg_elbo: Tensor, estimate: Tight) -> dict[str, float]:
    """Return −ELBO − NLL in two parts (Cremer et al. 2018), all paired; `neg_elbo` [N] is that of q, nats.

    q* of a sentence is q or the diagonal Gaussian of the fit to its samples, whichever has the lower −ELBO by one
    half of the last samples; its −ELBO is taken from the other half. q* is no sure optimum: the amortisation gap
    is, if anything, too small and the approximation gap too large.
    """
    choosing, value = estimate.fit_neg_elbo.unbind(1)
    best = torch.where(choosing < neg_elbo, value, neg_elbo)
    return (
        gap("elbo_gap", neg_elbo - estimate.nll)
        | gap("amortisation_gap", neg_elbo - best)
        | gap("approximation_gap", best - estimate.nll)
    )


def gap(metric: str, values: Tensor) -> dict[str, float]:
    """Return the mean of paired differences [N] and its standard error."""
    return {metric: float(values.mean()), f"{metric}_error": standard_error(values)}


def standard_error(values: Tensor) -> float:
    """Return the standard error of the mean over sentences; 0 for a single one."""
    return float(values.std(correction=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
