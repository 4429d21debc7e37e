"""The loop: one phase, from wherever its state stands to its end."""

import math
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from trainables.base import DivergedError, derived_seed
from trainables.measure.final import standard_error
from trainables.measure.importance import iw_nll
from trainables.measure.latent import active_units, pointwise_information
from trainables.measure.likelihood import Bound, measure_bound, per_sentence, token_count
from trainables.measure.spec import Boundary
from trainables.model.vae import Vae
from trainables.objective.bound import Iwae
from trainables.text.batches import Batch
from trainables.training.report import EpochReport
from trainables.training.spec import PhaseSpec
from trainables.training.state import Counters, TrialState
from trainables.training.updates import StepContext

_Numbers = dict[str, float]


@dataclass(frozen=True)
class PhaseData:
    """Batches of the two splits that a phase sees."""

    train: list[Batch]
    validation: list[Batch]


def run_phase(
    phase: PhaseSpec, model: Vae, data: PhaseData, state: TrialState, boundary: Boundary = "above"
) -> Iterator[tuple[EpochReport, TrialState]]:
    """Train `model` in place, epoch after epoch; yield each epoch's report and the state to resume from.

    `boundary` says whether a unit at the threshold of activity counts as active. Raises DivergedError where a
    loss or a measured number is not finite.
    """
    counters, best, history = state.counters, state.best, state.history
    optimizer = phase.training.build(model.parameters())
    use_sparse_embedding_gradients(model, phase.training.optimizer)
    if counters.epoch and not is_finished(phase, counters):
        model.load_state_dict(state.model)
        load_optimizer(optimizer, model, state.optimizer)
    while not is_finished(phase, counters):
        started = time.perf_counter()
        numbers = train_epoch(phase, model, optimizer, data.train, counters)
        trained = time.perf_counter() - started
        bound = measure_bound(model, data.validation, derived_seed(phase.seed, phase.name, "validation"))
        numbers |= validation_numbers(bound, phase.seed, boundary)
        if phase.selection == "iw_bound":
            numbers["validation/iw_bound"] = importance_bound(phase, model, data.validation)
        numbers |= costs(trained, time.perf_counter() - started, token_count(data.train))
        loss = numbers[f"validation/{phase.selection}"]
        if counters.best_loss is None or loss < counters.best_loss:
            best = clone_state(model)
            counters = counters.model_copy(update={"best_loss": loss, "best_epoch": counters.epoch})
        plateau, decayed = phase.training.schedule.after(loss, counters.epoch, counters.plateau)
        if decayed:
            model.load_state_dict(best)
            optimizer = phase.training.build(model.parameters())
        report = EpochReport(phase=phase.name, epoch=counters.epoch, numbers=numbers)
        updates = phase.updates.after(numbers["validation/mutual_information"], counters.updates)
        done = {"epoch": counters.epoch + 1, "plateau": plateau, "updates": updates}
        counters = counters.model_copy(update=done)
        history = (*history, report)
        yield report, TrialState(counters, clone_state(model), best, stored_optimizer(optimizer, model), history)


def is_finished(phase: PhaseSpec, counters: Counters) -> bool:
    """Say whether a phase has run all its epochs or its schedule has asked to stop."""
    return counters.epoch >= phase.training.epochs or phase.training.schedule.done(counters.plateau)


