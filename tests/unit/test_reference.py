"""Our step beside the plain loop that `make bench` measures it against: the same losses and gradients."""

import pytest
import torch
from torch import Tensor

from benchmarks.reference import ReferenceVae, reference_information, reference_iw_nll
from tests.helpers import seeded
from trainables.measure.importance import iw_nll
from trainables.measure.latent import mutual_information
from trainables.model.gaussian import Gaussian
from trainables.model.spec import ModelSpec, Precision
from trainables.model.vae import Vae
from trainables.objective.bound import Elbo
from trainables.objective.kl import FreeBits
from trainables.text.batches import Batch
from trainables.training.phase import use_sparse_embedding_gradients
from trainables.training.updates import clip_gradient

WORDS, SIZE, UNITS, RATE, WEIGHT = 203, 24, 6, 3.0, 0.7


def both(precision: Precision = "float32") -> tuple[Vae, ReferenceVae]:
    sizes = {"embedding_size": SIZE, "encoder_size": SIZE, "decoder_size": SIZE, "latent_size": UNITS}
    spec = ModelSpec(**sizes, input_dropout=0, output_dropout=0, initialisation="torch", precision=precision)
    model, plain = Vae(WORDS, spec), ReferenceVae(WORDS, SIZE, SIZE, UNITS, 0.0)
    model.initialise(seeded(3))
    halves = {"encoder": model.encoder, "decoder": model.decoder}
    plain.load_state_dict(
        {f"{half}.{k}": v for half, part in halves.items() for k, v in part.state_dict().items()}
    )
    return model, plain


def case() -> tuple[Batch, Tensor]:
    tokens = torch.randint(4, WORDS, (9, 12), generator=seeded(1))
    return Batch(tokens, torch.arange(9)), torch.randn(9, UNITS, generator=seeded(2))


def loss_of(plain: ReferenceVae, tokens: Tensor, noise: Tensor) -> Tensor:
    mean, log_variance = plain.posterior(tokens)
    kl = 0.5 * (mean.pow(2) + log_variance.exp() - log_variance - 1)
    z = mean + (0.5 * log_variance).exp() * noise
    return (plain.reconstruction(tokens, z) + WEIGHT * kl.clamp_min(RATE / UNITS).sum(-1)).mean()


@pytest.mark.parametrize("thin", [True, False])
@pytest.mark.parametrize(
    ("precision", "dtype", "tolerance"),
    [("float32", torch.float64, 1e-12), ("float32", torch.float32, 1e-5), ("bfloat16", torch.float32, 2e-2)],
)
def test_a_step_has_the_gradients_of_the_plain_loop(
    precision: Precision, dtype: torch.dtype, tolerance: float, thin: bool
) -> None:
    (batch, noise), (model, plain) = case(), both(precision)
    model, plain, noise = model.to(dtype), plain.to(dtype), noise.to(dtype)
    use_sparse_embedding_gradients(model, "sgd" if thin else "adam")
    ours = Elbo(kl=FreeBits(target_rate=RATE))(model, batch, WEIGHT, noise, None).loss
    theirs = loss_of(plain, batch.tokens, noise)
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=0)
    largest = 0.1
    for loss in (ours, theirs):
        loss.backward()  # type: ignore[no-untyped-call]
    clip_gradient(model.parameters(), largest)
    torch.nn.utils.clip_grad_norm_(plain.parameters(), largest)
    known = dict(plain.named_parameters())
    for name, parameter in model.named_parameters():
        mine, other = parameter.grad, known[name].grad
        assert mine is not None
        assert other is not None
        mine = mine.to_dense() if mine.is_sparse else mine
        assert float((mine - other).norm() / other.norm()) < tolerance, name


def test_a_gradient_below_the_limit_stays_as_it_is() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([3.0, 4.0])
    clip_gradient([parameter], 5.001)
    assert parameter.grad.tolist() == [3.0, 4.0]
    clip_gradient([parameter], 1.0)
    assert parameter.grad.tolist() == pytest.approx([0.6, 0.8])


def test_its_likelihood_and_information_estimate_the_same() -> None:
    """Each draws noise of its own, so only the estimates agree: 4,000 samples, and 4,000 codes."""
    (batch, _), (model, plain) = case(), both()
    torch.manual_seed(0)
    theirs = [reference_iw_nll(plain, tokens.unsqueeze(0), 4000) for tokens in batch.tokens]
    assert iw_nll(model, [batch], 4000, 0).tolist() == pytest.approx(theirs, abs=0.05)
    mean, log_variance = torch.randn(2, 2000, UNITS, generator=seeded(5)).unbind()
    noise = torch.randn(2000, UNITS, generator=seeded(6))
    expected = reference_information(mean, log_variance)
    assert mutual_information(Gaussian(mean, log_variance), noise) == pytest.approx(expected, abs=0.15)
