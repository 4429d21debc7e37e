"""The tight estimate: unbiased, the same in any company, and no more costly than it must be."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from tests.exact import NOISE, copies, integrated, linear_model, one_unit
from tests.helpers import random_batch, random_sentences, seeded, tiny_corpus, tiny_model, tiny_trial
from trainables.base import DivergedError
from trainables.measure.adapted import (
    DEFENSIVE,
    FEWEST_PASSES,
    INFLATED,
    MOST,
    Effort,
    Proposal,
    Rounds,
    mixture_density,
    next_round,
    samples_for,
    tempered,
    trusted_k,
)
from trainables.measure.final import evaluation_batches, measure_split
from trainables.measure.importance import BLOCK, importance, log_joints, standard_errors
from trainables.measure.psis import effective_samples
from trainables.measure.tight import tight
from trainables.model.gaussian import Correlated, Gaussian
from trainables.model.vae import Vae
from trainables.text.batches import Batch, equal_length_batches

EFFORT = Effort(1000, 0.1)


def gaussian(mean: float, variance: float, rows: int = 2, units: int = 3) -> Gaussian:
    return Gaussian(torch.full((rows, units), float(mean)), torch.full((rows, units), math.log(variance)))


def share_of_truth(nll: Tensor, exact: Tensor) -> tuple[float, float]:
    """Return the mean of p̂(x)/p(x) and its standard error."""
    ratio = (exact - nll).exp()
    return float(ratio.mean()), float(ratio.std()) / len(ratio) ** 0.5


@pytest.mark.parametrize("word", [4, 7])
@pytest.mark.parametrize(
    ("shift", "factor", "effort"),
    [
        (0.0, 1.0, EFFORT),
        (0.5, 0.8, EFFORT),
        (1.5, 0.3, EFFORT),
        (1.5, 0.3, Effort(200, 0.1)),
        (0.5, 0.8, Effort(60, 0.1)),
        (1.5, 0.3, Effort(300, None)),
    ],
)
def test_the_tight_estimate_is_unbiased(word: int, shift: float, factor: float, effort: Effort) -> None:
    """The law: the mean of p̂ over noise is the exact p(x) of a linear-Gaussian model."""
    model, decoder = linear_model(shift=shift, factor=factor)
    batch = copies(torch.tensor([1, word, 2]), 400)
    mean, error = share_of_truth(tight(model, [batch], effort, 3).nll, decoder.exact(batch.tokens))
    assert abs(mean - 1) < 4 * error
    assert error < 0.1


@pytest.mark.parametrize("samples", [1, 50])
def test_the_papers_estimate_is_unbiased(samples: int) -> None:
    model, decoder = linear_model()
    batch = copies(torch.tensor([1, 5, 2]), 2000)
    mean, error = share_of_truth(importance(model, [batch], samples, 3).nll, decoder.exact(batch.tokens))
    assert abs(mean - 1) < 4 * error


def test_a_stop_that_looks_at_its_own_samples_would_not_be() -> None:
    """What the tight estimate avoids: stopping where the error of the samples at hand looks small enough."""
    model, decoder = linear_model(units=6, strength=0.3, shift=0.35, factor=1)
    batch = copies(torch.tensor([1, 5, 2]), 2000)
    exact, noise = decoder.exact(batch.tokens), torch.randn(2000, 800, 6, generator=seeded(0))
    weights = model.log_weights(batch.tokens, model.encoder(batch.tokens), noise)
    nll = math.log(800) - weights.logsumexp(1)
    for samples in (400, 200, 100, 50):
        fewer = weights[:, :samples]
        enough = standard_errors(fewer) <= 0.1
        nll = torch.where(enough, math.log(samples) - fewer.logsumexp(1), nll)
    stopped, error = share_of_truth(nll, exact)
    assert stopped < 1 - 4 * error
    fair, error = share_of_truth(tight(model, [batch], Effort(400, 0.1), 3).nll, exact)
    assert abs(fair - 1) < 4 * error < 0.02


def test_a_real_decoder_agrees_with_a_grid() -> None:
    model, batch = one_unit(), random_batch(2, 12)
    found, exact = tight(model, [batch], EFFORT, 3), integrated(model, batch.tokens)
    assert float((found.nll - exact).mean()) == pytest.approx(0, abs=4 * float(found.errors.norm()) / 12)
    assert bool(((found.nll - exact).abs() < 4 * found.errors + 1e-3).all())


def test_no_estimate_on_captions_lies_below_the_floor() -> None:
    model, split = Vae(len(tiny_corpus().vocabulary), tiny_trial().model), tiny_corpus().splits["validation"]
    model.initialise(seeded(0))
    numbers = measure_split(model, split, None, EFFORT, seed=2)
    assert numbers["floor_gap"] > -4 * numbers["floor_gap_error"]


def test_a_sentence_has_the_same_estimate_in_any_company() -> None:
    model, sentences = tiny_model(), random_sentences(2, 24)
    whole = tight(model, evaluation_batches(sentences, "cpu"), EFFORT, 8)
    assert len(set(whole.samples.tolist())) > 1, "sentences must differ in what they need"
    cut = equal_length_batches(sentences, 3)
    mixed = [cut[i] for i in torch.randperm(len(cut), generator=seeded(0)).tolist()]
    other = tight(model, mixed, EFFORT, 8)
    assert torch.equal(other.samples, whole.samples)
    torch.testing.assert_close(other.nll, whole.nll, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(other.fit_neg_elbo, whole.fit_neg_elbo, rtol=1e-4, atol=1e-4)
    again = tight(model, evaluation_batches(sentences, "cpu"), EFFORT, 8)
    torch.testing.assert_close(again.nll, whole.nll)


def test_joint_densities_do_not_depend_on_how_many_are_formed_at_once() -> None:
    model, batch = tiny_model(), random_batch(3)
    z = torch.randn(batch.size, 9, model.spec.latent_size, generator=seeded(5))
    with torch.inference_mode():
        torch.testing.assert_close(log_joints(model, batch.tokens, z, 40), log_joints(model, batch.tokens, z))


def test_what_a_sentence_costs() -> None:
    """A q that is the posterior costs a look and an estimate; a wrong one its rounds, and never more than all."""
    (right, _), (wrong, _) = linear_model(strength=0.01, shift=0, factor=1), linear_model(shift=2, factor=0.2)
    batch = random_batch(1, 8)
    assert tight(right, [batch], EFFORT, 3).samples.tolist() == [2.0 * BLOCK] * 8
    found = tight(wrong, [batch], EFFORT, 3)
    assert bool(((found.samples > 3 * BLOCK) & (found.samples <= EFFORT.most)).all())
    for effort in (Effort(FEWEST_PASSES - 1, 0.1), Effort(7, None)):
        few = tight(wrong, [batch], effort, 3)
        assert few.samples.tolist() == [float(effort.most)] * 8
    assert few.pareto_k is None


def test_a_wrong_posterior_is_mended() -> None:
    model, decoder = linear_model(units=8, shift=1.0, factor=0.3)
    batch = random_batch(3, 30)
    exact, paper = decoder.exact(batch.tokens), importance(model, [batch], 1000, 3)
    found = tight(model, [batch], EFFORT, 3)
    assert float((paper.nll - exact).mean()) > 10 * abs(float((found.nll - exact).mean()))
    assert found.pareto_k is not None
    assert paper.pareto_k is not None
    assert float(found.pareto_k.median()) < 0.7 < float(paper.pareto_k.median())


@pytest.mark.parametrize("units", [1, 3])
def test_the_best_gaussian_of_a_linear_model_is_known(units: int) -> None:
    """Its −ELBO lies above −log p(x) by the mean field's KL to the posterior, ½ ln |diag Λ|/|Λ|."""
    model, decoder = linear_model(units=units, shift=1.5, factor=0.3)
    batch = random_batch(3, 60)
    found = tight(model, [batch], Effort(3000, 0.05), 3)
    gap = found.fit_neg_elbo - decoder.exact(batch.tokens).unsqueeze(1)
    precision = torch.eye(units).double() + decoder.weight.T @ decoder.weight / NOISE**2
    divergence = 0.5 * float(precision.diagonal().log().sum() - precision.logdet())
    assert all(divergence - 0.03 < found < divergence + 0.1 for found in gap.mean(0).tolist())


