"""The fused projection and cross-entropy against torch's own two steps."""

from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trainables.model.projection import BUFFER, word_losses


def plain(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(hidden @ weight.T, targets, reduction="none")


def case(words: int, vocabulary: int, scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(words * vocabulary)
    hidden, weight = (torch.randn(n, 12, generator=generator, dtype=torch.float64) for n in (words, vocabulary))
    targets = torch.randint(vocabulary, (words,), generator=generator)
    return hidden * scale, weight, targets, torch.randn(words, generator=generator, dtype=torch.float64)


def agree(hidden: Tensor, weight: Tensor, targets: Tensor, upstream: Tensor, buffer: int = BUFFER) -> None:
    """Losses and gradients of ours must be those of torch."""
    seen = []
    for function in (plain, partial(word_losses, buffer=buffer)):
        leaves = [hidden.clone().requires_grad_(), weight.clone().requires_grad_()]
        losses = function(*leaves, targets)
        losses.backward(upstream)  # type: ignore[no-untyped-call]
        seen.append([losses.detach(), *(leaf.grad for leaf in leaves)])
    for theirs, ours in zip(*seen, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("vocabulary", [2, 63, 64, 65, 193])
@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_losses_and_gradients_are_those_of_torch(vocabulary: int, scale: float) -> None:
    """With a scale of 60 some targets are beyond the smallest float64 probability: a log of it would be -inf."""
    agree(*case(31, vocabulary, scale))


def test_without_gradients_the_losses_are_the_same() -> None:
    hidden, weight, targets, _ = case(31, 193)
    with torch.inference_mode():
        torch.testing.assert_close(word_losses(hidden, weight, targets), plain(hidden, weight, targets))


def test_only_what_is_asked_for_is_differentiated() -> None:
    hidden, weight, targets, upstream = case(5, 70)
    leaf = weight.clone().requires_grad_()
    word_losses(hidden, leaf, targets).backward(upstream)  # type: ignore[no-untyped-call]
    own = weight.clone().requires_grad_()
    plain(hidden, own, targets).backward(upstream)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(leaf.grad, own.grad)


@pytest.mark.parametrize("rows", [1, 7, 31, 64])
def test_words_beyond_the_buffer_go_in_parts(rows: int) -> None:
    agree(*case(31, 193), buffer=rows * 256)


@pytest.mark.parametrize("differentiated", [True, False])
def test_in_bfloat16_losses_and_gradients_are_near(differentiated: bool) -> None:
    """A number of bfloat16 is off by up to 2**-9 of itself; an error that is one of thousands averages out."""
    hidden, weight, targets, upstream = (
        each.float() if each.is_floating_point() else each for each in case(300, 700)
    )
    exact, near = (
        [leaf.clone().requires_grad_(differentiated) for leaf in (hidden / 3, weight / 3)] for _ in range(2)
    )
    with torch.set_grad_enabled(differentiated):
        theirs = plain(*exact, targets)
        ours = word_losses(*near, targets, torch.bfloat16)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0.02)
    assert float((ours - theirs).detach().mean().abs()) < 0.002
    if differentiated:
        theirs.backward(upstream)  # type: ignore[no-untyped-call]
        ours.backward(upstream)  # type: ignore[no-untyped-call]
        for one, other in zip(exact, near, strict=True):
            assert one.grad is not None
            assert other.grad is not None
            assert float((one.grad - other.grad).norm() / one.grad.norm()) < 0.01


def test_a_second_derivative_is_refused_and_not_wrong() -> None:
    """Through what lies below it, too: there a gradient taken for constant would only lose a term."""
    hidden, weight, targets, _ = case(5, 70)
    for leaf, below in ((weight, lambda x: (hidden, x)), (hidden, lambda x: (x.tanh(), weight))):
        losses = word_losses(*below(leaf.requires_grad_()), targets)
        with pytest.raises(RuntimeError, match="differentiated once"):
            torch.autograd.grad(losses.sum(), leaf, create_graph=True)


def test_a_second_derivative_is_refused_in_parts_too() -> None:
    hidden, weight, targets, _ = case(31, 193)
    leaf = weight.clone().requires_grad_()
    with pytest.raises(RuntimeError, match="differentiated once"):
        torch.autograd.grad(word_losses(hidden, leaf, targets, buffer=7 * 256).sum(), leaf, create_graph=True)


@pytest.mark.parametrize("sentences", [3, 11, 13])
def test_in_bfloat16_the_mean_over_a_batch_is_not_rounded(sentences: int) -> None:
    """The gradient of the mean of B losses is 1/B of that of their sum; 1/3 is off by 0.2 % in bfloat16."""
    hidden, weight, targets, _ = case(300, 700)
    gradients = []
    for share in (1.0, 1 / sentences):
        leaves = [leaf.float().requires_grad_() for leaf in (hidden / 3, weight / 3)]
        (word_losses(*leaves, targets, torch.bfloat16).sum() * share).backward()  # type: ignore[no-untyped-call]
        gradients.append([leaf.grad.double() for leaf in leaves if leaf.grad is not None])
    for whole, mean in zip(*gradients, strict=True):
        slope = float((whole * mean).sum() / whole.square().sum())
        assert slope * sentences == pytest.approx(1.0, abs=2e-4)
