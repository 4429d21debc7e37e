"""All words of a split that end a trial, on the same sentences."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from trainables.base import derived_seed
from trainables.measure.importance import Importance, importance
from trainables.measure.latent import active_units, pointwise_information
from trainables.measure.likelihood import measure_bound, perplexity, words
from trainables.measure.psis import UNTRUSTED_K
from trainables.measure.spec import Boundary
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
    samples: int | None,
    seed: int,
    boundary: Boundary = "above",
    error: float | None = None,
) -> dict[str, float]:
    """Return the paper's words for at most `sentences` of a split; without `samples` no likelihood.

    With an `error` the likelihood is sampled until that is each sentence's standard error, nats.

    Reconstruction, KL and mutual information carry standard errors over sentences. That of the mutual information
    takes the aggregate posterior as given: it leaves out which sentences make that up.

    Where the exact −log p of the sentences is known it stands beside: the floor, and the paired gap above
    it with its standard error.
    """
    chosen = spread(len(split.sentences), sentences)
    device = next(model.parameters()).device
    batches = evaluation_batches([split.sentences[row] for row in chosen], device)
    count = words(batches)
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
    if samples is None:
        return numbers
    estimate = importance(model, batches, samples, derived_seed(seed, "final", "importance"), error)
    exact = None if split.exact_nll is None else torch.from_numpy(split.exact_nll[np.array(chosen)])
    return (
        numbers
        | {"elbo_perplexity": perplexity(bound.neg_elbo, count), "iw_samples": float(estimate.samples.mean())}
        | likelihood_numbers(estimate.nll, exact, count)
        | trust_numbers(estimate, bound.neg_elbo)
    )


def likelihood_numbers(nll: Tensor, exact: Tensor | None, word_count: int) -> dict[str, float]:
    """Return the words of an importance-weighted NLL [N], beside the exact −log p [N] where it is known."""
    numbers = {
        "iw_nll": float(nll.mean()),
        "iw_nll_error": standard_error(nll),
        "perplexity": perplexity(nll, word_count),
    }
    if exact is not None:
        numbers |= {
            "floor": float(exact.mean()),
            "floor_perplexity": perplexity(exact, word_count),
            "floor_gap": float((nll - exact).mean()),
            "floor_gap_error": standard_error(nll - exact),
        }
    return numbers


def trust_numbers(estimate: Importance, neg_elbo: Tensor) -> dict[str, float]:
    """Return how far an importance-weighted estimate lies below −ELBO [N], and how its weights look.

    `pareto_k` is the median over sentences: the mean would hang on the few heavy tails that `pareto_k_bad`
    counts. Both are absent where there are too few samples for a tail.
    """
    gap = neg_elbo.double() - estimate.nll
    numbers = {
        "elbo_gap": float(gap.mean()),
        "elbo_gap_error": standard_error(gap),
        "iw_ess": float(estimate.effective_samples.mean()),
    }
    if estimate.pareto_k is not None:
        numbers |= {
            "pareto_k": float(estimate.pareto_k.quantile(0.5)),
            "pareto_k_bad": float((estimate.pareto_k > UNTRUSTED_K).double().mean()),
        }
    return numbers


def standard_error(values: Tensor) -> float:
    """Return the standard error of the mean over sentences; 0 for a single one."""
    return float(values.std(correction=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