def test_an_estimate_that_is_not_finite() -> None:
    model, _ = linear_model(factor=float("nan"))
    with pytest.raises(DivergedError, match="not finite"):
        tight(model, [random_batch(1)], EFFORT, 3)


def test_a_mixture_takes_every_tenth_sample_from_the_wide_one() -> None:
    proposal = Proposal(gaussian(0, 1e-6), gaussian(5, 1e-6))
    noise = torch.randn(2, 20, 3, generator=seeded(0))
    from_wide = (proposal.sample(noise) > 2.5).all(2)
    assert from_wide[0].nonzero().flatten().tolist() == [DEFENSIVE - 1, 2 * DEFENSIVE - 1]
    z = torch.zeros(2, 20, 3)
    expected = gaussian(0, 1e-6).log_density(z).double() + math.log(0.9)
    torch.testing.assert_close(proposal.log_density(z), expected)
    assert torch.equal(Proposal(gaussian(0, 1)).sample(noise), noise)


def test_a_mixture_by_hand() -> None:
    z = torch.full((2, 1, 1), 0.3)
    one, other = gaussian(0, 1, units=1), gaussian(1, 4, units=1)
    found = mixture_density([one, other], [30, 10], z).exp()
    expected = 0.75 * math.exp(-0.045) + 0.25 * math.exp(-0.06125) / 2
    torch.testing.assert_close(found, torch.full((2, 1), expected / math.sqrt(2 * math.pi)).double())