def train_epoch(
    phase: PhaseSpec, model: Vae, optimizer: Optimizer, batches: list[Batch], counters: Counters
) -> _Numbers:
    """Visit every batch once, in an order and with noise that depend on the seed, phase and epoch alone."""
    training, epoch = phase.training, counters.epoch
    device = next(model.parameters()).device
    host = Generator().manual_seed(derived_seed(phase.seed, phase.name, "order", epoch))
    noise = Generator(device).manual_seed(derived_seed(phase.seed, phase.name, "noise", epoch))
    stepper = StepContext(model, phase.objective, optimizer, training.clip, batches, noise, host)
    totals = torch.zeros(3, device=device, dtype=torch.float64)
    full = step_ratio(batches, training.batch_size)
    weight = rate = 0.0
    for step, index in enumerate(torch.randperm(len(batches), generator=host).tolist()):
        batch = batches[index]
        weight = phase.objective.weight(epoch + (step + 1) / len(batches), full)
        rate = training.schedule.rate(
            training.learning_rate, epoch + step / len(batches), training.epochs, counters.plateau
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = phase.updates.step(stepper, batch, weight, counters.updates)
        totals += torch.stack([loss.loss.detach(), loss.reconstruction, loss.kl]) * batch.size
    means = (totals / per_sentence(batches)).tolist()
    if not all(math.isfinite(mean) for mean in means):
        raise DivergedError(f"phase {phase.name}, epoch {epoch}: the training loss is {means[0]}")
    names = ("train/loss", "train/reconstruction", "train/kl")
    return {**dict(zip(names, means, strict=True)), "train/learning_rate": rate, "train/kl_weight": weight}


def step_ratio(batches: list[Batch], batch_size: int) -> float:
    """Return the steps of an epoch over those of full batches alone, at least 1."""
    return len(batches) * batch_size / per_sentence(batches)


def validation_numbers(bound: Bound, seed: int, boundary: Boundary) -> _Numbers:
    """Return the validation metrics of an epoch's report."""
    neg_elbo = float(bound.neg_elbo.double().mean())
    noise = torch.randn(
        bound.posterior.mean.shape,
        generator=Generator().manual_seed(derived_seed(seed, "mutual_information")),
    )
    information = pointwise_information(bound.posterior, noise)
    return {
        "validation/neg_elbo": neg_elbo,
        "validation/reconstruction": float(bound.reconstruction.double().mean()),
        "validation/kl": float(bound.kl.double().mean()),
        "validation/mutual_information": float(information.mean()),
        "validation/mutual_information_error": standard_error(information),
        "validation/active_units": float(active_units(bound.posterior.mean, boundary=boundary)),
    }


def importance_bound(phase: PhaseSpec, model: Vae, batches: list[Batch]) -> float:
    """Return the bound that an IWAE trains, nats a sentence, without dropout, on the same noise in every epoch."""
    samples = phase.objective.samples if isinstance(phase.objective, Iwae) else 1
    return float(iw_nll(model, batches, samples, derived_seed(phase.seed, phase.name, "bound")).mean())


def costs(trained: float, whole: float, train_words: int) -> _Numbers:
    """Return what an epoch cost: seconds, target words a second while training, peak memory of the process."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated() / 2**20
    return {
        "train/seconds": whole,
        "train/tokens_per_second": train_words / trained,
        "train/peak_memory_mb": peak,
    }


def use_sparse_embedding_gradients(model: nn.Module, optimizer: str) -> None:
    """Have the gradient of embeddings hold the batch's words alone where the optimizer moves no others.

    On a GPU, which is quick with whole gradients, it would cost waiting for the number of words.
    """
    for part in model.modules():
        if isinstance(part, nn.Embedding):
            part.sparse = optimizer == "sgd" and part.weight.device.type == "cpu"


def clone_state(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of all parameters, apart from the model."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def stored_optimizer(optimizer: Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """Return the optimizer's tensors under `<slot>/<parameter name>`."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    return {
        f"{slot}/{names[parameter]}": value.detach().clone()
        for parameter, slots in optimizer.state.items()
        for slot, value in slots.items()
        if isinstance(value, Tensor)
    }


def load_optimizer(optimizer: Optimizer, model: nn.Module, stored: dict[str, Tensor]) -> None:
    """Put back what `stored_optimizer` gave."""
    parameters = dict(model.named_parameters())
    for key, value in stored.items():
        slot, _, name = key.partition("/")
        parameter = parameters[name]
        place = value if slot == "step" else value.to(parameter.device)
        optimizer.state[parameter][slot] = place.clone()
