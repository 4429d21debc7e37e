"""KL, its floors and its weight, worked out by hand."""

import math

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from tests.helpers import log_normal, random_batch, seeded, signs, tiny_model
from trainables.model.gaussian import Gaussian
from trainables.objective.bound import Elbo, Iwae
from trainables.objective.kl import FreeBits, FreeBitsTotal, KlTerm, PlainKl
from trainables.objective.kl_weight import Constant, Cyclic, Linear


def kl(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64, requires_grad=True)


def gradient(term: KlTerm, values: Tensor) -> list[list[float]]:
    [found] = torch.autograd.grad(term(values).sum(), values)
    rows: list[list[float]] = found.tolist()
    return rows


def test_kl_of_a_shifted_and_of_a_scaled_normal() -> None:
    posterior = Gaussian(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, math.log(4.0)]]))
    assert posterior.kl_per_unit().tolist() == [[0.5, 0.0, pytest.approx(0.5 * (3 - math.log(4.0)))]]


def test_sampling_shifts_and_scales_the_noise() -> None:
    posterior = Gaussian(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, math.log(9.0)]]))
    torch.testing.assert_close(posterior.sample(torch.tensor([[2.0, 1.0]])), torch.tensor([[3.0, 1.0]]))
    many = posterior.sample(torch.tensor([[[2.0, 1.0], [0.0, -1.0]]]))
    torch.testing.assert_close(many, torch.tensor([[[3.0, 1.0], [1.0, -5.0]]]))


def test_log_weight_is_the_difference_of_two_log_densities() -> None:
    posterior = Gaussian(torch.tensor([[0.5, -1.0]]), torch.tensor([[0.3, -0.7]]))
    noise = torch.randn(1, 6, 2, generator=seeded(1))
    z = posterior.sample(noise)
    scale = (0.5 * posterior.log_variance).exp().unsqueeze(1)
    log_prior = log_normal(z, 0.0, torch.tensor(1.0)).sum(-1)
    log_posterior = log_normal(z, posterior.mean.unsqueeze(1), scale).sum(-1)
    torch.testing.assert_close(posterior.log_weight_of_prior(z, noise), log_prior - log_posterior)


def test_plain_kl_sums_units() -> None:
    values = kl([[0.5, 1.0, 1.5], [0.0, 0.25, 0.0]])
    assert PlainKl()(values).tolist() == [3.0, 0.25]
    assert gradient(PlainKl(), values) == [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]


def test_free_bits_below_at_and_above_the_share_of_a_unit() -> None:
    values = kl([[0.5, 1.0, 1.5]])
    assert FreeBits(target_rate=3.0)(values).tolist() == [1.0 + 1.0 + 1.5]
    assert FreeBits(target_rate=3.0, form="mask")(values).tolist() == [1.5]
    for form in ("max", "mask"):
        assert gradient(FreeBits(target_rate=3.0, form=form), values) == [[0.0, 0.0, 1.0]]


def test_free_bits_of_a_batch_look_at_the_mean_of_each_unit() -> None:
    values = kl([[0.5, 3.0], [1.0, 1.0]])  # means 0.75 and 2, share 1
    assert FreeBits(target_rate=2.0, per="batch")(values).tolist() == [1.0 + 3.0, 1.0 + 1.0]
    assert FreeBits(target_rate=2.0, form="mask", per="batch")(values).tolist() == [3.0, 1.0]
    assert gradient(FreeBits(target_rate=2.0, per="batch"), values) == [[0.0, 1.0], [0.0, 1.0]]


def test_total_free_bits_below_at_and_above_the_target() -> None:
    values = kl([[0.5, 1.0], [1.5, 0.5], [0.5, 2.0]])  # totals 1.5, 2, 2.5
    assert FreeBitsTotal(target_rate=2.0)(values).tolist() == [2.0, 2.0, 2.5]
    assert FreeBitsTotal(target_rate=2.0, form="mask")(values).tolist() == [0.0, 0.0, 2.5]
    for form in ("max", "mask"):
        term = FreeBitsTotal(target_rate=2.0, form=form)
        assert gradient(term, values) == [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]


def test_total_free_bits_of_a_batch_are_all_or_nothing() -> None:
    values = kl([[0.5, 0.5], [3.0, 1.0]])  # totals 1 and 4, mean 2.5
    kept = FreeBitsTotal(target_rate=2.4, per="batch")
    assert kept(values).tolist() == [1.0, 4.0]
    assert gradient(kept, values) == [[1.0, 1.0], [1.0, 1.0]]
    clamped = FreeBitsTotal(target_rate=2.5, per="batch")
    assert clamped(values).tolist() == [2.5, 2.5]
    assert gradient(clamped, values) == [[0.0, 0.0], [0.0, 0.0]]
    assert FreeBitsTotal(target_rate=2.5, form="mask", per="batch")(values).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("epoch", "weight"), [(0.0, 0.0), (2.5, 0.25), (5.0, 0.5), (10.0, 1.0), (11.0, 1.0)])
def test_linear_weight(epoch: float, weight: float) -> None:
    assert Linear(epochs=10)(epoch) == weight


def test_linear_weight_from_a_start() -> None:
    weight = Linear(start=0.1, epochs=4)
    assert [weight(epoch) for epoch in (0, 2, 4, 9)] == pytest.approx([0.1, 0.55, 1.0, 1.0])


def test_linear_weight_at_the_pace_of_full_batches() -> None:
    weight = Linear(epochs=4, pace="full_batches")
    assert [weight(epoch, 1.25) for epoch in (0, 1.6, 3.2, 4)] == pytest.approx([0.0, 0.5, 1.0, 1.0])
    assert Linear(epochs=4)(1.6, 1.25) == pytest.approx(0.4)