def test_a_fit_has_the_moments_of_the_weighted_samples() -> None:
    """Samples from N(0, 1) weighed to N(1, 0.25): the fit has that mean, and INFLATED times that variance."""
    rounds, target = Rounds(gaussian(0, 1)), gaussian(1, 0.25)
    z = torch.randn(2, 20_000, 3, generator=seeded(0))
    rounds.add(gaussian(0, 1), z, target.log_density(z).double())
    fit = rounds.fit()
    torch.testing.assert_close(fit.mean, target.mean, atol=0.03, rtol=0)
    covariance = fit.tril @ fit.tril.transpose(1, 2)
    torch.testing.assert_close(covariance, (0.25 * INFLATED * torch.eye(3)).expand(2, 3, 3), atol=0.03, rtol=0)


def test_a_correlated_gaussian_is_that_of_pytorch() -> None:
    tril = torch.tensor([[[1.0, 0.0], [0.7, 0.5]], [[2.0, 0.0], [-1.0, 0.3]]])
    mean, z = torch.tensor([[1.0, 2.0], [0.0, -1.0]]), torch.randn(2, 5, 2, generator=seeded(0))
    found = Correlated(mean, tril)
    for row in range(2):
        theirs = MultivariateNormal(mean[row], scale_tril=tril[row])  # type: ignore[no-untyped-call]
        torch.testing.assert_close(found.log_density(z)[row], theirs.log_prob(z[row]))  # type: ignore[no-untyped-call]
    torch.testing.assert_close(found.sample(z), mean.unsqueeze(1) + torch.einsum("bij,bsj->bsi", tril, z))
    wider = found.widened(4).rows(torch.tensor([1]))
    torch.testing.assert_close(wider.tril, 2 * tril[1:])


def test_tempering_leaves_enough_samples() -> None:
    weights = 20 * torch.randn(5, 100, generator=seeded(0)).double()
    assert effective_samples(tempered(weights, 12)).tolist() == pytest.approx([12.0] * 5, rel=1e-3)
    even = 0.01 * weights
    torch.testing.assert_close(tempered(even, 12), even)
    assert effective_samples(tempered(weights, 80)).tolist() == pytest.approx([50.0] * 5, rel=1e-3)


def test_samples_and_rounds_by_hand() -> None:
    weights = torch.tensor([[1.0, 1.0, 1.0, 1.0], [2.0, 1.0, 1.0, 0.0]]).log()
    # S/ESS − 1 = 1/2 needs 0.5/0.053² = 178 samples, in whole blocks
    assert samples_for(weights, 0.053).tolist() == [0, 200]
    assert samples_for(weights, None).tolist() == [MOST, MOST]
    used, rounds = 0, []
    while used < 400:
        rounds.append(next_round(used))
        used += rounds[-1]
    assert rounds == [50, 50, 50, 100, 150]
    assert [round(trusted_k(samples), 3) for samples in (50, 100, 10_000)] == [0.411, 0.5, 0.7]


def test_rows_of_a_batch_are_the_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = tiny_model(), random_batch(1)
    moved = Batch(batch.tokens.flip(0), batch.rows.flip(0))
    torch.testing.assert_close(
        tight(model, [moved], EFFORT, 4).nll, tight(model, [batch], EFFORT, 4).nll, rtol=1e-5, atol=1e-5
    )
