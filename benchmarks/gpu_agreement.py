"""One step of every method on a device against the same step on the CPU: its loss, its gradient, its weights."""

from typing import Any

import torch
from torch import Generator, Tensor

from trainables.methods import METHODS, Method
from trainables.model.spec import ModelSpec, Precision
from trainables.model.vae import Vae
from trainables.text.batches import Batch
from trainables.training.phase import use_sparse_embedding_gradients
from trainables.training.training_spec import TrainingSpec

VOCABULARY, SENTENCES, WORDS = 500, 16, 12
LIMITS: dict[Precision, float] = {"float32": 1e-4, "bfloat16": 5e-2}
"""Largest difference of gradients and of the change of weights, as a part of their norm on the CPU."""


def agreement(device: str, seed: int = 0) -> list[dict[str, Any]]:
    """Return a line for each method and precision: relative differences, and whether they are within the limits.

    Dropout is off and the noise of z is given, since generators of two devices draw differently. TF32 is off,
    which cuDNN's LSTM would else use for float32.
    """
    torch.backends.cudnn.allow_tf32 = False
    return [
        line(method, precision, device, seed)
        for method in METHODS.values()
        for precision in ("float32", "bfloat16")
    ]


def line(method: Method, precision: Precision, device: str, seed: int) -> dict[str, Any]:
    """Return how far a method's step on the device is from that on the CPU in the same precision."""
    here, there = (step(method, precision, place, seed) for place in ("cpu", device))
    apart = {word: apart_by(here[word], there[word]) for word in here}
    within = max(apart.values()) <= LIMITS[precision]
    return {"method": method.name, "precision": precision, "limit": LIMITS[precision], "agrees": within, **apart}


def step(method: Method, precision: Precision, device: str, seed: int) -> dict[str, Tensor]:
    """Take a step from the same weights on the same batch; return loss, gradient, change of weights on the CPU."""
    spec = ModelSpec(
        embedding_size=32,
        encoder_size=48,
        decoder_size=48,
        latent_size=8,
        input_dropout=0.0,
        output_dropout=0.0,
        initialisation="torch",
        precision=precision,
    )
    model = Vae(VOCABULARY, spec.without_latent() if method.language_model else spec)
    model.initialise(Generator().manual_seed(seed))
    draw = Generator().manual_seed(seed + 1)
    tokens = torch.randint(4, VOCABULARY, (SENTENCES, WORDS + 2), generator=draw)
    noise = torch.randn(method.objective.noise_shape(SENTENCES, model.spec.latent_size), generator=draw)
    model = model.to(device)
    training = TrainingSpec()
    use_sparse_embedding_gradients(model, training.optimizer)
    optimizer = training.build(model.parameters())
    before = flat(list(model.parameters()))
    batch = Batch(tokens.to(device), torch.arange(SENTENCES))
    loss = method.objective(model, batch, 0.5, noise.to(device), None)
    loss.loss.backward()  # type: ignore[no-untyped-call]
    gradient = flat([whole(parameter) for parameter in model.parameters()])
    optimizer.step()
    change = flat(list(model.parameters())) - before
    return {"loss": loss.loss.detach().double().cpu(), "gradient": gradient, "change": change}


def whole(parameter: Tensor) -> Tensor:
    """Return a parameter's gradient with all its zeros."""
    gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    return gradient.to_dense() if gradient.is_sparse else gradient


def flat(tensors: list[Tensor]) -> Tensor:
    """Return tensors as one vector on the CPU."""
    return torch.cat([tensor.detach().double().cpu().reshape(-1) for tensor in tensors])


def apart_by(here: Tensor, there: Tensor) -> float:
    """Return the norm of the difference as a part of the norm on the CPU."""
    return float((here - there).norm() / here.norm().clamp_min(1e-12))
