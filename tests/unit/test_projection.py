"""The fused projection and cross-entropy against torch's own two steps."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trainables.model.projection import word_losses


def plain(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(hidden @ weight.T, targets, reduction="none")


def case(words: int, vocabulary: int, scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(words * vocabulary)
    hidden, weight = (torch.randn(n, 12, generator=generator, dtype=torch.float64) for n in (words, vocabulary))
    targets = torch.randint(vocabulary, (words,), generator=generator)
    return hidden * scale, weight, targets, torch.randn(words, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("vocabulary", [2, 63, 64, 65, 193])
@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_losses_and_gradients_are_those_of_torch(vocabulary: int, scale: float) -> None:
    """With a scale of 60 some targets are beyond the smallest float64 probability: a log of it would be -inf."""
    hidden, weight, targets, upstream = case(31, vocabulary, scale)
    seen = []
    for function in (plain, word_losses):
        leaves = [hidden.clone().requires_grad_(), weight.clone().requires_grad_()]
        losses = function(*leaves, targets)
        losses.backward(upstream)  # type: ignore[no-untyped-call]
        seen.append([losses.detach(), *(leaf.grad for leaf in leaves)])
    for theirs, ours in zip(*seen, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


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
