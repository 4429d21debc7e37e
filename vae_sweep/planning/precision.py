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
    old = stored_spec(sweep_folder(spec))
    large = spec.model.decoder_size * words >= FEWEST_WEIGHTS
    quick: Precision = "bfloat16" if large and all(map(_is_quicker, shares)) else "float32"
    precision = old.model.precision if old else quick
    return spec.model_copy(update={"model": spec.model.model_copy(update={"precision": precision})})


def _is_quicker(share: TrialResources) -> bool:
    """Say whether this machine has instructions for bfloat16 where a trial of this share computes."""
    if share.gpus:
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
