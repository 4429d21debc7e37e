"""Which precision `auto` stands for: settled when a sweep is planned, and part of every key from then on."""

from collections.abc import Iterable

import torch

from trainables.model.spec import Precision
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.stored_spec import stored_spec
from vae_sweep.planning.allocation import TrialResources
from vae_sweep.storage.layout import sweep_folder

FEWEST_WEIGHTS = 100_000
"""Below so many weights of the output projection bfloat16 gains nothing (docs/performance.md)."""


def resolve_precision(spec: SweepSpec, words: int, shares: Iterable[TrialResources]) -> SweepSpec:
    """Return the spec with `auto` settled for a vocabulary of `words`: as the sweep has it already, if it does."""
    if spec.model.precision != "auto":
        return spec
    if old := stored_spec(sweep_folder(spec)):
        return with_precision(spec, old.model.precision)
    here = bfloat16_support()
    quick = _is_large(spec, words) and all(here["gpu" if share.gpus else "cpu"] for share in shares)
    return with_precision(spec, "bfloat16" if quick else "float32")


def asks_machine(spec: SweepSpec, words: int) -> bool:
    """Say whether the machine decides what `auto` is: nothing else does, and the model is large enough."""
    return spec.model.precision == "auto" and _is_large(spec, words) and stored_spec(sweep_folder(spec)) is None


def with_precision(spec: SweepSpec, precision: Precision) -> SweepSpec:
    return spec.model_copy(update={"model": spec.model.model_copy(update={"precision": precision})})


def bfloat16_support() -> dict[str, bool]:
    """Return whether this machine's processor, and its GPUs, have instructions for bfloat16."""
    found = torch.cpu.get_capabilities()
    gpu = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return {"cpu": bool(found.get("avx512_bf16") or found.get("amx_bf16")), "gpu": gpu}


def _is_large(spec: SweepSpec, words: int) -> bool:
    return spec.model.decoder_size * words >= FEWEST_WEIGHTS