def test_cyclic_weight_at_given_epochs() -> None:
    """Rises from 0.1 to 1 in 5 epochs, stays for 5, and starts again; the last step of a cycle belongs to it."""
    expected = {0: 0.1, 2.5: 0.55, 5: 1.0, 7: 1.0, 10: 1.0, 10.25: 0.145, 12.5: 0.55, 15: 1.0, 20: 1.0, 22.5: 0.55}
    assert {epoch: Cyclic()(epoch) for epoch in expected} == pytest.approx(expected)


def test_cyclic_weight_of_another_shape() -> None:
    weight = Cyclic(period=4, ratio=0.25, start=0.0)
    assert [weight(epoch) for epoch in (0, 0.5, 1, 3, 4, 4.5, 8)] == pytest.approx([0, 0.5, 1, 1, 1, 0.5, 1])


def test_constant_weight() -> None:
    assert [Constant()(0), Constant()(50), Constant(weight=0.3)(7)] == [1.0, 1.0, 0.3]


@pytest.mark.parametrize(
    "refused",
    [
        lambda: FreeBits(target_rate=0),
        lambda: FreeBitsTotal(target_rate=-1),
        lambda: FreeBits(form="min"),
        lambda: Linear(epochs=-1),
        lambda: Linear(start=1.5),
        lambda: Linear(pace="steps"),
        lambda: Cyclic(period=0),
        lambda: Cyclic(ratio=0),
        lambda: Iwae(samples=0),
        lambda: Constant(weight=-0.1),
        lambda: Constant(weight=float("nan")),
        lambda: Elbo(kl_wait=Constant()),  # type: ignore[call-arg]
    ],
)
def test_senseless_settings_are_refused(refused: object) -> None:
    assert callable(refused)
    with pytest.raises(ValidationError):
        refused()


def test_the_elbo_adds_its_parts() -> None:
    model, batch = tiny_model(), random_batch(1)
    noise = torch.randn(batch.size, 3, generator=seeded(2))
    posterior = model.encoder(batch.tokens)
    reconstruction = model.decoder.reconstruction(batch.tokens, posterior.sample(noise))
    loss = Elbo(kl=FreeBits(target_rate=6.0))(model, batch, 0.25, noise, None)
    floor = FreeBits(target_rate=6.0)(posterior.kl_per_unit())
    torch.testing.assert_close(loss.loss, (reconstruction + 0.25 * floor).mean())
    torch.testing.assert_close(loss.reconstruction, reconstruction.detach().mean())
    torch.testing.assert_close(loss.kl, posterior.kl_per_unit().detach().sum(1).mean())
    assert loss.loss.requires_grad
    assert not loss.kl.requires_grad
    assert not loss.reconstruction.requires_grad
    assert float(loss.kl) < 6.0, "below the floor the reported KL must not be the floored one"


def test_weight_zero_leaves_the_reconstruction_alone() -> None:
    model, batch = tiny_model(), random_batch(1)
    loss = Elbo()(model, batch, 0.0, torch.zeros(batch.size, 3), None)
    assert float(loss.loss.detach()) == float(loss.reconstruction)


def test_one_importance_sample_is_the_single_sample_estimate_of_the_elbo() -> None:
    model, batch = tiny_model(), random_batch(1)
    noise = torch.randn(batch.size, 1, 3, generator=seeded(2))
    posterior = model.encoder(batch.tokens)
    z = posterior.sample(noise)
    reconstruction = model.decoder.reconstruction(batch.tokens, z[:, 0])
    loss = Iwae(samples=1)(model, batch, 1.0, noise, None)
    torch.testing.assert_close(loss.loss, (reconstruction - posterior.log_weight_of_prior(z, noise)[:, 0]).mean())
    torch.testing.assert_close(loss.reconstruction, reconstruction.detach().mean())
    torch.testing.assert_close(loss.kl, posterior.kl_per_unit().detach().sum(1).mean())


def test_one_importance_sample_has_the_mean_and_the_dropout_of_the_elbo() -> None:
    """Over noise and its opposite, of second moment 1, the sampled KL is the KL itself."""
    model, batch, sign = tiny_model().double(), random_batch(1), signs(3, 4, 3)
    elbo = [Elbo()(model, batch, 1.0, noise, seeded(5)).loss for noise in (sign, -sign)]
    iwae = [Iwae(samples=1)(model, batch, 1.0, noise[:, None], seeded(5)).loss for noise in (sign, -sign)]
    torch.testing.assert_close(sum(iwae), sum(elbo))


def test_more_importance_samples_bound_more_tightly() -> None:
    """The same 64 draws in groups of k: Jensen's inequality, group by group."""
    model, batch = tiny_model(), random_batch(1)
    noise = torch.randn(batch.size, 64, 3, generator=seeded(2))
    means = [
        float(
            torch.stack(
                [Iwae()(model, batch, 1.0, n, None).loss.detach() for n in torch.split(noise, k, 1)]
            ).mean()
        )
        for k in (1, 2, 8, 64)
    ]
    assert means == sorted(means, reverse=True)
    assert means[0] - means[-1] > 0.01


def test_the_importance_weighted_loss_takes_no_weight() -> None:
    model, batch = tiny_model(), random_batch(1)
    noise = torch.randn(Iwae(samples=3).noise_shape(batch.size, 3), generator=seeded(2))
    one, other = (Iwae(samples=3)(model, batch, weight, noise, None).loss for weight in (0.0, 1.0))
    assert torch.equal(one, other)
    assert [Iwae().weight(epoch) for epoch in (0.0, 7.0)] == [1.0, 1.0]
